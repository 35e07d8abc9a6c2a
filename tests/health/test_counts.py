"""The figures of 24 hours, from rows: what counts for, what against, and what is left out."""

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from health import rows
from zekt_backend.rules.health import PICK_UP, State, Statistics
from zekt_backend.store import connection_health
from zekt_backend.store.database import one_connection
from zekt_testing import setup

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
MOMENT = timedelta(microseconds=1)
DAY = timedelta(hours=24)
HOUR = timedelta(hours=1)


@pytest.fixture
def url(new_database: Callable[[], str]) -> str:
    url = new_database()
    setup.apply(url, setup.directory())
    return url


def counted(url: str) -> Statistics:
    async def main() -> Statistics:
        async with one_connection(url) as tx:
            (found,) = (await connection_health.statistics(tx, [1], NOW)).values()
            return found

    return asyncio.run(main())


def state(url: str) -> State:
    async def main() -> State:
        async with one_connection(url) as tx:
            (found,) = (await connection_health.states(tx, [1], NOW)).values()
            return found

    return asyncio.run(main())


def test_without_any_delivery_there_is_a_state_all_the_same(url: str) -> None:
    found = counted(url)
    assert (found.total, found.underway, found.last_event_at, found.capped) == (0, 0, None, False)
    assert state(url) is State.HEALTHY


@pytest.mark.parametrize(("age", "counts"), [(DAY - MOMENT, 1), (DAY, 1), (DAY + MOMENT, 0)])
def test_a_delivery_counts_for_exactly_24_hours(url: str, age: timedelta, counts: int) -> None:
    rows.add(url, "failed", NOW - age)
    found = counted(url)
    assert (found.failed, found.last_event_at) == (counts, NOW - age)
    assert state(url) is (State.CRITICAL if counts else State.HEALTHY)


@pytest.mark.parametrize(
    ("age", "expected"),
    [
        (timedelta(days=7) - MOMENT, State.HEALTHY),
        (timedelta(days=7), State.HEALTHY),
        (timedelta(days=7) + MOMENT, State.WARNING),
    ],
)
def test_a_connection_is_active_for_exactly_seven_days(url: str, age: timedelta, expected: State) -> None:
    rows.add(url, "failed", NOW - age - HOUR)
    rows.add(url, "completed", NOW - age)
    assert state(url) is expected


@pytest.mark.parametrize(
    ("good", "bad", "expected"),
    [
        (98, 2, State.HEALTHY),
        (979, 20, State.WARNING),
        (979, 21, State.WARNING),
        (90, 10, State.WARNING),
        (899, 100, State.CRITICAL),
        (899, 101, State.CRITICAL),
    ],
)
def test_98_and_90_per_cent_of_real_rows(url: str, good: int, bad: int, expected: State) -> None:
    rows.add(url, "completed", NOW - HOUR, count=good)
    rows.add(url, "failed", NOW - 2 * HOUR, count=bad)
    rows.add(url, "failed", NOW - DAY - MOMENT, count=500)
    assert (counted(url).succeeded, counted(url).total) == (good, good + bad)
    assert state(url) is expected


WAITS = {"attempt": 0, "dispatches": 0, "paced": True, "due_at": NOW + HOUR}
FLIES = {"attempt": 1, "dispatches": 0, "paced": False, "due_at": NOW + timedelta(minutes=1)}


@pytest.mark.parametrize(
    ("status", "columns"),
    [
        ("pending", WAITS),
        ("pending", {**WAITS, "durable": False}),
        ("pending", {**WAITS, "due_at": NOW}),
        ("pending", {**WAITS, "due_at": NOW - PICK_UP + MOMENT}),
        ("pending", FLIES),
        ("dispatched", {"due_at": NOW + MOMENT}),
        ("dispatched", {"due_at": NOW + HOUR, "attempt": 4}),
    ],
)
def test_what_is_on_its_way_within_its_time_is_left_out(url: str, status: str, columns: dict[str, Any]) -> None:
    rows.add(url, status, NOW - HOUR, **columns)
    found = counted(url)
    assert (found.underway, found.late, found.total) == (1, 0, 0)
    assert state(url) is State.HEALTHY


@pytest.mark.parametrize(
    ("status", "columns"),
    [
        pytest.param("pending", {**WAITS, "due_at": NOW - PICK_UP}, id="nobody wakes for it"),
        pytest.param("pending", {**FLIES, "tries": 1, "due_at": NOW + HOUR}, id="its first try failed"),
        pytest.param("pending", {**FLIES, "paced": True, "due_at": NOW + HOUR}, id="it met a limit"),
        pytest.param("pending", {**FLIES, "attempt": 2}, id="its first attempt was lost"),
        pytest.param("pending", {**WAITS, "tries": 1}, id="a suspension holds it"),
        pytest.param("pending", {**FLIES, "dispatches": 1}, id="its dispatch was not confirmed"),
        pytest.param("dispatched", {"due_at": NOW}, id="its confirmation is due"),
        pytest.param("dispatched", {"due_at": NOW + HOUR, "dispatches": 2}, id="it was dispatched once more"),
    ],
)
def test_what_went_wrong_or_ran_out_of_time_counts_against(url: str, status: str, columns: dict[str, Any]) -> None:
    rows.add(url, status, NOW - HOUR, **columns)
    found = counted(url)
    assert (found.underway, found.late, found.total) == (0, 1, 1)
    assert state(url) is State.CRITICAL


def test_successes_with_the_attempts_they_took(url: str) -> None:
    rows.add(url, "dispatched", NOW - HOUR, durable=False, attempt=3)
    rows.add(url, "confirmed", NOW - HOUR, due_at=NOW - HOUR, attempt=2, dispatches=2)
    rows.add(url, "completed", NOW - HOUR)
    rows.add(url, "failed", NOW - HOUR, attempt=9)
    found = counted(url)
    assert (found.succeeded, found.failed, found.retries) == (3, 1, 3)


def test_of_several_connections_each_has_its_own(url: str) -> None:
    rows.add(url, "failed", NOW - HOUR)

    async def main() -> dict[int, State]:
        async with one_connection(url) as tx:
            return await connection_health.states(tx, [1, 2], NOW)

    assert asyncio.run(main()) == {1: State.CRITICAL, 2: State.HEALTHY}
