"""Letting go: of messages' bytes, then of whole deliveries, events and messages. Small batches, nothing that is open.

Each batch locks what it takes and leaves alone what somebody else holds; whoever is about to use a message holds it,
too (`messages.of_run`, `archive.original`), so that what is asked here under the lock is still true when it is written.
"""

from dataclasses import asdict, dataclass, fields
from datetime import date, datetime
from typing import Any

from psycopg import sql

from zekt_backend.store.database import Tx, many, one

_OPEN = sql.SQL("(d.status IN ('pending', 'confirmed') OR (d.status = 'dispatched' AND d.durable))")
_NONE_OPEN = sql.SQL("NOT EXISTS (SELECT 1 FROM deliveries d WHERE d.event_id = m.event_id AND {})").format(_OPEN)
_ALL_DISPATCHED = sql.SQL(
    """NOT EXISTS (SELECT 1 FROM deliveries d WHERE d.event_id = m.event_id
                   AND NOT (d.status = 'dispatched' AND NOT d.durable AND d.dispatched_at <= %(before)s))"""
)
MOST_COUNTED = 10_000


@dataclass(frozen=True, slots=True)
class Gone:
    """How much was let go."""

    payloads_expired: int = 0
    payloads_dispatched: int = 0
    payload_bytes: int = 0
    deliveries: int = 0
    events: int = 0
    messages: int = 0

    def __add__(self, other: "Gone") -> "Gone":
        return Gone(*(getattr(self, f.name) + getattr(other, f.name) for f in fields(Gone)))


_NAMES = [f.name for f in fields(Gone)]


async def record(tx: Tx, day: date, gone: Gone) -> None:
    """Add it to the day's figures."""
    columns = sql.SQL(", ").join(map(sql.Identifier, _NAMES))
    sums = sql.SQL(", ").join(sql.SQL("{0} = r.{0} + excluded.{0}").format(sql.Identifier(name)) for name in _NAMES)
    values = sql.SQL(", ").join(map(sql.Placeholder, _NAMES))
    query = sql.SQL(
        "INSERT INTO retention_days AS r (day, {}) VALUES (%(day)s, {}) ON CONFLICT (day) DO UPDATE SET {}"
    ).format(columns, values, sums)
    await tx.execute(query, {"day": day, **asdict(gone)})


async def expire(tx: Tx, before: datetime, now: datetime, limit: int) -> Gone:
    """Empty the oldest messages that came before then and that no open delivery carries."""
    rows = await many(
        tx,
        sql.SQL(
            """SELECT m.event_id FROM messages m WHERE m.flushed_at IS NULL AND m.received_at < %(before)s AND {}
               ORDER BY m.received_at, m.seq LIMIT %(limit)s FOR UPDATE OF m SKIP LOCKED"""
        ).format(_NONE_OPEN),
        {"before": before, "limit": limit},
    )
    number, size = await _empty(tx, rows, "retention", _NONE_OPEN, before=before, now=now)
    return Gone(payloads_expired=number, payload_bytes=size)


Place = tuple[datetime, int]
"""When a delivery was dispatched, and its `seq`."""


async def flush(tx: Tx, after: Place, before: datetime, now: datetime, limit: int) -> tuple[Gone, Place | None]:
    """Empty messages all of whose deliveries are fire-and-forget and were dispatched before then.

    Goes through deliveries in the order of their dispatch; gives where it ended, None when none is left.
    """
    found = await many(
        tx,
        """SELECT d.dispatched_at, d.seq, d.event_id FROM deliveries d
           WHERE NOT d.durable AND d.status = 'dispatched' AND d.event_id IS NOT NULL
             AND (d.dispatched_at, d.seq) > (%(at)s::timestamptz, %(seq)s::bigint) AND d.dispatched_at <= %(before)s
           ORDER BY d.dispatched_at, d.seq LIMIT %(limit)s""",
        {"at": after[0], "seq": after[1], "before": before, "limit": limit},
    )
    if not found:
        return Gone(), None
    rows = await many(
        tx,
        """SELECT event_id FROM messages WHERE event_id = ANY(%s) AND flushed_at IS NULL
           ORDER BY event_id FOR UPDATE SKIP LOCKED""",
        ([row["event_id"] for row in found],),
    )
    number, size = await _empty(tx, rows, "dispatched", _ALL_DISPATCHED, before=before, now=now)
    return Gone(payloads_dispatched=number, payload_bytes=size), (found[-1]["dispatched_at"], found[-1]["seq"])


