from collections.abc import Callable
from typing import Any

import pytest

from zekt_backend.rules.parties import Provider, Service, Subscription
from zekt_backend.rules.records import RunEvent, RunKey


@pytest.fixture
def event() -> RunEvent:
    return RunEvent(
        guid="guid-1",
        key=RunKey(1001, 16_123_456_789, 1),
        repository="shop-team/orders",
        workflow_id=5,
        workflow_path=".github/workflows/order.yml",
        workflow_name="Order",
        conclusion="success",
        head_branch="main",
        head_sha="0" * 40,
        event="push",
        actor="octocat",
        html_url="https://github.com/shop-team/orders/actions/runs/16123456789",
        started_at="2026-11-21T12:00:00Z",
        completed_at="2026-11-21T12:01:00Z",
    )


@pytest.fixture
def service() -> Service:
    return Service(1, "infrastructure-orders", "Orders", "order-finished", metadata_only=False, hide_provider=False)


@pytest.fixture
def subscription(service: Service) -> Callable[..., Subscription]:
    def make(**changes: Any) -> Subscription:
        values: dict[str, Any] = {
            "id": 1,
            "service": service,
            "status": "approved",
            "consumer_id": 2002,
            "consumer": "infra-team/platform",
            "consumer_enabled": True,
            "enabled_as_consumer": True,
            "installation_id": 52,
            "durable": True,
            "conclusions": None,
            "confirm_timeout": None,
            "complete_timeout": None,
            "max_dispatches": None,
        }
        return Subscription(**(values | changes))

    return make


@pytest.fixture
def provider(service: Service, subscription: Callable[..., Subscription]) -> Callable[..., Provider]:
    def make(**changes: Any) -> Provider:
        values: dict[str, Any] = {
            "repository_known": True,
            "repository_enabled": True,
            "enabled_as_provider": True,
            "workflow_path": ".github/workflows/order.yml",
            "whitelisted": True,
            "services": (service,),
            "subscriptions": (subscription(),),
        }
        return Provider(**(values | changes))

    return make
