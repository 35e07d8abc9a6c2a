"""The state of a connection, against figures counted by hand, at every boundary and at both sides of it."""

from datetime import UTC, datetime, timedelta
from fractions import Fraction
from typing import Any

import pytest

from zekt_backend.rules import health
from zekt_backend.rules.health import Standing, State, Statistics, statistics
from zekt_backend.rules.lifecycle import Status

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
MOMENT = timedelta(microseconds=1)


def standing(status: Status, count: int = 1, **how: Any) -> Standing:
    calm = {"durable": True, "tried": False, "unheard": False, "overdue": False}
    return Standing(status=status, count=count, **{**calm, **how})


def of(completed: int, failed: int, last: datetime | None = NOW) -> Statistics:
    standings = [standing(Status.COMPLETED, completed), standing(Status.FAILED, failed)]
    return statistics([each for each in standings if each.count], last)


@pytest.mark.parametrize(
    ("completed", "failed", "state", "shown"),
    [
        (100, 0, State.HEALTHY, 100),
        (98, 2, State.HEALTHY, 98),
        (9_801, 199, State.HEALTHY, 98.01),
        (9_800, 200, State.HEALTHY, 98),
        (9_799, 201, State.WARNING, 97.99),
        (979_999, 20_001, State.WARNING, 97.99),
        (980_000, 20_000, State.HEALTHY, 98),
        (49, 1, State.HEALTHY, 98),
        (48, 1, State.WARNING, 97.95),
        (97, 3, State.WARNING, 97),
        (90, 10, State.WARNING, 90),
        (9, 1, State.WARNING, 90),
        (9_001, 999, State.WARNING, 90.01),
        (9_000, 1_000, State.WARNING, 90),
        (8_999, 1_001, State.CRITICAL, 89.99),
        (899_999, 100_001, State.CRITICAL, 89.99),
        (89, 11, State.CRITICAL, 89),
        (8, 1, State.CRITICAL, 88.88),
        (1, 0, State.HEALTHY, 100),
        (0, 1, State.CRITICAL, 0),
    ],
)
def test_98_and_90_per_cent_are_exact(completed: int, failed: int, state: State, shown: float) -> None:
    found = of(completed, failed)
    assert (health.state_of(found, NOW), found.success_rate) == (state, shown)


def test_no_total_blurs_the_boundaries() -> None:
    for total in range(1, 2_001):
        for succeeded in {total * 9 // 10, total * 9 // 10 + 1, total * 98 // 100, total * 98 // 100 + 1} - {total + 1}:
            part = Fraction(succeeded, total)
            exactly = "healthy" if part >= Fraction("0.98") else "warning" if part >= Fraction("0.9") else "critical"
            assert health.state_of(of(succeeded, total - succeeded), NOW) == exactly, (succeeded, total)


@pytest.mark.parametrize(
    ("age", "state"),
    [
        (timedelta(), State.HEALTHY),
        (health.ACTIVE - MOMENT, State.HEALTHY),
        (health.ACTIVE, State.HEALTHY),
        (health.ACTIVE + MOMENT, State.WARNING),
        (timedelta(days=400), State.WARNING),
        (-MOMENT, State.HEALTHY),
    ],
)
def test_exactly_seven_days_are_still_active(age: timedelta, state: State) -> None:
    found = of(0, 0, NOW - age)
    assert (found.total, found.success_rate) == (0, None)
    assert health.state_of(found, NOW) is state


def test_what_has_had_no_delivery_yet_is_healthy() -> None:
    assert health.state_of(of(0, 0, None), NOW) is State.HEALTHY


def test_confirmed_and_completed_succeed_and_fire_and_forget_when_dispatched() -> None:
    found = statistics(
        [
            standing(Status.CONFIRMED, 3),
            standing(Status.CONFIRMED, 2, overdue=True),
            standing(Status.COMPLETED, 4),
            standing(Status.DISPATCHED, 5, durable=False),
            standing(Status.FAILED, 1),
            standing(Status.FAILED, 1, durable=False),
        ],
        NOW,
    )
    assert (found.succeeded, found.failed, found.late, found.underway, found.total) == (14, 2, 0, 0, 16)
    assert found.success_rate == 87.5
    assert found.statuses == {
        Status.PENDING: 0,
        Status.DISPATCHED: 5,
        Status.CONFIRMED: 5,
        Status.COMPLETED: 4,
        Status.FAILED: 2,
    }


@pytest.mark.parametrize(
    "underway",
    [standing(Status.PENDING), standing(Status.PENDING, durable=False), standing(Status.DISPATCHED)],
)
def test_a_delivery_on_its_way_within_its_time_speaks_neither_for_nor_against(underway: Standing) -> None:
    alone = statistics([underway], NOW)
    assert (alone.underway, alone.total, alone.success_rate) == (1, 0, None)
    assert health.state_of(alone, NOW) is State.HEALTHY
    beside = statistics([underway, standing(Status.COMPLETED, 98), standing(Status.FAILED, 2)], NOW)
    assert (beside.total, health.state_of(beside, NOW)) == (100, State.HEALTHY)


@pytest.mark.parametrize(
    "late",
    [
        standing(Status.PENDING, tried=True),
        standing(Status.PENDING, unheard=True),
        standing(Status.PENDING, overdue=True),
        standing(Status.PENDING, durable=False, tried=True),
        standing(Status.DISPATCHED, overdue=True),
        standing(Status.DISPATCHED, unheard=True),
    ],
)
def test_a_delivery_whose_time_ran_out_or_whose_try_failed_counts_against(late: Standing) -> None:
    found = statistics([late, standing(Status.COMPLETED, 8)], NOW)
    assert (found.late, found.failed, found.underway, found.total) == (1, 0, 0, 9)
    assert health.state_of(found, NOW) is State.CRITICAL


def test_retries_are_of_those_that_succeeded() -> None:
    found = statistics(
        [
            standing(Status.COMPLETED, 4, retries=6),
            standing(Status.DISPATCHED, 1, durable=False, retries=1),
            standing(Status.FAILED, 2, retries=16),
            standing(Status.PENDING, 1, tried=True, retries=3),
        ],
        NOW,
    )
    assert found.retries == 7


def test_beyond_the_most_the_newest_are_judged_and_it_is_said() -> None:
    assert not of(health.MOST - 1, 0).capped
    assert of(health.MOST, 0).capped
