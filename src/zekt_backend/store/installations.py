"""Pace: an installation's writes go out one at a time, each in its turn, and the turn is a row that all workers share.

Nothing here locks a delivery, so callers lock theirs first and the installation after it. Its key never changes, so
the lock is `NO KEY UPDATE`: whoever has just written a row that refers to the installation, a setup file that is being
applied or tried say, keeps no write waiting, and is kept waiting by none.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from psycopg.sql import SQL

from zekt_backend.rules import pace as pacing
from zekt_backend.rules.happenings import Planned
from zekt_backend.rules.pace import Pace
from zekt_backend.store.database import Tx, many, one


async def reserve(
    tx: Tx, installation_id: int, now: datetime, *, count: int, pace: Pace, after: datetime | None = None
) -> list[datetime]:
    """Plan `count` writes, none before `after`. Callers that take several installations use `reserve_each`."""
    return (await reserve_each(tx, {installation_id: count}, now, pace=pace, after=after))[installation_id]


async def reserve_each(
    tx: Tx, counts: Mapping[int, int], now: datetime, *, pace: Pace, after: datetime | None = None
) -> dict[int, list[datetime]]:
    """So many writes of each installation, by its id: in which order all who take several take them."""
    rows = await many(
        tx,
        SQL(
            """SELECT id, greatest(blocked_until, %(now)s, %(after)s) AS since,
                      greatest(next_write_at, blocked_until, %(now)s, %(after)s) AS first
               FROM installations WHERE id = ANY(%(ids)s) ORDER BY id {}"""
        ).format(SQL("FOR NO KEY UPDATE" if pace.spacing else "")),
        {"ids": sorted(counts), "now": now, "after": after or now},
    )
    found = {row["id"]: row for row in rows}
    slots: dict[int, list[datetime]] = {}
    for id_, count in counts.items():
        row = _found(found.get(id_), id_)
        if pace.spacing:
            slots[id_] = pacing.plan(pace, row["first"], since=row["since"], count=count)
        else:
            slots[id_] = [row["since"]] * count
    if pace.spacing:
        following = [planned.pop() for planned in slots.values()]
        await tx.execute(
            """UPDATE installations i SET next_write_at = planned.following
               FROM unnest(%s::bigint[], %s::timestamptz[]) AS planned (id, following) WHERE i.id = planned.id""",
            (list(slots), following),
        )
    tx.happenings.extend(Planned(slot - now) for planned in slots.values() for slot in planned)
    return slots


async def give_back(tx: Tx, installation_id: int, slot: datetime) -> None:
    """Nothing is planned from this slot on any more: what comes next may have it."""
    await tx.execute(
        "UPDATE installations SET next_write_at = least(next_write_at, %s) WHERE id = %s", (slot, installation_id)
    )


@dataclass(frozen=True, slots=True)
class Outlook:
    """How an installation stands."""

    free_at: datetime
    """From when on a write may go out; not later than now: one may go out now, and the row is held for it."""
    limited: bool
    """GitHub's last word on its limits named no time, and nothing was accepted since."""


async def look(tx: Tx, installation_id: int, now: datetime, pace: Pace) -> Outlook:
    """When the next write may go out. With a pace, the installation is held until the transaction ends."""
    if not pace.spacing:
        row = await one(
            tx,
            """SELECT greatest(blocked_until, %s) AS free_at, limits_in_row > 0 AS limited
               FROM installations WHERE id = %s""",
            (now, installation_id),
        )
        return Outlook(**_found(row, installation_id))
    # When a turn ends is not known before: whoever finds it taken looks again after one spacing.
    row = await one(
        tx,
        """SELECT greatest(blocked_until, last_write_at + %(spacing)s,
                           CASE WHEN busy_until > %(now)s THEN %(now)s + %(spacing)s END, %(now)s) AS free_at,
                  limits_in_row > 0 AS limited,
                  CASE WHEN busy_until <= %(now)s THEN busy_with END AS lapsed
           FROM installations WHERE id = %(id)s FOR NO KEY UPDATE""",
        {"id": installation_id, "now": now, "spacing": pace.spacing},
    )
    found = _found(row, installation_id)
    if found["lapsed"] is not None:
        await end_turn(tx, installation_id, found["lapsed"], now, pace)
    return Outlook(max(found["free_at"], await _room_at(tx, installation_id, now, pace)), found["limited"])


