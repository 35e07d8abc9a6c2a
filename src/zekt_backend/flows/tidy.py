"""Forget what is worth nothing any more: what has expired, the engine's log and old writes, refusals of long ago."""

from datetime import datetime, timedelta
from functools import partial

from zekt_backend.clock import Clock
from zekt_backend.store import installations, jobs, notices, refusals, replays, sessions, tokens
from zekt_backend.store.database import Database, Tx

KEPT = timedelta(days=1)
TOKENS_KEPT = timedelta(minutes=1)
"""Past their expiry, and so past the leeway that clocks are given."""
REFUSALS_KEPT = timedelta(days=90)
"""As long as a message that was taken; their numbers stay in the days of usage."""
NOTICES_KEPT = timedelta(days=90)
REPLAYS_KEPT = timedelta(days=90)
"""From their end. The deliveries that they made stay as long as any other."""
BATCH = 10_000
_ROUNDS = 100
"""At most a million rows; what is left waits for the next time."""


async def tidy(*, db: Database, clock: Clock) -> int:
    """In small transactions. Returns how many rows went."""
    gone = 0
    for _ in range(_ROUNDS):
        batch = await db.run(partial(_forget, now=clock.now()))
        gone += batch
        if batch == 0:
            break
    return gone


async def _forget(tx: Tx, now: datetime) -> int:
    return (
        await jobs.forget(tx, now - KEPT, BATCH)
        + await tokens.forget(tx, now - TOKENS_KEPT, BATCH)
        + await sessions.forget(tx, now, BATCH)
        + await refusals.forget(tx, now - REFUSALS_KEPT, BATCH)
        + await notices.forget(tx, now - NOTICES_KEPT, BATCH)
        + await replays.forget(tx, now - REPLAYS_KEPT, BATCH)
        + await installations.forget_writes(tx, now - KEPT)
    )
