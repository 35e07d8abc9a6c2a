from datetime import UTC, datetime, timedelta
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from zekt_backend.rules.pace import HOUR, MINUTE, Pace, Window, plan

NOW = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
SECOND = timedelta(seconds=1)
PUBLISHED = Pace(60 * SECOND, SECOND, (Window(80, MINUTE), Window(500, HOUR)))


def test_a_few_are_a_spacing_apart_and_the_next_free_slot_comes_last() -> None:
    assert plan(PUBLISHED, NOW, since=NOW, count=3) == [NOW, NOW + SECOND, NOW + 2 * SECOND, NOW + 3 * SECOND]


def test_what_one_hour_has_no_room_for_is_planned_at_the_pace_of_hours() -> None:
    slots = plan(PUBLISHED, NOW, since=NOW, count=10_000)
    steps = {after - before for before, after in pairwise(slots[501:])}
    assert steps == {timedelta(seconds=6.48)}
    assert timedelta(hours=17) < slots[-1] - NOW < timedelta(hours=20)


def test_a_plan_that_goes_on_later_goes_on_at_the_same_pace() -> None:
    late = NOW + timedelta(hours=3)
    assert plan(PUBLISHED, late, since=NOW, count=1) == [late, late + timedelta(seconds=6.48)]


paces = st.builds(
    Pace,
    lease=st.just(60 * SECOND),
    spacing=st.timedeltas(timedelta(milliseconds=1), timedelta(minutes=5)),
    windows=st.lists(
        st.builds(Window, count=st.integers(1, 100_000), length=st.sampled_from([MINUTE, HOUR])), max_size=3
    ).map(tuple),
)


@given(paces, st.integers(0, 300), st.timedeltas(timedelta(0), timedelta(days=400)))
def test_slots_are_never_closer_than_the_spacing_and_never_denser_later(
    pace: Pace, count: int, ahead: timedelta
) -> None:
    slots = plan(pace, NOW + ahead, since=NOW, count=count)
    steps = [after - before for before, after in pairwise(slots)]
    assert len(slots) == count + 1
    assert all(step >= pace.spacing for step in steps)
    assert steps == sorted(steps)