async def _room_at(tx: Tx, installation_id: int, now: datetime, pace: Pace) -> datetime:
    return (await rooms_at(tx, [installation_id], now, pace))[installation_id]


async def rooms_at(tx: Tx, installation_ids: Sequence[int], now: datetime, pace: Pace) -> dict[int, datetime]:
    """When every window of each has room for one more: a window's length after the write that is `count` writes back.

    A statement of its own: only one that begins when the row is held sees what the holder before has written.
    """
    rows = await many(
        tx,
        """SELECT i.id, greatest(max(oldest.at + w.length), %(now)s) AS room_at
           FROM unnest(%(ids)s::bigint[]) AS i (id)
           LEFT JOIN unnest(%(counts)s::int[], %(lengths)s::interval[]) AS w (count, length) ON true
           LEFT JOIN LATERAL (SELECT at FROM writes WHERE installation_id = i.id
                              ORDER BY at DESC OFFSET w.count - 1 LIMIT 1) AS oldest ON true
           GROUP BY i.id""",
        {
            "ids": list(installation_ids),
            "now": now,
            "counts": [window.count for window in pace.windows],
            "lengths": [window.length for window in pace.windows],
        },
    )
    return {row["id"]: row["room_at"] for row in rows}


async def take_turn(tx: Tx, installation_id: int, attempt: str, now: datetime, pace: Pace) -> None:
    """Let this attempt go out alone, until `end_turn` or the end of its lease. After `look` has found it free."""
    if pace.spacing:
        await tx.execute(
            "UPDATE installations SET last_write_at = %s, busy_until = %s, busy_with = %s WHERE id = %s",
            (now, now + pace.lease, attempt, installation_id),
        )


async def end_turn(
    tx: Tx, installation_id: int, attempt: str, now: datetime, pace: Pace, *, counts: bool = True
) -> None:
    """The attempt was answered or lost: another may go out, unless somebody has the turn already.

    Args:
        tx: the transaction.
        installation_id: whose turn.
        attempt: who had it.
        now: the write is counted as of now, the latest moment at which GitHub can have counted it.
        pace: as the turn was taken.
        counts: False when GitHub cannot have seen the write.
    """
    if not pace.spacing:
        return
    given = {"id": installation_id, "attempt": attempt, "now": now, "past": now - pace.memory}
    await tx.execute(
        """UPDATE installations SET busy_until = '-infinity', busy_with = NULL
           WHERE id = %(id)s AND busy_with = %(attempt)s""",
        given,
    )
    if counts:
        await tx.execute(
            """WITH past AS (DELETE FROM writes WHERE installation_id = %(id)s AND at < %(past)s)
               INSERT INTO writes (installation_id, at) VALUES (%(id)s, %(now)s)""",
            given,
        )


async def block(tx: Tx, installation_id: int, until: datetime) -> None:
    """Hold the whole installation until then; never shortens a longer hold."""
    await tx.execute(
        "UPDATE installations SET blocked_until = greatest(blocked_until, %s) WHERE id = %s",
        (until, installation_id),
    )


async def count_limit(tx: Tx, installation_id: int, now: datetime) -> int:
    """GitHub named a limit but no time: how often in a row. What was refused while held already is the same time."""
    row = await one(
        tx,
        """UPDATE installations SET limits_in_row = limits_in_row + (blocked_until <= %s OR limits_in_row = 0)::int
           WHERE id = %s RETURNING limits_in_row""",
        (now, installation_id),
    )
    in_row: int = _found(row, installation_id)["limits_in_row"]
    return in_row


async def clear_limit(tx: Tx, installation_id: int) -> None:
    """GitHub accepts again."""
    await tx.execute("UPDATE installations SET limits_in_row = 0 WHERE id = %s", (installation_id,))


async def forget_writes(tx: Tx, before: datetime) -> int:
    """Of installations that write no more: those that write forget by themselves. Returns how many rows went."""
    return (await tx.execute("DELETE FROM writes WHERE at < %s", (before,))).rowcount


def _found(row: dict[str, Any] | None, installation_id: int) -> dict[str, Any]:
    if row is None:
        raise LookupError(f"installation {installation_id} has no row, though deliveries refer to it")
    return row
