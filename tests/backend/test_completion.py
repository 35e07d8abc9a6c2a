"""How deliveries end when the consumer's run says nothing, says it late, or cannot."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from zekt_testing.deliveries import assert_legal, dispatched, ids

Start = Callable[..., Any]


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
    assert "`zekt doctor infrastructure-orders@infra-team/platform`" in ended["advice"]
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


def test_a_run_is_asked_about_under_the_name_that_its_repository_has_now(start: Start) -> None:
    zekt = start(settings={"complete_timeout": timedelta(seconds=1)})
    run, delivery_id = dispatched(zekt)
    zekt.github.world.runs.finish(run, "success")
    zekt.github.app.rename("infra-team/platform", "hosting")
    zekt.sql("UPDATE repositories SET full_name = 'infra-team/hosting' WHERE id = 2002")
    zekt.confirm(run, **ids(zekt, delivery_id))
    ended = zekt.until(delivery_id, "completed", "failed")
    assert (ended["status"], ended["conclusion"]) == ("completed", "success")


def test_a_run_that_is_still_going_is_given_more_time(start: Start) -> None:
    zekt = start(settings={"complete_timeout": timedelta(seconds=1)})
    run, delivery_id = dispatched(zekt)
    zekt.confirm(run, **ids(zekt, delivery_id))
    before = zekt.delivery(delivery_id)["dueAt"]
    zekt.wait_for_visit(f"/actions/runs/{run.id}")
    zekt.until_sql("SELECT 1 FROM deliveries WHERE status = 'confirmed' AND due_at > now() + interval '5 minutes'")
    assert zekt.delivery(delivery_id)["dueAt"] > before
    assert zekt.complete(run, **ids(zekt, delivery_id)).json()["status"] == "completed"


def test_an_app_that_may_not_ask_fails_the_delivery_with_advice(start: Start) -> None:
    zekt = start(settings={"complete_timeout": timedelta(seconds=1)})
    run, delivery_id = dispatched(zekt)
    zekt.confirm(run, **ids(zekt, delivery_id))
    zekt.github.faults.add(where="rest", kind="status", status=403, times=None)
    ended = zekt.until(delivery_id, "failed")
    assert ended["failure"] == "overdue"
    assert "would not say" in ended["history"][-1]["detail"]
    assert ended["advice"]


def test_a_run_that_github_does_not_know_fails_as_overdue(start: Start) -> None:
    zekt = start(settings={"complete_timeout": timedelta(seconds=1)})
    run, delivery_id = dispatched(zekt)
    zekt.confirm(run, **ids(zekt, delivery_id))
    zekt.github.faults.add(where="rest", kind="status", status=404, times=None)
    ended = zekt.until(delivery_id, "failed")
    assert ended["failure"] == "overdue"
    assert "if: always()" in ended["advice"]
    assert_legal(ended)
