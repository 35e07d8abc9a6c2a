from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from zekt_backend.rules.correlation import Message
from zekt_backend.rules.parties import Provider, Service, Subscription
from zekt_backend.rules.policy import Decision, decide, expect
from zekt_backend.rules.records import RunEvent


def reasons_against(decision: Decision) -> dict[str, str]:
    rules = [*decision.rules, *(rule for verdict in decision.verdicts for rule in verdict.rules)]
    rules += [rule for verdict in decision.verdicts for offer in verdict.offers for rule in offer.rules]
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
        ({"enabled_as_provider": False}, "repository", "shop-team/orders is not enabled as a provider"),
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
        ({"branches": ("release/*", "dev")}, "branch", "of the branch main; wanted: release/*, dev"),
        ({"event_types": ("ready",)}, "event_type", "is order-finished; wanted: ready"),
        ({"consumer_enabled": False}, "reachable", "switched off"),
        ({"enabled_as_consumer": False}, "reachable", "infra-team/platform is not enabled as a consumer"),
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


@pytest.mark.parametrize("status", ["requested", "denied", "revoked"])
def test_a_subscription_that_is_not_approved_is_asked_nothing_else(
    event: RunEvent,
    provider: Callable[..., Provider],
    subscription: Callable[..., Subscription],
    status: str,
) -> None:
    """Anybody may request: it is one line in the provider's decisions, whatever its filters are."""
    asked = provider(subscriptions=(subscription(status=status, branches=("a*",) * 50, event_types=("x",) * 50),))
    for decision in (decide(event, asked, [message("1", "ready")]), expect(asked, message("1", "ready"))):
        (verdict,) = decision.verdicts
        assert ([rule.name for rule in verdict.rules], verdict.offers) == (["approved"], ())


def test_of_a_long_filter_a_reason_names_the_first_few(
    event: RunEvent, provider: Callable[..., Provider], subscription: Callable[..., Subscription]
) -> None:
    wanted = subscription(branches=tuple(f"b{number}" for number in range(50)))
    told = reasons_against(decide(event, provider(subscriptions=(wanted,))))["branch"]
    assert told == "The run was of the branch main; wanted: b0, b1, b2, b3, b4 and 45 more."


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


def message(event_id: str, event_type: str | None) -> Message:
    return Message(event_id, event_type, ".github/workflows/order.yml", 1, None, None)


def granted(decision: Decision) -> list[tuple[str | None, str]]:
    return [(offer.message.event_id if offer.message else None, offer.event_type) for _, offer in decision.granted]


def test_a_branch_that_nobody_named_fits_no_filter_and_no_filter_minds(
    event: RunEvent, provider: Callable[..., Provider], subscription: Callable[..., Subscription]
) -> None:
    nameless = replace(event, head_branch=None)
    assert decide(nameless, provider(subscriptions=(subscription(branches=("**",)),))).recipients == ()
    assert len(decide(nameless, provider()).recipients) == 1


def test_event_types_are_asked_of_each_message_by_itself(
    event: RunEvent, provider: Callable[..., Provider], subscription: Callable[..., Subscription]
) -> None:
    choosy, other = subscription(event_types=("ready", "order-finished")), subscription(id=2, consumer="other/tools")
    sent = [message("m1", "ready"), message("m2", "draft"), message("m3", None)]
    decision = decide(event, provider(subscriptions=(choosy, other)), sent)
    assert granted(decision)[:2] == [("m1", "ready"), ("m3", "order-finished")]
    assert granted(decision)[2:] == [("m1", "ready"), ("m2", "draft"), ("m3", "order-finished")]
    assert reasons_against(decision) == {"event_type": "The event type is draft; wanted: ready, order-finished."}
    assert decision.against == ("event_type",)


def test_a_run_whose_messages_are_all_filtered_out_does_not_arrive_without_one(
    event: RunEvent, provider: Callable[..., Provider], subscription: Callable[..., Subscription]
) -> None:
    decision = decide(event, provider(subscriptions=(subscription(event_types=("ready",)),)), [message("m1", "draft")])
    assert (decision.outcome, decision.granted) == ("blocked", ())


def test_what_a_filter_leaves_over_does_not_swallow_the_end_of_a_run_that_is_run_again(
    event: RunEvent, provider: Callable[..., Provider], subscription: Callable[..., Subscription]
) -> None:
    choosy = subscription(event_types=("ready", "order-finished"))
    sent = [replace(message("m1", "ready"), carried_to=(choosy.id,)), message("m2", "draft")]
    again = decide(event, provider(subscriptions=(choosy,)), sent)
    assert granted(again) == [(None, "order-finished")]
    assert reasons_against(again) == {"event_type": "The event type is draft; wanted: ready, order-finished."}
    more = decide(event, provider(subscriptions=(choosy,)), [*sent, message("m3", "ready")])
    assert granted(more) == [("m3", "ready")]
    assert decide(event, provider(subscriptions=(choosy,)), sent, late=True).granted == ()
    unnamed = decide(event, provider(subscriptions=(subscription(event_types=("ready",)),)), sent)
    assert unnamed.granted == (), "the end has the service's own event type, which this one does not want"


def test_a_late_message_adds_nothing_to_a_service_that_forwards_none(
    event: RunEvent, provider: Callable[..., Provider], service: Service, subscription: Callable[..., Subscription]
) -> None:
    silent = provider(subscriptions=(subscription(service=replace(service, metadata_only=True)),))
    assert granted(decide(event, silent, [message("m1", "a"), message("m2", "b")])) == [(None, "order-finished")]
    late = decide(event, silent, [message("m3", "a")], late=True)
    assert late.granted == ()
    assert "forwards no messages" in reasons_against(late)["metadata_only"]


def test_before_the_run_has_ended_the_messages_own_type_is_asked_and_the_branch_is_not(
    provider: Callable[..., Provider], subscription: Callable[..., Subscription]
) -> None:
    wanted = provider(subscriptions=(subscription(event_types=("ready",), branches=("none",)),))
    assert len(expect(wanted, message("m1", "ready")).recipients) == 1
    assert expect(wanted, message("m1", "draft")).recipients == ()
    assert len(expect(wanted).recipients) == 1
