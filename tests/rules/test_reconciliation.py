"""Which webhooks are asked for again, when, and until when; and how long a run is left alone."""

from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from zekt_backend.rules import reconciliation
from zekt_backend.rules.reconciliation import MAX_ASKS, RETENTION, LogLine

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)


def line(id: int, guid: str = "g", **how: Any) -> LogLine:  # noqa: A002 - the record's name
    values: dict[str, Any] = {
        "delivered_at": NOW,
        "redelivery": False,
        "ok": False,
        "event": "workflow_run",
        "action": "completed",
        "repository_id": 1,
        **how,
    }
    return LogLine(id=id, guid=guid, **values)


def test_only_finished_runs_are_ours() -> None:
    lines = [
        line(1),
        line(2, action="requested"),
        line(3, event="push", action=None),
        line(4, event="ping", action=None),
    ]
    assert [each.id for each in reconciliation.ours(lines)] == [1]


def test_what_was_delivered_once_has_not_failed() -> None:
    lines = [line(3, "a"), line(2, "a", ok=True), line(1, "a"), line(4, "b")]
    assert [each.id for each in reconciliation.failed(lines)] == [4]


def test_of_what_failed_several_times_the_newest_line_counts() -> None:
    lines = [line(7, "a"), line(9, "a", redelivery=True), line(8, "b")]
    assert sorted(each.id for each in reconciliation.failed(lines)) == [8, 9]


def test_every_redelivery_is_asked_for_while_github_can_do_it() -> None:
    waits = [reconciliation.next_ask(asked) for asked in range(1, MAX_ASKS + 1)]
    assert waits == sorted(waits)
    assert waits[0] >= timedelta(minutes=5)
    assert sum(waits, timedelta(0)) == timedelta(hours=17, minutes=20) < RETENTION


@given(asked=st.integers(0, 10_000), hours=st.integers(-100, 100))
def test_it_is_given_up_after_the_last_one_or_when_github_has_forgotten(asked: int, hours: int) -> None:
    hopeless = reconciliation.is_hopeless(asked, NOW - timedelta(hours=hours), NOW)
    assert hopeless == (asked >= MAX_ASKS or hours >= 72)
    assert reconciliation.next_ask(max(1, asked)) <= timedelta(hours=12)


@given(looked=st.integers(1, 1_000_000), seconds=st.integers(1, 90 * 86_400))
def test_a_run_is_left_alone_longer_and_longer_but_never_for_ever(looked: int, seconds: int) -> None:
    patience = timedelta(seconds=seconds)
    wait = reconciliation.next_look(looked, patience)
    assert patience <= wait <= max(patience, timedelta(hours=6))
    assert wait <= reconciliation.next_look(looked + 1, patience)


def test_reading_a_webhooks_log_costs_a_request_a_round_and_one_an_hour_to_find_it() -> None:
    told = {seconds: reconciliation.requests_an_hour(seconds) for seconds in (0, 7, 300, 3_540)}
    assert told == {0: 0, 7: 516, 300: 13, 3_540: 3}