async def _empty(
    tx: Tx, rows: list[dict[str, Any]], why: str, condition: sql.SQL | sql.Composed, *, before: datetime, now: datetime
) -> tuple[int, int]:
    """(how many, their bytes). The condition is asked again, now that they are held."""
    cursor = await tx.execute(
        sql.SQL(
            """UPDATE messages m SET payload = '', payload_bytes = octet_length(m.payload), flushed_at = %(now)s,
                   flushed_why = %(why)s
               WHERE m.event_id = ANY(%(ids)s) AND m.flushed_at IS NULL AND {} RETURNING m.payload_bytes"""
        ).format(condition),
        {"ids": [row["event_id"] for row in rows], "now": now, "why": why, "before": before},
    )
    sizes = [row["payload_bytes"] for row in await cursor.fetchall()]
    return len(sizes), sum(sizes)


async def delete_deliveries(tx: Tx, after: int, before: datetime, limit: int) -> tuple[Gone, int | None]:
    """Ended ones that were made, and ended, before then, with history and attempts; the next `limit` after `after`.

    Gives where it ended (a `seq`), None when nothing older is left.
    """
    rows = await many(tx, "SELECT seq, created_at FROM deliveries WHERE seq > %s ORDER BY seq LIMIT %s", (after, limit))
    old = [row["seq"] for row in rows if row["created_at"] < before]
    if not old:
        return Gone(), None
    cursor = await tx.execute(
        sql.SQL(
            """DELETE FROM deliveries WHERE id IN (
                   SELECT d.id FROM deliveries d WHERE d.seq = ANY(%(old)s) AND NOT {}
                     AND coalesce(d.completed_at, d.dispatched_at, d.created_at) < %(before)s
                   ORDER BY d.seq FOR UPDATE SKIP LOCKED)"""
        ).format(_OPEN),
        {"old": old, "before": before},
    )
    return Gone(deliveries=cursor.rowcount), rows[-1]["seq"]


async def delete_events(tx: Tx, before: datetime, limit: int) -> Gone:
    """With the decisions about them; those to which a delivery still belongs stay."""
    rows = await many(
        tx,
        """SELECT e.guid FROM events e WHERE e.received_at < %s
             AND NOT EXISTS (SELECT 1 FROM deliveries d WHERE d.event_guid = e.guid)
           ORDER BY e.received_at LIMIT %s FOR UPDATE OF e SKIP LOCKED""",
        (before, limit),
    )
    guids = [row["guid"] for row in rows]
    await tx.execute("DELETE FROM decisions WHERE event_guid = ANY(%s)", (guids,))
    await tx.execute("DELETE FROM events WHERE guid = ANY(%s)", (guids,))
    return Gone(events=len(guids))


async def delete_messages(tx: Tx, before: datetime, limit: int) -> Gone:
    """Those to which a delivery or a decision still belongs stay."""
    cursor = await tx.execute(
        """DELETE FROM messages WHERE event_id IN (
               SELECT m.event_id FROM messages m WHERE m.received_at < %s
                 AND NOT EXISTS (SELECT 1 FROM deliveries d WHERE d.event_id = m.event_id)
                 AND NOT EXISTS (SELECT 1 FROM decisions c WHERE c.event_id = m.event_id)
               ORDER BY m.received_at, m.seq LIMIT %s FOR UPDATE OF m SKIP LOCKED)""",
        (before, limit),
    )
    return Gone(messages=cursor.rowcount)


async def figures(tx: Tx, days: int) -> tuple[dict[str, int], list[dict[str, Any]]]:
    """(all that was ever let go, the newest days with their figures)."""
    sums = sql.SQL(", ").join(
        sql.SQL("coalesce(sum({0}), 0)::bigint AS {0}").format(sql.Identifier(name)) for name in _NAMES
    )
    total = await one(tx, sql.SQL("SELECT {} FROM retention_days").format(sums))
    newest = await many(tx, "SELECT * FROM retention_days ORDER BY day DESC LIMIT %s", (days,))
    return dict(total or {}), [{**row, "day": row["day"].isoformat()} for row in newest]


async def due(tx: Tx, payloads_before: datetime, rows_before: datetime) -> dict[str, int]:
    """How much would go now, each counted to `MOST_COUNTED` and one more."""
    row = await one(
        tx,
        """SELECT (SELECT count(*) FROM (SELECT 1 FROM messages WHERE flushed_at IS NULL AND received_at < %(payloads)s
                                         LIMIT %(limit)s) p) AS payloads,
                  (SELECT count(*) FROM (SELECT created_at FROM deliveries ORDER BY seq LIMIT %(limit)s) d
                   WHERE d.created_at < %(rows)s) AS deliveries,
                  (SELECT count(*) FROM (SELECT 1 FROM events WHERE received_at < %(rows)s LIMIT %(limit)s) e)
                      AS events,
                  (SELECT count(*) FROM (SELECT 1 FROM messages WHERE received_at < %(rows)s LIMIT %(limit)s) m)
                      AS messages""",
        {"payloads": payloads_before, "rows": rows_before, "limit": MOST_COUNTED + 1},
    )
    return dict(row or {})
