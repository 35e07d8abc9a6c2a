"""The stopwatch of the take-over, on hand-made logs."""

from dataclasses import replace
from typing import Any

import pytest

from chaos.records import Kill
from chaos.takeover import Holder, Pick, TakeOver, Witness, Worker, take_overs

DEATH = Kill(11.0, "worker-1")


def picked(*moments: float) -> list[Pick]:
    return [Pick(1, "picked", at) for at in moments]


def witness(**changes: Any) -> Witness:
    """Worker 1 picked the job at 10, died at 11; worker 2 picked it at 18 and tried at 18.5."""
    seen = Witness(
        log=picked(10.0, 18.0),
        tries={1: [10.25, 18.5], 2: [18.5]},
        holders={1: [Holder(10.5, "one"), Holder(12.0, "one"), Holder(18.25, "two")]},
        workers=[Worker("worker-1", "one", 0.0), Worker("worker-2", "two", 0.0), Worker("worker-1", "next", 13.0)],
        kills=[DEATH],
        away=[],
    )
    return replace(seen, **changes)


def test_from_the_kill_to_the_next_try() -> None:
    assert take_overs(witness()) == [TakeOver(1, 11.0, 7.5, 7.5)]


def test_the_death_that_counts_is_the_holders() -> None:
    kills = [Kill(10.75, "worker-2"), DEATH, Kill(10.5, "api-1"), Kill(16.0, "worker-2")]
    assert [found.killed_at for found in take_overs(witness(kills=kills))] == [11.0]


def test_where_nobody_saw_the_holder_the_first_death_counts_so_that_the_figure_is_never_too_short() -> None:
    kills = [Kill(10.75, "worker-2"), DEATH]
    assert [found.killed_at for found in take_overs(witness(kills=kills, holders={}))] == [10.75]


def test_the_clock_stands_still_while_the_database_is_away() -> None:
    assert take_overs(witness(away=[(5.0, 6.0), (12.0, 14.0), (18.0, 30.0)])) == [TakeOver(1, 11.0, 7.5, 5.0)]


def test_and_while_no_worker_is_up() -> None:
    kills = [DEATH, Kill(11.5, "worker-2")]
    assert take_overs(witness(kills=kills)) == [TakeOver(1, 11.0, 7.5, 6.0)]
    assert take_overs(witness(kills=kills, away=[(12.5, 14.0)])) == [TakeOver(1, 11.0, 7.5, 5.0)]


def test_when_the_new_worker_dies_too_the_time_runs_from_its_death() -> None:
    changes = {"kills": [DEATH, Kill(18.25, "worker-2")], "log": picked(10.0, 18.0, 25.0), "tries": {1: [25.5]}}
    assert take_overs(witness(**changes)) == [TakeOver(1, 18.25, 7.25, 7.25)]


@pytest.mark.parametrize(
    "log",
    [
        picked(10.0),
        [*picked(10.0), Pick(1, "successful", 10.2)],
        [*picked(10.0), Pick(1, "queued", 10.2), *picked(15.0)],
        [*picked(10.0), Pick(2, "picked", 18.0)],
    ],
    ids=["never again", "it ended", "it was put back", "another job"],
)
def test_what_was_not_taken_over(log: list[Pick]) -> None:
    assert take_overs(witness(log=log)) == []


def test_a_job_whose_delivery_owed_no_further_try_is_none() -> None:
    assert take_overs(witness(tries={1: [10.25]})) == []


def test_a_pick_again_without_a_death_is_none() -> None:
    assert take_overs(witness(kills=[Kill(11.0, "postgres")])) == []
