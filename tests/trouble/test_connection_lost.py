"""The connection to the database is cut at every statement of every flow, before it or with its answer.

After each cut nothing is half written, outside it was a 503 to be sent again (or nothing was noticed), and the same
again has exactly one effect.
"""

from collections.abc import Callable
from itertools import count

import pytest

from zekt_testing import trials
from zekt_testing.bench import Bench
from zekt_testing.cable import Cut
from zekt_testing.event_trials import events_together
from zekt_testing.invariants import half_written
from zekt_testing.notice_trials import noticing
from zekt_testing.trials import Trial

MOST = 80
"""No flow has as many statements; a trial that does not end by then never would."""


def _again(bench: Bench, cut: Cut, number: int, prepare: Callable[[Bench], Trial]) -> bool:
    """One trial with a cut at the n-th statement. False when the flow has fewer."""
    trial = prepare(bench)
    bench.cable.arm(number, cut)
    done = trial.ask()
    came = not bench.cable.is_armed
    bench.cable.disarm()
    where = f"statement {number}, {cut}"
    assert half_written(bench.zekt) == [], where
    if done:
        assert trial.effect() == trial.expected, where
    # For a moment the server still holds the rows of a session whose client is gone, and the sweep passes by such rows.
    for _ in range(3):
        assert trial.ask(), where
        if trial.effect() == trial.expected:
            break
    assert trial.effect() == trial.expected, where
    assert half_written(bench.zekt) == [], where
    assert came or done, "nothing was cut, and yet it failed"
    return came


@pytest.mark.parametrize("cut", Cut)
@pytest.mark.parametrize("prepare", [*trials.ALL, noticing, events_together])
def test_a_flow_survives_the_loss_of_its_connection_at_every_statement(
    bench: Bench, prepare: Callable[[Bench], Trial], cut: Cut
) -> None:
    cuts = next(number for number in count(1) if number > MOST or not _again(bench, cut, number, prepare)) - 1
    assert 1 <= cuts < MOST
