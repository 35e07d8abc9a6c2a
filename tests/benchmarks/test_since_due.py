"""Which dispatches count as done, and from when on their time counts."""

from types import SimpleNamespace
from typing import Any

import pytest

from zekt_bench.load import Answer
from zekt_bench.work.flow import due_at, since_due

SECOND = 1_000_000_000
DUE = {"1": 0, "2": SECOND}
ALL = [(SECOND, "1", "a"), (SECOND, "1", "b"), (2 * SECOND, "2", "c"), (3 * SECOND, "2", "d")]


def test_each_dispatch_takes_from_when_its_event_was_due() -> None:
    assert since_due(DUE, ALL, 2) == ([1.0, 1.0, 1.0, 2.0], 0)


def test_what_the_load_was_late_is_part_of_it() -> None:
    runs: list[Any] = [SimpleNamespace(id=1)]
    assert due_at(runs, [Answer(began=5 * SECOND, seconds=0.1, status=202, late=2.0)]) == {"1": 3 * SECOND}


@pytest.mark.parametrize(
    ("came", "amiss"),
    [
        pytest.param(ALL[:-1], 1, id="one is missing"),
        pytest.param([*ALL, ALL[0]], 1, id="one came again"),
        pytest.param([*ALL[:-1], ALL[0]], 2, id="one came again in the place of another"),
        pytest.param([*ALL, (SECOND, "1", "e")], 1, id="one too many"),
        pytest.param([*ALL, (SECOND, "9", "e")], 1, id="one of an event that is none of these"),
        pytest.param([], 4, id="none"),
    ],
)
def test_what_is_missing_or_came_again_is_counted(came: list[tuple[int, str, str]], amiss: int) -> None:
    assert since_due(DUE, came, 2)[1] == amiss
