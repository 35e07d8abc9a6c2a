"""Deliveries that wait for a turn of their installation: who was there before whom."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from zekt_backend.store.database import Tx, many, one
from zekt_backend.store.deliveries import Delivery


@dataclass(frozen=True, slots=True)
class Sleeper:
    """One that waits for a turn of an installation, in a slot that is still to come."""

    id: str
    dispatches: int
    due_at: datetime


_LOOKED_AT = 20
"""How many from either end. All may be on their way; whoever comes then goes first, and loses little."""


async def lock_elder(tx: Tx, delivery: Delivery, now: datetime) -> Sleeper | None:
    """The one that has waited longest for a turn that `delivery` could have now, unless it is on its way already.

    Never waits for a lock: the caller holds rows that others wait for.
    """
    row = await one(
        tx,
        """SELECT id, dispatches, due_at
           FROM (SELECT id, seq, dispatches, due_at FROM deliveries
                 WHERE installation_id = %s AND status = 'pending' AND paced AND seq <
                       (SELECT seq FROM deliveries WHERE id = %s)
                 ORDER BY seq LIMIT %s) AS eldest
           WHERE due_at > %s ORDER BY seq LIMIT 1""",
        (delivery.installation_id, delivery.id, _LOOKED_AT, now),
    )
    return await _lock(tx, row)


async def with_elders(tx: Tx, delivery_ids: Sequence[str], now: datetime) -> set[str]:
    """Those of these deliveries for which `lock_elder` would find one, if nobody held it."""
    rows = await many(
        tx,
        """SELECT d.id FROM deliveries d
           WHERE d.id = ANY(%s) AND EXISTS (
               SELECT FROM (SELECT due_at FROM deliveries
                            WHERE installation_id = d.installation_id AND status = 'pending' AND paced AND seq < d.seq
                            ORDER BY seq LIMIT %s) AS eldest
               WHERE due_at > %s)""",
        (list(delivery_ids), _LOOKED_AT, now),
    )
    return {row["id"] for row in rows}


async def lock_last(tx: Tx, installation_id: int, now: datetime) -> Sleeper | None:
    """The one that was planned last, near enough: the latest slot among the newest. Never waits for a lock either."""
    row = await one(
        tx,
        """SELECT id, dispatches, due_at
           FROM (SELECT id, dispatches, due_at FROM deliveries
                 WHERE installation_id = %s AND status = 'pending' AND paced ORDER BY seq DESC LIMIT %s) AS newest
           WHERE due_at > %s ORDER BY due_at DESC LIMIT 1""",
        (installation_id, _LOOKED_AT, now),
    )
    return await _lock(tx, row)


async def _lock(tx: Tx, row: dict[str, Any] | None) -> Sleeper | None:
    if row is None:
        return None
    sleeper = Sleeper(**row)
    # A process of the version before leaves `paced` as it is while its attempt is in flight.
    locked = await one(
        tx,
        """SELECT id FROM deliveries d WHERE id = %s AND status = 'pending' AND paced AND due_at = %s
               AND NOT EXISTS (SELECT FROM attempts WHERE delivery_id = d.id AND finished_at IS NULL)
           FOR UPDATE SKIP LOCKED""",
        (sleeper.id, sleeper.due_at),
    )
    return sleeper if locked else None
