from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from zekt_backend.rules.policy import Decision, Provider, Subscription, decide, expect
from zekt_backend.rules.records import RunEvent


def reasons_against(decision: Decision) -> dict[str, str]:
    rules = [*decision.rules, *(rule for verdict in decision.verdicts for rule in verdict.rules)]
    return {rule.name: rule.detail for rule in rules if not rule.passed}


def test_an_approved_consumer_of_a_whitelisted_workflow_gets_it(
    event: RunEvent, provider: Callable[..., Provider]
) -> None:
    decision = decide(event, provider())
    assert decision.outcome == "delivered"
    assert [s.consumer for s in decision.recipients] == ["infra-team/platform"]
    assert reasons_against(decision) == {}


@pytest.mark.parametrize(
    ("change", "rule", "says"),
    [
        ({"repository_known": False}, "repository", "not known here"),
        ({"repository_enabled": False}, "repository", "switched off"),
        ({"whitelisted": False}, "whitelist", ".github/workflows/order.yml is not whitelisted"),
        ({"whitelisted": False, "workflow_path": None}, "whitelist", "names no workflow file"),
        ({"services": ()}, "service", "No service"),
        ({"subscriptions": ()}, "subscriptions", "Nobody has subscribed"),
    ],
)
def test_the_providers_side_blocks_with_a_reason(
    event: RunEvent, provider: Callable[..., Provider], change: dict[str, Any], rule: str, says: str
) -> None:
    decision = decide(event, provider(**change))
    assert (decision.outcome, decision.recipients) == ("blocked", ())
    assert says in reasons_against(decision)[rule]


@pytest.mark.parametrize(
    ("change", "rule", "says"),
    [
        ({"status": "requested"}, "approved", "is requested"),
        ({"status": "denied"}, "approved", "is denied"),
        ({"status": "revoked"}, "approved", "is revoked"),
        ({"conclusions": ("failure",)}, "conclusion", "ended with success; wanted: failure"),
        ({"consumer_enabled": False}, "reachable", "switched off"),
        ({"installation_id": None}, "reachable", "install it there"),
    ],
)
def test_a_consumers_own_rules_block_that_consumer_alone(
    event: RunEvent,
    provider: Callable[..., Provider],
    subscription: Callable[..., Subscription],
    *,
    change: dict[str, Any],
    rule: str,
    says: str,
) -> None:
    other = subscription(id=2, consumer="other-team/tools")
    decision = decide(event, provider(subscriptions=(subscription(**change), other)))
    assert decision.recipients == (other,)
    assert says in reasons_against(decision)[rule]


def test_a_run_without_a_conclusion_fits_no_filter(
    event: RunEvent, provider: Callable[..., Provider], subscription: Callable[..., Subscription]
) -> None:
    wanted = provider(subscriptions=(subscription(conclusions=("success",)),))
    assert decide(replace(event, conclusion=None), wanted).recipients == ()


def test_before_the_run_has_ended_its_conclusion_is_not_asked(
    provider: Callable[..., Provider], subscription: Callable[..., Subscription]
) -> None:
    wanted = provider(subscriptions=(subscription(conclusions=("failure",)), subscription(status="revoked")))
    assert len(expect(wanted).recipients) == 1
