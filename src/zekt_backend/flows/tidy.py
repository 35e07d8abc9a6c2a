"""Forget what is worth nothing any more: the engine's log and old writes after a day, what has expired at once."""

from datetime import datetime, timedelta
from functools import partial

from zekt_backend.clock import Clock
from zekt_backend.store import installations, jobs, sessions, tokens
from zekt_backend.store.database import Database, Tx

KEPT = timedelta(days=1)
TOKENS_KEPT = timedelta(minutes=1)
"""Past their expiry, and so past the leeway that clocks are given."""
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
        + await installations.forget_writes(tx, now - KEPT)
    )
