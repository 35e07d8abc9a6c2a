"""Let go of what is older than it is kept, in small batches that keep nobody waiting: bytes first, rows long after.

Each batch is a transaction of its own with its figures, so that whatever ends a round loses nothing and counts nothing
twice. What is left waits for the next round.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from typing import Any, Self

from pydantic.alias_generators import to_camel

from zekt_backend.clock import Clock
from zekt_backend.settings import Settings
from zekt_backend.store import readings, replays, retention, usage
from zekt_backend.store.database import Database, Tx
from zekt_backend.store.readings import Reading
from zekt_backend.store.retention import Gone, Place

BATCH = 500
_ROUNDS = 200
_DAYS = 31
_MARGIN = timedelta(minutes=5)
"""A dispatch is written down a moment after its time: what was read is read again for so long."""


@dataclass(frozen=True, slots=True)
class Kept:
    """How long what stays."""

    payloads: timedelta
    deliveries: timedelta
    flush_after: timedelta

    @classmethod
    def of(cls, settings: Settings) -> Self:
        return cls(settings.payload_retention, settings.delivery_retention, settings.flush_after)


async def shown(tx: Tx, kept: Kept, now: datetime) -> dict[str, Any]:
    """The times in seconds, what was let go in all and on the newest days, and what is due."""
    total, days = await retention.figures(tx, _DAYS)
    return {
        "payloadRetention": round(kept.payloads.total_seconds()),
        "deliveryRetention": round(kept.deliveries.total_seconds()),
        "flushAfter": round(kept.flush_after.total_seconds()),
        "total": _camel(total),
        "days": [_camel(day) for day in days],
        "due": await retention.due(tx, now - kept.payloads, now - kept.deliveries),
    }


def _camel(row: dict[str, Any]) -> dict[str, Any]:
    return {to_camel(name): value for name, value in row.items()}


async def retain(kept: Kept, *, db: Database, clock: Clock, batch: int = BATCH) -> Gone:
    """One round. How much was let go."""
    round_ = _Round(db, clock.now(), batch)
    gone = await round_.flush(kept.flush_after)
    gone += await round_.all(lambda tx: retention.expire(tx, round_.now - kept.payloads, round_.now, batch))
    before = await _closed(db, round_.now - kept.deliveries)
    gone += await round_.deliveries(before)
    gone += await round_.all(lambda tx: retention.delete_events(tx, before, batch))
    gone += await round_.all(lambda tx: retention.delete_messages(tx, before, batch))
    await db.run(lambda tx: replays.forget(tx, before, batch))
    return gone


async def _closed(db: Database, before: datetime) -> datetime:
    """Nothing goes of a day whose use was not counted for the last time."""
    async with db.reading() as tx:
        day = await usage.first_open_day(tx)
    return before if day is None else min(before, datetime.combine(day, time.min, UTC))


@dataclass(frozen=True, slots=True)
class _Round:
    db: Database
    now: datetime
    batch: int

    async def _recorded(self, tx: Tx, gone: Gone) -> Gone:
        if gone != Gone():
            await retention.record(tx, self.now.astimezone(UTC).date(), gone)
        return gone

    async def all(self, step: Callable[[Tx], Awaitable[Gone]]) -> Gone:
        """Batch after batch, until one finds nothing."""

        async def work(tx: Tx) -> Gone:
            return await self._recorded(tx, await step(tx))

        gone = Gone()
        for _ in range(_ROUNDS):
            last = await self.db.run(work)
            gone += last
            if last == Gone():
                break
        return gone

    async def flush(self, after: timedelta) -> Gone:
        """From where the last round ended."""

        async def work(tx: Tx, place: Place | None) -> tuple[Gone, Place | None]:
            begin = place or ((await readings.of(tx, "flush", 0)).read_until, 0)
            gone, following = await retention.flush(tx, begin, self.now - after, self.now, self.batch)
            if following is not None:
                await readings.save(tx, "flush", 0, Reading(following[0] - _MARGIN))
            return await self._recorded(tx, gone), following

        gone, place = Gone(), None
        for _ in range(_ROUNDS):
            last, place = await self.db.run(lambda tx, at=place: work(tx, at))  # type: ignore[misc]
            gone += last
            if place is None:
                break
        return gone

    async def deliveries(self, before: datetime) -> Gone:
        async def work(tx: Tx, after: int) -> tuple[Gone, int | None]:
            gone, following = await retention.delete_deliveries(tx, after, before, self.batch)
            return await self._recorded(tx, gone), following

        gone, place = Gone(), 0
        for _ in range(_ROUNDS):
            last, following = await self.db.run(lambda tx, at=place: work(tx, at))  # type: ignore[misc]
            gone += last
            if following is None:
                break
            place = following
        return gone
