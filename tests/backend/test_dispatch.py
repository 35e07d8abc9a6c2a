"""GitHub answers, or does not: what becomes of the delivery."""

from collections.abc import Callable
from datetime import timedelta
from itertools import pairwise
from typing import Any

import pytest

from zekt_backend.rules import backoff

Start = Callable[..., Any]


@pytest.fixture(autouse=True)
def steep_ladder(monkeypatch: pytest.MonkeyPatch) -> None:
    """The published rungs in tenths of a second: what follows what stays the same."""
    monkeypatch.setattr(backoff, "LADDER", (timedelta(seconds=0.1),) * 8)


def deliver(zekt: Any) -> str:
    zekt.github.finish_run(zekt.start_run())
    (delivery,) = zekt.deliveries()
    return str(delivery["deliveryId"])


@pytest.mark.parametrize(
    ("status", "category", "advice"),
    [
        (401, "auth", "private key"),
        (403, "permission", "contents"),
        (404, "not_found", "install"),
        (422, "invalid", "event type"),
    ],
)
def test_a_final_answer_ends_the_delivery_with_advice(zekt: Any, status: int, category: str, advice: str) -> None:
    zekt.github.faults.add(where="dispatch", kind="status", status=status, times=None)
    found = zekt.until(deliver(zekt), "failed")
    assert found["failure"] == category
    assert found["advice"]
    assert advice.lower() in found["advice"].lower()
    assert [a["httpStatus"] for a in found["attemptList"]] == [status]


@pytest.mark.parametrize("status", [500, 502, 503, 408])
def test_a_passing_trouble_is_tried_again_until_it_has_passed(zekt: Any, status: int) -> None:
    zekt.github.faults.add(where="dispatch", kind="status", status=status, times=2)
    found = zekt.until(deliver(zekt), "dispatched")
    assert [a["httpStatus"] for a in found["attemptList"]] == [status, status, 204]
    assert [line["fact"] for line in found["history"]] == ["created", "postponed", "postponed", "accepted"]
    (dispatch,) = zekt.github.dispatches()
    assert dispatch.client_payload["zekt"]["attempt"] == 3


def test_fire_and_forget_gives_up_after_the_third_wait(start: Start) -> None:
    zekt = start(durable=False)
    zekt.github.faults.add(where="dispatch", kind="status", status=503, times=None)
    found = zekt.until(deliver(zekt), "failed")
    assert len(found["attemptList"]) == 4
    assert found["failure"] == "unavailable"


@pytest.mark.parametrize(("kind", "status"), [("rate_limit", 403), ("rate_limit", 429), ("rate_limit_primary", 403)])
def test_a_limit_holds_the_whole_installation_as_long_as_github_says(zekt: Any, kind: str, status: int) -> None:
    zekt.github.faults.add(where="dispatch", kind=kind, status=status, seconds=2)
    first = deliver(zekt)
    zekt.until_sql("SELECT 1 FROM installations WHERE blocked_until > now()")
    zekt.github.finish_run(zekt.start_run())
    zekt.dispatched(2)
    refused, *accepted = zekt.github.dispatches(refused=True)
    assert not refused.accepted
    assert all((d.received_at - refused.received_at).total_seconds() > 0.9 for d in accepted)
    found = zekt.until(first, "dispatched")
    assert [a["category"] for a in found["attemptList"]] == ["rate_limit", "accepted"]


@pytest.mark.parametrize("kind", ["accept_then_cut", "accept_then_hang", "accept_then_status"])
def test_an_ambiguous_answer_is_recorded_and_repeated_with_the_same_id(zekt: Any, kind: str) -> None:
    zekt.github.faults.add(where="dispatch", kind=kind, status=502, seconds=5)
    found = zekt.until(deliver(zekt), "dispatched")
    assert [(a["accepted"], a["ambiguous"]) for a in found["attemptList"]] == [(False, True), (True, False)]
    first, second = zekt.dispatched(2)
    assert first.client_payload["zekt"]["deliveryId"] == second.client_payload["zekt"]["deliveryId"]
    assert [d.client_payload["zekt"]["attempt"] for d in (first, second)] == [1, 2]


@pytest.mark.parametrize("kind", ["cut", "hang"])
def test_a_connection_that_breaks_before_the_answer_is_tried_again(zekt: Any, kind: str) -> None:
    zekt.github.faults.add(where="dispatch", kind=kind, seconds=5)
    found = zekt.until(deliver(zekt), "dispatched")
    assert len(found["attemptList"]) == 2
    assert found["attemptList"][0]["httpStatus"] is None


def test_a_confirmation_of_an_ambiguous_dispatch_settles_it(start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(backoff, "LADDER", (timedelta(seconds=60),) * 8)
    zekt = start()
    zekt.github.faults.add(where="dispatch", kind="accept_then_cut")
    delivery_id = deliver(zekt)
    (dispatch,) = zekt.dispatched()
    run = zekt.github.start_run_for(dispatch)
    answer = zekt.confirm(run, correlationId=dispatch.client_payload["zekt"]["correlationId"], deliveryId=delivery_id)
    assert answer.json()["status"] == "confirmed"
    assert zekt.complete(run, correlationId=answer.json()["correlationId"]).json()["status"] == "completed"
    assert len(zekt.github.dispatches()) == 1


def assert_spaced(zekt: Any, count: int) -> None:
    """By our own clock: what the network does to the writes afterwards is not ours."""
    times = [at for (at,) in zekt.sql("SELECT started_at FROM attempts ORDER BY started_at")]
    assert len(times) == count
    assert all(after - before >= timedelta(seconds=0.4) for before, after in pairwise(times))


def test_writes_of_one_installation_keep_their_distance_whoever_sends_them(start: Start) -> None:
    zekt = start(settings={"dispatch_spacing": timedelta(seconds=0.4)})
    zekt.also_work()
    for _ in range(4):
        zekt.github.finish_run(zekt.start_run())
    zekt.dispatched(4)
    assert_spaced(zekt, 4)


def test_after_a_standstill_what_is_overdue_does_not_go_out_at_once(start: Start) -> None:
    zekt = start(settings={"dispatch_spacing": timedelta(seconds=0.4)}, work=False)
    for _ in range(4):
        zekt.github.finish_run(zekt.start_run())
    zekt.sql("UPDATE deliveries SET due_at = due_at - interval '1 hour'")
    zekt.sql("UPDATE installations SET next_write_at = next_write_at - interval '1 hour'")
    zekt.also_work()
    zekt.dispatched(4)
    assert_spaced(zekt, 4)


def test_a_wait_of_ten_thousand_years_is_cut_to_a_day(zekt: Any) -> None:
    zekt.github.faults.add(where="dispatch", kind="rate_limit", status=429, headers={"retry-after": "315360000000"})
    deliver(zekt)
    zekt.until_sql(
        "SELECT 1 FROM installations"
        " WHERE blocked_until BETWEEN now() + interval '23 hours' AND now() + interval '25 hours'"
    )


def test_a_waiting_retry_does_not_hold_up_the_other_deliveries_of_its_installation(
    start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(backoff, "LADDER", (timedelta(hours=10),) * 8)
    zekt = start()
    zekt.github.faults.add(where="dispatch", kind="status", status=500)
    stuck = deliver(zekt)
    zekt.until_sql("SELECT 1 FROM history WHERE fact = 'postponed'")
    zekt.github.finish_run(zekt.start_run())
    zekt.dispatched(1)
    assert zekt.delivery(stuck)["status"] == "pending"
