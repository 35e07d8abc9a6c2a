"""What is decided holds for the next event at once, and a revoke also for deliveries under way."""

from collections.abc import Callable
from typing import Any

import pytest

from market.town import three
from zekt_testing.broker import Zekt


@pytest.fixture
def zekt(start: Callable[..., Zekt]) -> Zekt:
    """infra-team and rival-team are both subscribed to the one service; nobody works until a test says so."""
    wanted = three()
    wanted["subscriptions"].append(
        {"service": "infrastructure-orders", "consumer": "rival-team/tools", "status": "approved"}
    )
    zekt = start(wanted=wanted, work=False)
    zekt.github.add_repository("rival-team/tools", id=3003, installation_id=53)
    return zekt


@pytest.fixture
def theirs(ask: Any, rival: str) -> str:
    """The path of rival-team's subscription."""
    (found,) = ask(rival, "/api/subscriptions").json()["subscriptions"]
    return f"/api/subscriptions/{found['id']}"


def ended(zekt: Zekt) -> list[str]:
    """Who gets the end of a fresh run."""
    run = zekt.start_run()
    zekt.github.finish_run(run)
    return [found["consumer"] for found in zekt.deliveries(correlationId=run.id)]


def test_of_two_subscriptions_the_one_that_is_revoked_between_event_and_dispatch_gets_nothing(
    zekt: Zekt, ask: Any, rival: str, theirs: str
) -> None:
    run = zekt.start_run()
    zekt.send(run)
    zekt.github.finish_run(run)
    waiting = {delivery["consumer"]: delivery["deliveryId"] for delivery in zekt.deliveries()}
    assert set(waiting) == {"infra-team/platform", "rival-team/tools"}
    assert ask(rival, f"{theirs}/revoke", "POST").status_code == 200
    zekt.also_work()
    stopped = zekt.until(waiting["rival-team/tools"], "failed")
    assert (stopped["failure"], stopped["dispatches"], stopped["attempts"]) == ("revoked", 0, 0)
    assert [line["fact"] for line in stopped["history"]] == ["created", "refused"]
    assert "The subscription is no longer approved, so nothing was sent." in stopped["history"][-1]["detail"]
    zekt.until(waiting["infra-team/platform"], "dispatched")
    (dispatch,) = zekt.dispatched()
    assert dispatch.client_payload["zekt"]["deliveryId"] == waiting["infra-team/platform"]
    assert zekt.github.dispatches("rival-team/tools", refused=True) == []


def test_each_decision_holds_for_the_next_event(zekt: Zekt, ask: Any, shop: str, rival: str, theirs: str) -> None:
    both, one = ["infra-team/platform", "rival-team/tools"], ["infra-team/platform"]
    assert ended(zekt) == both
    ask(shop, f"{theirs}/revoke", "POST")
    assert ended(zekt) == one
    ask(rival, "/api/subscriptions", "POST", {"service": "infrastructure-orders", "consumer": "rival-team/tools"})
    assert ended(zekt) == one
    ask(shop, f"{theirs}/approve", "POST")
    assert ended(zekt) == both


@pytest.mark.parametrize(
    "filters", [{"conclusions": ["failure"]}, {"branches": ["release/*"]}, {"eventTypes": ["something-else"]}]
)
def test_each_filter_holds_for_the_next_event(
    zekt: Zekt, ask: Any, rival: str, theirs: str, filters: dict[str, Any]
) -> None:
    assert ask(rival, theirs, "PATCH", filters).status_code == 200
    assert ended(zekt) == ["infra-team/platform"]
    assert ask(rival, theirs, "PATCH", dict.fromkeys(filters)).status_code == 200
    assert ended(zekt) == ["infra-team/platform", "rival-team/tools"]


def test_durable_and_its_times_hold_for_the_next_event(zekt: Zekt, ask: Any, rival: str, theirs: str) -> None:
    ended(zekt)
    ask(rival, theirs, "PATCH", {"durable": True, "confirmTimeout": 61, "completeTimeout": 62, "maxDispatches": 3})
    ended(zekt)
    found = zekt.sql(
        """SELECT durable, extract(epoch FROM confirm_timeout)::int, extract(epoch FROM complete_timeout)::int,
               max_dispatches
           FROM deliveries WHERE consumer_id = 3003 ORDER BY seq"""
    )
    assert (found[0][0], found[1]) == (False, (True, 61, 62, 3))
