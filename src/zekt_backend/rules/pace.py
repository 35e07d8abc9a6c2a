"""How fast one installation may write: GitHub's advice and limits as data, and a plan within them. Pure.

Writes are serial, at least a second apart, and no more than a number a minute and an hour:
https://docs.github.com/en/rest/using-the-rest-api/best-practices-for-using-the-rest-api#avoid-concurrent-requests
https://docs.github.com/en/rest/using-the-rest-api/rate-limits-for-the-rest-api#about-secondary-rate-limits
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

_DENSER = 0.9
"""Slots are planned a tenth closer than the windows let through for good: a turn that was missed is made up for."""

MINUTE = timedelta(minutes=1)
HOUR = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Window:
    """At most `count` writes in any stretch of `length`."""

    count: int
    length: timedelta


@dataclass(frozen=True, slots=True)
class Pace:
    """How long a write may be in flight before it counts as lost, and how fast one may follow another.

    A spacing of zero means no pace at all: any number of writes at once, as fast as they come. What GitHub says itself
    is obeyed all the same.
    """

    lease: timedelta
    spacing: timedelta
    windows: tuple[Window, ...] = ()

    @property
    def memory(self) -> timedelta:
        """For how long a write is remembered."""
        return max((window.length for window in self.windows), default=timedelta(0))


def plan(pace: Pace, first: datetime, *, since: datetime, count: int) -> list[datetime]:
    """`count` slots from `first` on, and as last entry the next free one.

    A plan, not a promise: it only keeps what waits from coming all at once. Slots are a spacing apart as long as the
    windows have room for what was planned since `since`, and after that as far apart as the windows let through for
    good, so that few come in vain.
    """
    stages = _stages(pace, since)
    slots = [first]
    for _ in range(count):
        step = next(step for until, step in stages if until is None or slots[-1] < until)
        slots.append(slots[-1] + step)
    return slots


def _stages(pace: Pace, since: datetime) -> list[tuple[datetime | None, timedelta]]:
    """(until when, how far apart): at first a burst, then at the minute's rate, then at the hour's."""
    stages: list[tuple[datetime | None, timedelta]] = []
    step = pace.spacing
    for window in sorted(pace.windows, key=lambda each: each.length):
        stages.append((since + window.count * step, step))
        step = max(step, _DENSER * window.length / window.count)
    return [*stages, (None, step)]
