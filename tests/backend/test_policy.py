"""Who gets it, who does not, and the reasons that are kept."""

from collections.abc import Callable
from typing import Any

import pytest

from zekt_testing import setup
from zekt_testing.broker import SECRET
from zekt_testing.deliveries import decision_of

Start = Callable[..., Any]


def test_a_workflow_that_is_not_whitelisted_is_blocked_and_the_reason_is_kept(zekt: Any) -> None:
    run = zekt.github.start_run("shop-team/orders", workflow=".github/workflows/other.yml")
    assert zekt.send(run).json()["consumersNotified"] == 0
    zekt.github.finish_run(run)
    ((outcome, reasons),) = decision_of(zekt, run)
    assert outcome == "blocked"
    failed = {rule["name"] for rule in reasons["provider"] if not rule["passed"]}
    assert failed == {"whitelist", "service", "subscriptions"}
    assert zekt.deliveries() == []


@pytest.mark.parametrize("status", ["requested", "denied", "revoked"])
def test_a_consumer_who_is_not_approved_gets_nothing(start: Start, status: str) -> None:
    zekt = start(status=status)
    run = zekt.start_run()
    zekt.send(run)
    zekt.github.finish_run(run)
    ((outcome, reasons),) = decision_of(zekt, run)
    assert outcome == "blocked"
    against = {r["name"]: r["detail"] for r in reasons["consumers"][0]["rules"] if not r["passed"]}
    assert set(against) == {"approved"}
    assert against["approved"] == f"The subscription of infra-team/platform is {status}."
    assert zekt.github.dispatches() == []


def test_a_conclusion_filter_lets_through_what_was_asked_for(start: Start) -> None:
    zekt = start(conclusions=["failure"])
    for conclusion in ("success", "failure"):
        zekt.github.finish_run(zekt.start_run(), conclusion)
    (dispatch,) = zekt.dispatched()
    assert dispatch.client_payload["zekt"]["provider"]["conclusion"] == "failure"
    assert len(zekt.deliveries()) == 1


def test_a_branch_filter_lets_through_what_was_asked_for_and_keeps_why_not(start: Start) -> None:
    zekt = start(branches=["release/*"])
    dropped = zekt.start_run(ref="refs/heads/main")
    zekt.github.finish_run(dropped)
    zekt.github.finish_run(zekt.start_run(ref="refs/heads/release/1"))
    (dispatch,) = zekt.dispatched()
    assert dispatch.client_payload["zekt"]["provider"]["headBranch"] == "release/1"
    ((outcome, reasons),) = decision_of(zekt, dropped)
    assert outcome == "blocked"
    (rule,) = [r for r in reasons["consumers"][0]["rules"] if not r["passed"]]
    assert rule["detail"] == "The run was of the branch main; wanted: release/*."


def test_an_event_type_filter_is_asked_of_each_message(start: Start) -> None:
    zekt = start(**{"event-types": ["ready"]})
    run = zekt.start_run()
    assert zekt.send(run, eventType="draft").json()["consumersNotified"] == 0
    assert zekt.send(run, eventType="ready").json()["consumersNotified"] == 1
    zekt.github.finish_run(run)
    assert [d.event_type for d in zekt.dispatched()] == ["ready"]
    assert zekt.send(run, eventType="draft", messageId="late").json()["consumersNotified"] == 0
    assert len(zekt.deliveries()) == 1
    at_the_end, late = decision_of(zekt, run)
    assert [m["rules"][0]["passed"] for m in at_the_end[1]["consumers"][0]["messages"]] == [False, True]
    assert (at_the_end[0], late[0]) == ("delivered", "blocked")


def test_a_filter_that_changes_holds_for_the_next_event(start: Start, directory: Any) -> None:
    zekt = start(branches=["release/*"])
    zekt.github.finish_run(zekt.start_run(ref="refs/heads/main"))
    setup.apply(zekt.database_url, directory())
    zekt.github.finish_run(zekt.start_run(ref="refs/heads/main"))
    assert len(zekt.dispatched()) == 1


def test_metadata_only_forwards_no_message_at_all(start: Start, directory: Any) -> None:
    wanted = directory()
    wanted["accounts"][0]["repositories"][0]["workflows"][0]["service"]["metadata-only"] = True
    zekt = start(wanted=wanted)
    run = zekt.start_run()
    zekt.send(run, {"secret": "plan"})
    zekt.github.finish_run(run)
    (dispatch,) = zekt.dispatched()
    assert b"plan" not in dispatch.body
    (delivery,) = zekt.deliveries()
    assert delivery["payloadSha256"] is None


def test_a_late_message_to_a_metadata_only_service_makes_no_second_delivery(start: Start, directory: Any) -> None:
    wanted = directory()
    wanted["accounts"][0]["repositories"][0]["workflows"][0]["service"]["metadata-only"] = True
    zekt = start(wanted=wanted)
    run = zekt.start_run()
    zekt.github.finish_run(run)
    zekt.dispatched()
    answer = zekt.send(run, {"late": True})
    assert (answer.status_code, answer.json()["consumersNotified"]) == (202, 0)
    assert len(zekt.deliveries()) == 1


def test_a_hidden_provider_stays_hidden(start: Start, directory: Any) -> None:
    wanted = directory()
    wanted["accounts"][0]["repositories"][0]["workflows"][0]["service"]["hide-provider"] = True
    zekt = start(wanted=wanted)
    zekt.github.finish_run(zekt.start_run())
    (dispatch,) = zekt.dispatched()
    assert b"shop-team" not in dispatch.body


def test_approval_revoked_between_event_and_dispatch_stops_the_dispatch(start: Start) -> None:
    zekt = start(work=False)
    zekt.github.finish_run(zekt.start_run())
    zekt.sql("UPDATE subscriptions SET status = 'revoked'")
    zekt.also_work()
    (delivery,) = zekt.deliveries()
    ended = zekt.until(delivery["deliveryId"], "failed")
    assert ended["failure"] == "revoked"
    assert zekt.github.dispatches(refused=True) == []


def test_an_event_of_a_repository_nobody_knows_is_recorded_as_blocked(zekt: Any) -> None:
    zekt.github.add_repository("stranger/thing")
    run = zekt.github.start_run("stranger/thing")
    zekt.github.add_hook("stranger/thing", url=zekt.hooks[0].url, secret=SECRET)
    (answer,) = zekt.github.finish_run(run)
    assert answer.status_code == 202
    ((outcome, reasons),) = decision_of(zekt, run)
    assert outcome == "blocked"
    assert reasons["provider"][0]["detail"] == "stranger/thing is not known here."
