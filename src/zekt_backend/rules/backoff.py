"""When to try again: the ladder of DESIGN's section 7, as arithmetic."""

from datetime import timedelta

LADDER = tuple(
    timedelta(seconds=seconds) for seconds in (5, 30, 2 * 60, 10 * 60, 30 * 60, 2 * 3600, 5 * 3600, 10 * 3600)
)
"""Waits after the first, second, … failed try. Fire-and-forget uses the first three."""

FIRE_AND_FORGET_RUNGS = 3
LONGEST_WAIT_SECONDS = 86_400.0
"""However long GitHub asks us to wait, a day later we ask again."""
JITTER = 0.2
"""Each wait is stretched or shrunk by up to a fifth, so that what failed together does not return together."""


def next_wait(failed: int, *, durable: bool, dice: float, retry_after: float | None) -> timedelta | None:
    """How long to wait after the `failed`-th failed try in a row, or None when the tries are used up.

    Args:
        failed: failed tries so far in this round, at least 1.
        durable: durable deliveries climb the whole ladder.
        dice: a random number in [0, 1).
        retry_after: seconds GitHub asked us to wait; never undercut.
    """
    rungs = LADDER if durable else LADDER[:FIRE_AND_FORGET_RUNGS]
    if failed > len(rungs):
        return None
    wait = rungs[failed - 1] * (1 + JITTER * (2 * dice - 1))
    return max(wait, timedelta(seconds=min(retry_after or 0, LONGEST_WAIT_SECONDS)))
