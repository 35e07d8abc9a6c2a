"""`zekt doctor CONNECTION`: was a 204 followed by a run, and did that run confirm?"""

from typing import Any

from zekt_testing.connection import CONSUMER, unconfirmed
from zekt_testing.deliveries import dispatched, ids


def test_a_204_that_was_never_followed_by_a_run_is_flagged(healthy: Any, doctor: Any) -> None:
    delivery_id = unconfirmed(healthy, started=False)
    told = doctor()
    assert told["runs"]["verdict"] == "problem"
    never = f"1 of 1 durable deliveries of the last 24 hours were never followed by a run: {delivery_id}."
    assert never in told["runs"]["what"]
    assert "/infra-team/platform/actions?query=event%3Arepository_dispatch" in told["runs"]["why"]
    assert told["exit"] == 1


def test_a_run_that_never_confirmed_is_told_with_its_link(healthy: Any, doctor: Any) -> None:
    delivery_id = unconfirmed(healthy, started=True)
    finding = doctor()["runs"]
    assert finding["verdict"] == "problem"
    assert "were followed by a run that never confirmed" in finding["what"]
    (run,) = (each for each in healthy.github.world.runs.of(healthy.github.world.repositories.get(CONSUMER)))
    assert f"{delivery_id} (failure, {run.html_url})" in finding["what"]
    assert "zekt-action/confirm" in finding["paste"]


def test_both_kinds_are_told_apart_and_a_run_that_confirmed_is_nobody_elses(healthy: Any, doctor: Any) -> None:
    confirmed, first = dispatched(healthy)
    healthy.confirm(confirmed, **ids(healthy, first))
    lost = unconfirmed(healthy, started=False)
    silent = unconfirmed(healthy, started=True)
    what = doctor()["runs"]["what"]
    # Both were sent in the same minute: which of the two the one run belongs to cannot be known.
    assert "1 of 3 durable deliveries of the last 24 hours were never followed by a run" in what
    assert "1 of 3 durable deliveries of the last 24 hours were followed by a run that never confirmed" in what
    assert first not in what
    assert lost in what
    assert silent in what


def test_a_dispatch_of_a_moment_ago_may_still_start_its_run(healthy: Any, doctor: Any) -> None:
    dispatched(healthy)
    told = doctor()
    assert (told["runs"]["verdict"], told["exit"]) == ("ok", 0)
