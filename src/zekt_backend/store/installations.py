"""Pace: every write to GitHub has a slot of its installation, reserved in the database.

GitHub wants an app's writes serial and at least a second apart:
https://docs.github.com/en/rest/using-the-rest-api/best-practices-for-using-the-rest-api#avoid-concurrent-requests
The slots live in a row, so that all workers together keep to it.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from zekt_backend.store.database import Tx, one


async def reserve(tx: Tx, installation_id: int, now: datetime, *, count: int, spacing: timedelta) -> datetime:
    """Take the next `count` slots and return the first. Callers that take several installations go by id."""
    row = await one(
        tx,
        """UPDATE installations
           SET next_write_at = greatest(next_write_at, blocked_until, %(now)s) + %(count)s * %(spacing)s::interval
           WHERE id = %(id)s
           RETURNING next_write_at - %(count)s * %(spacing)s::interval AS first""",
        {"id": installation_id, "now": now, "count": count, "spacing": spacing},
    )
    if row is None:
        raise LookupError(f"installation {installation_id} has no row, though deliveries refer to it")
    first: datetime = row["first"]
    return first


@dataclass(frozen=True, slots=True)
class Hold:
    """Why a write may not go out now: the last one was too recent, or GitHub told the installation to wait."""

    free_at: datetime
    blocked: bool


async def pass_through(tx: Tx, installation_id: int, now: datetime, spacing: timedelta) -> Hold | None:
    """Let one write through (None), or say until when to wait. Whoever is first gets through: nobody starves."""
    row = await one(
        tx,
        """UPDATE installations SET last_write_at = %(now)s
           WHERE id = %(id)s AND blocked_until <= %(now)s AND last_write_at <= %(now)s - %(spacing)s::interval
           RETURNING id""",
        {"id": installation_id, "now": now, "spacing": spacing},
    )
    if row is not None:
        return None
    row = await one(
        tx,
        """SELECT blocked_until > %(now)s AS blocked,
                  greatest(blocked_until, last_write_at + %(spacing)s::interval) AS free_at
           FROM installations WHERE id = %(id)s""",
        {"id": installation_id, "now": now, "spacing": spacing},
    )
    if row is None:
        raise LookupError(f"installation {installation_id} has no row, though deliveries refer to it")
    return Hold(row["free_at"], row["blocked"])


async def block(tx: Tx, installation_id: int, until: datetime) -> None:
    """Hold the whole installation until then; never shortens a longer hold."""
    await tx.execute(
        "UPDATE installations SET blocked_until = greatest(blocked_until, %s) WHERE id = %s",
        (until, installation_id),
    )
