"""The stopwatch of the take-over, on hand-made logs."""

import pytest

from chaos.records import Kill
from chaos.takeover import Pick, TakeOver, take_overs

DEATH = Kill(11.0, "worker-1")


def picked(*moments: float) -> list[Pick]:
    return [Pick(1, "picked", at) for at in moments]


def test_from_the_kill_to_the_next_try() -> None:
    assert take_overs(picked(10.0, 18.0), {1: [10.1, 18.5]}, [DEATH]) == [TakeOver(1, 11.0, 7.5)]


def test_of_several_deaths_the_first_counts_so_that_the_figure_is_never_too_short() -> None:
    kills = [Kill(16.0, "worker-2"), DEATH, Kill(10.5, "api-1")]
    assert take_overs(picked(10.0, 18.0), {1: [18.5]}, kills) == [TakeOver(1, 11.0, 7.5)]


def test_when_the_new_worker_dies_too_the_time_runs_from_its_death() -> None:
    kills = [DEATH, Kill(18.25, "worker-2")]
    assert take_overs(picked(10.0, 18.0, 25.0), {1: [25.5]}, kills) == [TakeOver(1, 18.25, 7.25)]


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
    assert take_overs(log, {1: [18.5], 2: [18.5]}, [DEATH]) == []


def test_a_job_whose_delivery_owed_no_further_try_is_none() -> None:
    assert take_overs(picked(10.0, 18.0), {1: [10.1]}, [DEATH]) == []


def test_a_pick_again_without_a_death_is_none() -> None:
    assert take_overs(picked(10.0, 18.0), {1: [18.5]}, [Kill(11.0, "postgres")]) == []
