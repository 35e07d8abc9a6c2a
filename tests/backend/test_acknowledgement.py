"""The consumer's run confirms and completes; the delivery's history stays legal whatever it says."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from zekt_backend.rules.lifecycle import TRANSITIONS, Fact, Status

Start = Callable[..., Any]


def dispatched(zekt: Any) -> tuple[Any, str]:
    """(the consumer's run, the delivery id) of a fresh delivery."""
    run = zekt.start_run()
    zekt.send(run, messageId=f"m-{run.id}")
    zekt.github.finish_run(run)
    dispatch = zekt.dispatched(len(zekt.deliveries()))[-1]
    delivery_id = dispatch.client_payload["zekt"]["deliveryId"]
    zekt.until(delivery_id, "dispatched", "confirmed")
    return zekt.github.start_run_for(dispatch), delivery_id


def ids(zekt: Any, delivery_id: str) -> dict[str, str]:
    return {"correlationId": zekt.delivery(delivery_id)["correlationId"], "deliveryId": delivery_id}


def assert_legal(delivery: dict[str, Any]) -> None:
    status: str | None = None
    for line in delivery["history"]:
        assert line["from"] == status
        fact = Fact(line["fact"])
        if line["from"] != line["to"] and fact is not Fact.CREATED:
            assert TRANSITIONS[fact][Status(line["from"])] == line["to"]
        status = line["to"]
    assert status == delivery["status"]


def test_confirm_then_complete_ends_the_delivery(zekt: Any) -> None:
    run, delivery_id = dispatched(zekt)
    confirmed = zekt.confirm(run, **ids(zekt, delivery_id))
    assert confirmed.status_code == 200
    assert confirmed.json() == {
        "success": True,
        "deliveryId": delivery_id,
        "correlationId": ids(zekt, delivery_id)["correlationId"],
        "status": "confirmed",
        "attempt": 1,
        "duplicate": False,
        "changed": True,
        "message": "Confirmed.",
    }
    completed = zekt.complete(run, **ids(zekt, delivery_id), result={"id": "web-1", "cost": 12.5, "nul": "\u0000"})
    assert completed.json()["status"] == "completed"
    found = zekt.delivery(delivery_id)
    assert found["result"] == {"id": "web-1", "cost": 12.5, "nul": "\u0000"}
    assert (found["conclusion"], found["consumerRunId"]) == ("success", run.id)
    assert [line["fact"] for line in found["history"]] == ["created", "accepted", "confirmed", "completed"]
    assert_legal(found)


def test_without_a_delivery_id_the_newest_open_one_of_the_run_is_meant(zekt: Any) -> None:
    run = zekt.start_run()
    zekt.send(run, 1)
    zekt.send(run, 2)
    zekt.github.finish_run(run)
    zekt.dispatched(2)
    first, second = (d["deliveryId"] for d in zekt.deliveries())
    consumer = zekt.github.start_run("infra-team/platform")
    other = zekt.github.start_run("infra-team/platform")
    assert zekt.complete(consumer, correlationId=str(run.id)).json()["deliveryId"] == second
    assert zekt.confirm(other, correlationId=str(run.id)).json()["deliveryId"] == first


def test_a_run_that_failed_fails_the_delivery(zekt: Any) -> None:
    run, delivery_id = dispatched(zekt)
    zekt.confirm(run, **ids(zekt, delivery_id))
    zekt.complete(run, **ids(zekt, delivery_id), success=False, conclusion="cancelled")
    found = zekt.delivery(delivery_id)
    assert (found["status"], found["conclusion"], found["failure"]) == ("failed", "cancelled", "run_failed")
    assert_legal(found)


def test_a_stranger_cannot_confirm_and_learns_nothing(zekt: Any) -> None:
    _, delivery_id = dispatched(zekt)
    zekt.github.add_repository("stranger/thing")
    stranger = zekt.github.start_run("stranger/thing")
    theirs = zekt.confirm(stranger, **ids(zekt, delivery_id))
    nobodys = zekt.confirm(stranger, correlationId="1", deliveryId="delivery-none")
    assert (theirs.status_code, theirs.json()) == (nobodys.status_code, nobodys.json())
    assert (theirs.status_code, theirs.json()["code"]) == (403, "not_yours")
    assert zekt.delivery(delivery_id)["status"] == "dispatched"


def test_the_provider_cannot_confirm_its_own_delivery(zekt: Any) -> None:
    _, delivery_id = dispatched(zekt)
    assert zekt.confirm(zekt.start_run(), **ids(zekt, delivery_id)).status_code == 403


def test_confirming_twice_is_no_duplicate_of_itself(zekt: Any) -> None:
    run, delivery_id = dispatched(zekt)
    zekt.confirm(run, **ids(zekt, delivery_id))
    again = zekt.confirm(run, **ids(zekt, delivery_id)).json()
    assert (again["duplicate"], again["changed"], again["status"]) == (False, False, "confirmed")
    assert_legal(zekt.delivery(delivery_id))


def test_a_second_run_is_told_to_skip_the_work_and_cannot_end_the_firsts(zekt: Any) -> None:
    run, delivery_id = dispatched(zekt)
    zekt.confirm(run, **ids(zekt, delivery_id))
    second = zekt.github.start_run("infra-team/platform")
    assert zekt.confirm(second, **ids(zekt, delivery_id)).json()["duplicate"] is True
    assert zekt.complete(second, **ids(zekt, delivery_id), success=False).json()["changed"] is False
    assert zekt.delivery(delivery_id)["status"] == "confirmed"
    assert zekt.complete(run, **ids(zekt, delivery_id)).json()["status"] == "completed"
    assert_legal(zekt.delivery(delivery_id))


def test_completing_before_confirming_counts_as_both(zekt: Any) -> None:
    run, delivery_id = dispatched(zekt)
    answer = zekt.complete(run, **ids(zekt, delivery_id)).json()
    assert (answer["status"], answer["changed"]) == ("completed", True)
    found = zekt.delivery(delivery_id)
    assert [line["fact"] for line in found["history"]][-2:] == ["confirmed", "completed"]
    assert found["confirmedAt"] is not None
    assert_legal(found)


def test_completing_after_the_end_is_accepted_and_explained(zekt: Any) -> None:
    run, delivery_id = dispatched(zekt)
    zekt.complete(run, **ids(zekt, delivery_id))
    late = zekt.complete(run, **ids(zekt, delivery_id), success=False)
    assert (late.status_code, late.json()["changed"]) == (200, False)
    assert "had ended as completed" in late.json()["message"]
    found = zekt.delivery(delivery_id)
    assert found["status"] == "completed"
    assert found["history"][-1]["fact"] == "noted"
    assert_legal(found)


def test_a_runner_that_dies_still_ends_its_delivery_by_its_repositorys_webhook(zekt: Any) -> None:
    run, delivery_id = dispatched(zekt)
    zekt.confirm(run, **ids(zekt, delivery_id))
    zekt.github.finish_run(run, "cancelled")
    found = zekt.delivery(delivery_id)
    assert (found["status"], found["conclusion"]) == ("failed", "cancelled")
    assert_legal(found)


def test_without_completion_tracking_the_webhook_ends_nothing(start: Start, directory: Any) -> None:
    wanted = directory()
    wanted["accounts"][1]["repositories"][0]["completion-tracking"] = False
    zekt = start(wanted=wanted)
    run, delivery_id = dispatched(zekt)
    zekt.confirm(run, **ids(zekt, delivery_id))
    zekt.github.finish_run(run)
    assert zekt.delivery(delivery_id)["status"] == "confirmed"


def test_fire_and_forget_ends_at_dispatched_and_says_so_to_who_confirms(start: Start) -> None:
    zekt = start(durable=False)
    run, delivery_id = dispatched(zekt)
    answer = zekt.confirm(run, **ids(zekt, delivery_id)).json()
    assert (answer["status"], answer["changed"]) == ("dispatched", False)
    assert "fire-and-forget" in answer["message"]


def test_what_nobody_confirms_is_dispatched_again_with_the_same_id_and_the_next_number(start: Start) -> None:
    zekt = start(settings={"confirm_timeout": timedelta(seconds=1)}, **{"max-dispatches": 3})
    zekt.github.finish_run(zekt.start_run())
    envelopes = [d.client_payload["zekt"] for d in zekt.dispatched(3)]
    assert [e["attempt"] for e in envelopes] == [1, 2, 3]
    assert len({e["deliveryId"] for e in envelopes}) == 1
    ended = zekt.until(envelopes[0]["deliveryId"], "failed")
    assert ended["failure"] == "unconfirmed"
    assert "confirm action" in ended["advice"]
    assert_legal(ended)


def test_a_late_confirmation_stops_the_dispatching(start: Start) -> None:
    zekt = start(settings={"confirm_timeout": timedelta(seconds=1)})
    zekt.github.finish_run(zekt.start_run())
    first, second = zekt.dispatched(2)[:2]
    run = zekt.github.start_run_for(first)
    delivery_id = first.client_payload["zekt"]["deliveryId"]
    assert zekt.confirm(run, **ids(zekt, delivery_id)).json()["status"] == "confirmed"
    other = zekt.github.start_run_for(second)
    assert zekt.confirm(other, **ids(zekt, delivery_id)).json()["duplicate"] is True
    assert_legal(zekt.delivery(delivery_id))


@pytest.mark.parametrize(("conclusion", "status"), [("success", "completed"), ("timed_out", "failed")])
def test_when_no_completion_comes_github_is_asked_how_the_run_ended(start: Start, conclusion: str, status: str) -> None:
    zekt = start(settings={"complete_timeout": timedelta(seconds=1)})
    run, delivery_id = dispatched(zekt)
    zekt.github.world.runs.finish(run, conclusion)
    zekt.confirm(run, **ids(zekt, delivery_id))
    ended = zekt.until(delivery_id, "completed", "failed")
    assert (ended["status"], ended["conclusion"]) == (status, conclusion)
    assert "asking GitHub" in ended["history"][-1]["detail"]
    assert_legal(ended)


def test_a_run_that_is_still_going_is_given_more_time(start: Start) -> None:
    zekt = start(settings={"complete_timeout": timedelta(seconds=1)})
    run, delivery_id = dispatched(zekt)
    zekt.confirm(run, **ids(zekt, delivery_id))
    before = zekt.delivery(delivery_id)["dueAt"]
    zekt.wait_for_visit(f"/actions/runs/{run.id}")
    zekt.until_sql("SELECT 1 FROM deliveries WHERE status = 'confirmed' AND due_at > now() + interval '5 minutes'")
    assert zekt.delivery(delivery_id)["dueAt"] > before
    assert zekt.complete(run, **ids(zekt, delivery_id)).json()["status"] == "completed"


def test_a_run_that_github_does_not_know_fails_as_overdue(start: Start) -> None:
    zekt = start(settings={"complete_timeout": timedelta(seconds=1)})
    run, delivery_id = dispatched(zekt)
    zekt.confirm(run, **ids(zekt, delivery_id))
    zekt.github.faults.add(where="rest", kind="status", status=404, times=None)
    ended = zekt.until(delivery_id, "failed")
    assert ended["failure"] == "overdue"
    assert "if: always()" in ended["advice"]
    assert_legal(ended)
