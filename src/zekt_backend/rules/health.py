"""How a connection is doing: what became of the deliveries of 24 hours, and the state that follows. Pure.

docs/connections.md says the same to people. All arithmetic is in whole numbers, so that 98 % is 98 %.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from zekt_backend.rules.lifecycle import Status

WINDOW = timedelta(hours=24)
"""Deliveries that were made in it are counted; one that is exactly so old still is."""

ACTIVE = timedelta(days=7)
"""A connection whose newest delivery is older is inactive; at exactly so much it is not yet."""

PICK_UP = timedelta(minutes=1)
"""A pending delivery whose moment has passed by so much: nobody has woken for it, and it is late."""

MOST = 12_000
"""Deliveries of one connection that are counted, the newest; one that has more is judged by these. GitHub lets an
installation make 500 an hour, so that only what is far beyond that has more in a day."""

MOST_RUNS = 1_000
"""Ends of runs of one repository that are looked at, the newest."""

_HEALTHY = 98
_CRITICAL = 90
"""Per cent."""


class State(StrEnum):
    """From the best to the worst."""

    HEALTHY = "healthy"
    WARNING = "warning"
    CRITICAL = "critical"


@dataclass(frozen=True, slots=True)
class Standing:
    """So many deliveries of a connection stand like this."""

    status: Status
    durable: bool
    tried: bool
    """Of pending ones: a try was made and did not get through. One that is in flight has not failed."""
    unheard: bool
    """A dispatch of it was not confirmed in time."""
    overdue: bool
    """What is owed next should have happened by now; of pending ones, `PICK_UP` ago."""
    count: int
    retries: int = 0
    """Attempts beyond the first of each, summed up."""

    @property
    def succeeded(self) -> bool:
        """Fire-and-forget has no more to hope for than its dispatch."""
        if self.status is Status.DISPATCHED:
            return not self.durable
        return self.status in (Status.CONFIRMED, Status.COMPLETED)

    @property
    def underway(self) -> bool:
        """Nothing has gone wrong with it and its time is not up, so that it speaks neither for nor against."""
        open_ = self.status is Status.PENDING or (self.status is Status.DISPATCHED and self.durable)
        return open_ and not (self.tried or self.unheard or self.overdue)


@dataclass(frozen=True, slots=True)
class Statistics:
    """A connection's deliveries of the last 24 hours. `total` = `succeeded` + `failed` + `late`."""

    statuses: dict[Status, int]
    """How many have each status now, underway or not."""
    succeeded: int
    failed: int
    late: int
    """Neither there nor given up: a try failed, a dispatch went unheard, or their time is up."""
    underway: int
    """On their way, within their time; outside of the total."""
    retries: int
    """Attempts beyond the first that those took which succeeded."""
    last_event_at: datetime | None
    """When the newest delivery was made, however long ago; None: there was none yet."""
    capped: bool = False
    """There were `MOST` or more: these are the newest."""

    @property
    def total(self) -> int:
        return self.succeeded + self.failed + self.late

    @property
    def success_rate(self) -> float | None:
        """Per cent of the total, for people; None where nothing counts."""
        return _per_cent(self.succeeded, self.total)

    def below(self, percent: int) -> bool:
        """Whether less than that succeeded; never where nothing counts."""
        return 100 * self.succeeded < percent * self.total


@dataclass(frozen=True, slots=True)
class Webhook:
    """How GitHub told us of the runs of one end in the last 24 hours."""

    end: str
    """`provider` or `consumer`."""
    repository: str
    newest_at: datetime | None
    """When it last told, however long ago; None: never."""
    received: int
    """Ends of runs that we heard of, at most `MOST_RUNS`."""
    missed: int
    """Whose webhook failed at first, as its log at GitHub shows."""
    owed: int
    """Of these, not here yet."""

    @property
    def success_rate(self) -> float | None:
        """Per cent of the ends of runs that are here, cut off after two decimals; None where there was none."""
        return _per_cent(self.received, self.received + self.owed)


def statistics(standings: Iterable[Standing], last_event_at: datetime | None) -> Statistics:
    """Sum up how the deliveries of 24 hours stand."""
    statuses = dict.fromkeys(Status, 0)
    succeeded = failed = late = underway = retries = 0
    for each in standings:
        statuses[each.status] += each.count
        if each.succeeded:
            succeeded += each.count
            retries += each.retries
        elif each.status is Status.FAILED:
            failed += each.count
        elif each.underway:
            underway += each.count
        else:
            late += each.count
    return Statistics(
        statuses=statuses,
        succeeded=succeeded,
        failed=failed,
        late=late,
        underway=underway,
        retries=retries,
        last_event_at=last_event_at,
        capped=sum(statuses.values()) >= MOST,
    )


def is_active(found: Statistics, now: datetime) -> bool:
    """Whether something has happened within 7 days; true, too, where nothing ever has."""
    return found.last_event_at is None or now - found.last_event_at <= ACTIVE


def state_of(found: Statistics, now: datetime) -> State:
    """Critical below 90 %; Warning below 98 %, or without a delivery for more than 7 days; else Healthy.

    So is what has had no delivery yet.
    """
    if found.below(_CRITICAL):
        return State.CRITICAL
    if found.below(_HEALTHY):
        return State.WARNING
    return State.HEALTHY if is_active(found, now) else State.WARNING


def _per_cent(part: int, whole: int) -> float | None:
    """Cut off after two decimals: 97.999 never looks like 98. None of none."""
    return 10_000 * part // whole / 100 if whole else None
