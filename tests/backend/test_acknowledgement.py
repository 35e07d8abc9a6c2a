"""The consumer's run confirms and completes; the delivery's history stays legal whatever it says."""

import json
from collections.abc import Callable
from typing import Any

import pytest
import requests

from zekt_testing.deliveries import assert_legal, dispatched, ids

Start = Callable[..., Any]


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


def test_two_runs_without_a_delivery_id_take_one_delivery_each(zekt: Any) -> None:
    run = zekt.start_run()
    zekt.send(run, 1)
    zekt.send(run, 2)
    zekt.github.finish_run(run)
    zekt.dispatched(2)
    one, two = zekt.github.start_run("infra-team/platform"), zekt.github.start_run("infra-team/platform")
    answers = [zekt.confirm(consumer, correlationId=str(run.id)).json() for consumer in (one, two)]
    assert len({answer["deliveryId"] for answer in answers}) == 2
    assert not any(answer["duplicate"] for answer in answers)
    ends = [zekt.complete(consumer, correlationId=str(run.id)).json() for consumer in (two, one)]
    assert [end["deliveryId"] for end in ends] == [answer["deliveryId"] for answer in reversed(answers)]


def test_what_was_never_sent_cannot_be_confirmed(start: Start) -> None:
    zekt = start(work=False)
    zekt.github.finish_run(zekt.start_run())
    (delivery,) = zekt.deliveries()
    consumer = zekt.github.start_run("infra-team/platform")
    for body in ({}, {"deliveryId": delivery["deliveryId"]}):
        assert zekt.confirm(consumer, correlationId=delivery["correlationId"], **body).status_code == 403
    assert zekt.delivery(delivery["deliveryId"])["status"] == "pending"


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ("UPDATE repositories SET enabled = false WHERE id = 2002", "not_yours"),
        ("SELECT 1", "pull_request_target_refused"),
    ],
)
def test_a_consumer_that_may_not_speak_can_neither_confirm_nor_complete_nor_fetch(
    zekt: Any, change: str, code: str
) -> None:
    _, delivery_id = dispatched(zekt)
    zekt.sql(change)
    event = "pull_request_target" if code.startswith("pull") else "repository_dispatch"
    consumer = zekt.github.start_run("infra-team/platform", event=event)
    known = {"correlationId": zekt.delivery(delivery_id)["correlationId"], "deliveryId": delivery_id}
    headers = {"Authorization": f"Bearer {consumer.token()}"}
    answers = [
        zekt.confirm(consumer, **known),
        zekt.complete(consumer, **known),
        requests.get(f"{zekt.url}/api/event-delivery/{delivery_id}/payload", headers=headers, timeout=10),
    ]
    assert [(answer.status_code, answer.json()["code"]) for answer in answers] == [(403, code)] * 3
    assert zekt.delivery(delivery_id)["status"] == "dispatched"


def test_a_late_webhook_of_an_earlier_attempt_ends_nothing(zekt: Any) -> None:
    first, delivery_id = dispatched(zekt)
    second = zekt.github.rerun(first)
    zekt.confirm(second, **ids(zekt, delivery_id))
    zekt.github.finish_run(first, "failure")
    assert zekt.delivery(delivery_id)["status"] == "confirmed"
    zekt.github.finish_run(second, "success")
    assert zekt.delivery(delivery_id)["status"] == "completed"


def test_saying_the_same_a_hundred_times_is_one_line_of_history(zekt: Any) -> None:
    run, delivery_id = dispatched(zekt)
    for _ in range(100):
        zekt.confirm(run, **ids(zekt, delivery_id))
    assert [line["fact"] for line in zekt.delivery(delivery_id)["history"]].count("noted") == 1


@pytest.mark.parametrize(
    ("result", "status"),
    [
        ("x" * 65_534, 200),
        ("x" * 65_535, 400),
        (json.loads("[" * 100 + "]" * 100), 200),
        (json.loads("[" * 101 + "]" * 101), 400),
    ],
    ids=["65,536 bytes", "65,537 bytes", "100 levels", "101 levels"],
)
def test_a_result_is_held_to_its_limits_and_the_listing_still_works(zekt: Any, result: Any, status: int) -> None:
    run, delivery_id = dispatched(zekt)
    answer = zekt.complete(run, **ids(zekt, delivery_id), result=result)
    assert answer.status_code == status, answer.text
    assert len(zekt.deliveries()) == 1
    assert zekt.delivery(delivery_id)["status"] == ("completed" if status == 200 else "dispatched")


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
