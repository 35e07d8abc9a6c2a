"""When to try again: the ladder of DESIGN's section 7, as arithmetic."""

import math
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

LIMIT_SECONDS = 60.0
"""The wait for a limit that names no time. GitHub asks for at least a minute, and for more each time it goes on:
https://docs.github.com/en/rest/using-the-rest-api/rate-limits-for-the-rest-api#exceeding-the-rate-limit"""
LONGEST_LIMIT_SECONDS = 3600.0

LIMIT_PATIENCE = timedelta(days=2)
"""How long a delivery may meet nothing but limits: twice the longest wait, so that it is tried three times at least."""


def next_wait(failed: int, *, durable: bool, dice: float, retry_after: float | None) -> timedelta | None:
    """How long to wait after the `failed`-th failed try in a row, or None when the tries are used up.

    Args:
        failed: failed tries so far in this round, at least 1.
        durable: durable deliveries climb the whole ladder.
        dice: a random number in [0, 1).
        retry_after: seconds GitHub asked us to wait; never undercut, up to a day.
    """
    rungs = LADDER if durable else LADDER[:FIRE_AND_FORGET_RUNGS]
    if failed > len(rungs):
        return None
    return max(rungs[failed - 1] * (1 + JITTER * (2 * dice - 1)), _asked(retry_after))


def wait_for_limit(limited_for: timedelta, retry_after: float | None) -> timedelta | None:
    """How long to wait when GitHub's limit was met; None when that has gone on for too long.

    A limit says nothing about the delivery that meets it, so it uses up no try, durable or not, and the delivery
    waits exactly as long as its whole installation does.

    Args:
        limited_for: since the first limit that this delivery met in this round.
        retry_after: seconds for which the installation is held.
    """
    return None if limited_for >= LIMIT_PATIENCE else _asked(retry_after)


def _asked(retry_after: float | None) -> timedelta:
    return timedelta(seconds=min(retry_after or 0.0, LONGEST_WAIT_SECONDS))


def limit_wait(in_row: int) -> float:
    """Seconds to wait for the `in_row`-th limit in a row that names no time: one minute, two, four … one hour."""
    return min(math.ldexp(LIMIT_SECONDS, min(max(in_row, 1) - 1, 10)), LONGEST_LIMIT_SECONDS)
