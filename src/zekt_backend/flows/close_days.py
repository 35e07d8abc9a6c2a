"""Close the days that have ended: what was used on them is counted once more and kept, whatever is deleted later.

Of the day that goes on, what has happened is counted as it gets old enough, so that readers need not.
"""

from datetime import UTC, timedelta
from functools import partial

from zekt_backend.clock import Clock
from zekt_backend.store import usage
from zekt_backend.store.database import Database

GRACE = timedelta(hours=1)
"""After midnight (UTC), and after anything that is counted: an attempt may be answered long after it began."""
_MOST = 31
"""Days a round; what is left waits for the next."""


async def close_days(*, db: Database, clock: Clock) -> int:
    """Each day in a transaction of its own, oldest first. How many."""
    until = clock.now() - GRACE
    today = until.astimezone(UTC).date()
    async with db.reading() as connection:
        day = await usage.first_open_day(connection)
    closed = 0
    while day is not None and day < today and closed < _MOST:
        if not await db.run(partial(usage.close_day, day=day)):
            break  # Somebody else is at it.
        closed += 1
        day += timedelta(days=1)
    if day == today:
        await db.run(partial(usage.count_until, day=day, until=until))
    return closed
