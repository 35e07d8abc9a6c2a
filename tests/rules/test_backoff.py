from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from zekt_backend.rules.backoff import (
    FIRE_AND_FORGET_RUNGS,
    LADDER,
    LIMIT_PATIENCE,
    LIMIT_SECONDS,
    LONGEST_LIMIT_SECONDS,
    LONGEST_WAIT_SECONDS,
    limit_wait,
    next_wait,
    wait_for_limit,
)


def wait(failed: int, *, durable: bool = True, dice: float = 0.5, retry_after: float | None = None) -> timedelta | None:
    return next_wait(failed, durable=durable, dice=dice, retry_after=retry_after)


def test_the_ladder_is_the_published_one() -> None:
    assert [wait(n) for n in range(1, 9)] == [
        timedelta(seconds=s) for s in (5, 30, 120, 600, 1800, 7200, 18_000, 36_000)
    ]


def test_a_durable_delivery_is_given_up_after_the_last_rung() -> None:
    assert wait(9) is None


def test_fire_and_forget_gets_the_first_three_rungs() -> None:
    assert wait(3, durable=False) == timedelta(minutes=2)
    assert wait(4, durable=False) is None


@given(st.integers(1, 8), st.floats(0, 1, exclude_max=True))
def test_jitter_stays_within_a_fifth(failed: int, dice: float) -> None:
    waited = wait(failed, dice=dice)
    assert waited is not None
    assert 0.8 * LADDER[failed - 1] <= waited <= 1.2 * LADDER[failed - 1]


@given(st.integers(1, 7), st.floats(0, 1, exclude_max=True), st.floats(0, 1, exclude_max=True))
def test_each_wait_is_longer_than_the_one_before_whatever_the_dice(failed: int, one: float, other: float) -> None:
    before, after = wait(failed, dice=one), wait(failed + 1, dice=other)
    assert before is not None
    assert after is not None
    assert before < after


@given(st.floats(0, 100_000))
def test_github_is_never_asked_before_it_allows(seconds: float) -> None:
    waited = wait(1, retry_after=seconds)
    assert waited is not None
    assert waited >= timedelta(seconds=min(seconds, 86_400))


@given(
    failed=st.integers(1, 8),
    durable=st.booleans(),
    dice=st.floats(0, 1, exclude_max=True),
    asked=st.none() | st.floats(0, allow_infinity=False, allow_nan=False),
)
def test_every_wait_is_within_bounds_whatever_github_asks(
    failed: int, durable: bool, dice: float, asked: float | None
) -> None:
    waited = next_wait(failed, durable=durable, dice=dice, retry_after=asked)
    if waited is None:
        assert failed > FIRE_AND_FORGET_RUNGS
        assert not durable
        return
    assert waited >= timedelta(seconds=min(asked or 0, LONGEST_WAIT_SECONDS))
    assert waited <= timedelta(seconds=LONGEST_WAIT_SECONDS)


@given(st.floats(0, allow_infinity=False, allow_nan=False), st.timedeltas(timedelta(0), 2 * LIMIT_PATIENCE))
def test_a_limit_is_waited_for_as_long_as_github_says_up_to_a_day_and_for_two_days_in_all(
    asked: float, limited_for: timedelta
) -> None:
    waited = wait_for_limit(limited_for, asked)
    if limited_for < timedelta(days=2):
        assert waited == timedelta(seconds=min(asked, LONGEST_WAIT_SECONDS))
    else:
        assert waited is None


@given(st.integers(-3, 10_000))
def test_limits_that_name_no_time_wait_longer_each_time_up_to_an_hour(in_row: int) -> None:
    assert LIMIT_SECONDS <= limit_wait(in_row) <= limit_wait(in_row + 1) <= LONGEST_LIMIT_SECONDS


def test_the_first_limits_in_a_row_double() -> None:
    assert [limit_wait(n) for n in range(1, 9)] == [60, 120, 240, 480, 960, 1920, 3600, 3600]


@given(st.integers(9, 10**6), st.booleans(), st.none() | st.floats(0, 1e300))
def test_attempt_ten_thousand_is_no_arithmetic_accident(failed: int, durable: bool, asked: float | None) -> None:
    assert next_wait(failed, durable=durable, dice=0.5, retry_after=asked) is None
    assert limit_wait(failed) == LONGEST_LIMIT_SECONDS
