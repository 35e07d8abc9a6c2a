from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from zekt_backend.rules.backoff import LADDER, next_wait


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


def test_attempt_ten_thousand_is_no_arithmetic_accident() -> None:
    assert wait(10_000) is None
