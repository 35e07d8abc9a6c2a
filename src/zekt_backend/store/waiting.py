"""Deliveries that wait for a turn of their installation: who was there before whom."""

from dataclasses import dataclass
from datetime import datetime

from zekt_backend.store.database import Tx, one
from zekt_backend.store.deliveries import Delivery


@dataclass(frozen=True, slots=True)
class Elder:
    """One that waits for a turn of the same installation, and was there before."""

    id: str
    dispatches: int
    due_at: datetime


_ELDEST = 20
"""How many of the eldest are looked at. All may be on their way; whoever comes then goes first, and loses little."""


async def lock_elder(tx: Tx, delivery: Delivery, now: datetime) -> Elder | None:
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
        (delivery.installation_id, delivery.id, _ELDEST, now),
    )
    if row is None:
        return None
    elder = Elder(**row)
    # A process of the version before leaves `paced` as it is while its attempt is in flight.
    locked = await one(
        tx,
        """SELECT id FROM deliveries d WHERE id = %s AND status = 'pending' AND paced AND due_at = %s
               AND NOT EXISTS (SELECT FROM attempts WHERE delivery_id = d.id AND finished_at IS NULL)
           FOR UPDATE SKIP LOCKED""",
        (elder.id, elder.due_at),
    )
    return elder if locked else None
