"""Keep the engine's own log and statistics small: a row or two per job, worth nothing after a day."""

from datetime import timedelta

from zekt_backend.clock import Clock
from zekt_backend.store import jobs
from zekt_backend.store.database import Database

KEPT = timedelta(days=1)
BATCH = 10_000
_ROUNDS = 100
"""At most a million rows an hour; what is left waits for the next hour."""


async def tidy(*, db: Database, clock: Clock) -> int:
    """Forget what is older than a day, in small transactions. Returns how many rows went."""
    gone = 0
    for _ in range(_ROUNDS):
        batch = await db.run(lambda tx: jobs.forget(tx, clock.now() - KEPT, BATCH))
        gone += batch
        if batch == 0:
            break
    return gone
