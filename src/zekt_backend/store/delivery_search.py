"""Which deliveries a listing shows, and how many there are of each status: quick, however many there are at all.

An account's deliveries are spread over its repositories and over statuses. Each such stream is read from its own end of
an index that has it newest first, and only so far as a page goes; nothing is counted beyond `MOST_COUNTED`.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from psycopg import sql
from psycopg.sql import SQL, Composed

from zekt_backend.rules.lifecycle import Status
from zekt_backend.store.database import Tx, many, one

MOST_COUNTED = 1000
_LAST = 2**63 - 1

Side = Literal["provider", "consumer"]


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which deliveries; None, or no status: any. Of `since` the time itself is in, of `until` it is not."""

    statuses: tuple[str, ...] = ()
    side: Side | None = None
    """Of those whose repositories are looked at; to who sees everything it says nothing."""
    connection: int | None = None
    service: str | None = None
    consumer: str | None = None
    """`owner/name` as it is called now, in any case."""
    correlation_id: str | None = None
    since: datetime | None = None
    until: datetime | None = None

    @property
    def all_statuses(self) -> list[str]:
        return list(self.statuses or (status.value for status in Status))

    @property
    def of_connections(self) -> bool:
        return any(name is not None for name in (self.connection, self.service, self.consumer))


# No "or null": whatever the plan, these are where the reading of an index ends and begins. There is one beginning: of
# two PostgreSQL takes the first that it finds, and skips row by row to the other.
_WITHIN = sql.SQL(
    "d.created_at >= %(since)s::timestamptz AND (d.created_at, d.seq) < (%(at)s::timestamptz, %(seq)s::bigint)"
)
# The first of a page come from no more streams than there are rows on it: those whose newest are the newest of all.
_PAGE = sql.SQL(
    """WITH heads AS (
           SELECT k.key, t.status, h.created_at, h.seq
           FROM unnest(%(keys)s::bigint[]) AS k (key) CROSS JOIN unnest(%(statuses)s::text[]) AS t (status)
           CROSS JOIN LATERAL (
               SELECT d.created_at, d.seq FROM deliveries d
               WHERE d.{column} = k.key AND d.status = t.status AND {within}
               ORDER BY d.created_at DESC, d.seq DESC LIMIT 1) h
           ORDER BY h.created_at DESC, h.seq DESC LIMIT %(limit)s)
       SELECT f.created_at, f.seq FROM heads CROSS JOIN LATERAL (
           SELECT d.created_at, d.seq FROM deliveries d
           WHERE d.{column} = heads.key AND d.status = heads.status AND {within}
           ORDER BY d.created_at DESC, d.seq DESC LIMIT %(limit)s) f
       ORDER BY f.created_at DESC, f.seq DESC LIMIT %(limit)s"""
)
_COUNTED = sql.SQL(
    """SELECT t.status, f.seq FROM unnest(%(statuses)s::text[]) AS t (status) CROSS JOIN LATERAL (
           SELECT one.seq FROM unnest(%(keys)s::bigint[]) AS k (key) CROSS JOIN LATERAL (
               SELECT d.seq FROM deliveries d WHERE d.{column} = k.key AND d.status = t.status AND {within}
               LIMIT %(limit)s) one
           LIMIT %(limit)s) f"""
)
_OF_RUN = sql.SQL(
    """FROM deliveries d WHERE d.correlation_id = %(correlation)s AND d.status = ANY(%(statuses)s) AND {within}
         AND (%(whose)s::bigint[] IS NULL
              OR (%(side)s::text IS DISTINCT FROM 'consumer' AND d.provider_id = ANY(%(whose)s))
              OR (%(side)s::text IS DISTINCT FROM 'provider' AND d.consumer_id = ANY(%(whose)s)))
         AND (%(connections)s::bigint[] IS NULL OR d.subscription_id = ANY(%(connections)s))"""
).format(within=_WITHIN)


async def page(
    tx: Tx, wanted: Wanted, *, whose: list[int] | None, before: int | None, limit: int
) -> tuple[list[int], int | None]:
    """(`seq` of up to `limit` deliveries, the newest first; the `before` of the next page or None).

    `whose` are the repositories on either side of which they lie; None: any.
    """
    keys = await _keys(tx, wanted, whose)
    given = {**_values(wanted), "limit": limit + 1, **await _beginning(tx, wanted.until, before)}
    if wanted.correlation_id is not None:
        query = sql.SQL("SELECT d.created_at, d.seq {} ORDER BY 1 DESC, 2 DESC LIMIT %(limit)s").format(_OF_RUN)
        rows = await many(tx, query, {**given, **_of_run(wanted, whose, keys)})
    elif not keys:
        rows = await many(tx, _of_all(wanted), {"limit": limit + 1, "before": _LAST if before is None else before})
        return _cut(rows, limit)
    else:
        rows = []
        for column, ids in keys:
            rows += await many(tx, _over(_PAGE, column), {**given, "keys": ids})
    # What lies between two repositories of the same account is found from either side.
    found = {row["seq"]: row for row in rows}
    return _cut(sorted(found.values(), key=lambda row: (row["created_at"], row["seq"]), reverse=True), limit)


async def count(tx: Tx, wanted: Wanted, *, whose: list[int] | None) -> dict[str, int]:
    """How many of each status that is wanted; `MOST_COUNTED` + 1 where there are more than can be told quickly."""
    keys = await _keys(tx, wanted, whose)
    given = {**_values(wanted), "limit": MOST_COUNTED + 1, **await _beginning(tx, wanted.until, None)}
    found: dict[str, set[int]] = {status: set() for status in wanted.all_statuses}
    if wanted.correlation_id is not None:
        queries = [(sql.SQL("SELECT d.status, d.seq {}").format(_OF_RUN), _of_run(wanted, whose, keys))]
    elif not keys:
        queries = [(_of_all(wanted), {"before": _LAST})]
    else:
        queries = [(_over(_COUNTED, column), {"keys": ids}) for column, ids in keys]
    for query, more in queries:
        for row in await many(tx, query, {**given, **more}):
            found[row["status"]].add(row["seq"])
    return {status: min(len(seqs), MOST_COUNTED + 1) for status, seqs in found.items()}


def _over(query: SQL, column: str) -> Composed:
    return query.format(column=sql.Identifier(column), within=_WITHIN)


def _of_all(wanted: Wanted) -> Composed:
    """For who sees everything. Each status as a constant: how rare it is the planner knows, and no stream is long."""
    each = (
        sql.SQL(
            """(SELECT d.created_at, d.seq, d.status FROM deliveries d WHERE d.status = {} AND d.seq < %(before)s
                ORDER BY d.seq DESC LIMIT %(limit)s)"""
        ).format(status)
        for status in wanted.all_statuses
    )
    return sql.SQL("SELECT * FROM ({}) d ORDER BY seq DESC").format(sql.SQL(" UNION ALL ").join(each))


def _cut(rows: list[dict[str, Any]], limit: int) -> tuple[list[int], int | None]:
    seqs = [row["seq"] for row in rows[:limit]]
    return seqs, seqs[-1] if len(rows) > limit else None


async def _keys(tx: Tx, wanted: Wanted, whose: list[int] | None) -> list[tuple[str, list[int]]]:
    """The columns to go by, each with its ids; nothing: who sees everything wants everything, as it came."""
    if wanted.of_connections or (whose is None and (wanted.since or wanted.until)):
        return [("subscription_id", await _connections(tx, wanted, whose))]
    if whose is None:
        return []
    sides = [wanted.side] if wanted.side else ["provider", "consumer"]
    return [(f"{side}_id", whose) for side in sides]


async def _connections(tx: Tx, wanted: Wanted, whose: list[int] | None) -> list[int]:
    rows = await many(
        tx,
        """SELECT u.id FROM subscriptions u JOIN services s ON s.id = u.service_id
               JOIN workflows w ON w.id = s.workflow_id JOIN repositories c ON c.id = u.repository_id
           WHERE (%(connection)s::bigint IS NULL OR u.id = %(connection)s)
             AND (%(service)s::text IS NULL OR s.slug = %(service)s)
             AND (%(consumer)s::text IS NULL OR lower(c.full_name) = lower(%(consumer)s))
             AND (%(whose)s::bigint[] IS NULL
                  OR (%(side)s::text IS DISTINCT FROM 'consumer' AND w.repository_id = ANY(%(whose)s))
                  OR (%(side)s::text IS DISTINCT FROM 'provider' AND u.repository_id = ANY(%(whose)s)))""",
        {
            "connection": wanted.connection,
            "service": wanted.service,
            "consumer": wanted.consumer,
            "whose": whose,
            "side": wanted.side,
        },
    )
    return [row["id"] for row in rows]


def _values(wanted: Wanted) -> dict[str, Any]:
    return {
        "statuses": wanted.all_statuses,
        "since": wanted.since.isoformat() if wanted.since else "-infinity",
    }


def _of_run(wanted: Wanted, whose: list[int] | None, keys: list[tuple[str, list[int]]]) -> dict[str, Any]:
    connections = keys[0][1] if keys and keys[0][0] == "subscription_id" else None
    return {"correlation": wanted.correlation_id, "whose": whose, "side": wanted.side, "connections": connections}


async def _beginning(tx: Tx, until: datetime | None, before: int | None) -> dict[str, Any]:
    """Where a page begins. The row that the last one ended with may be gone: then with the next older one."""
    if before is not None:
        row = await one(tx, "SELECT created_at FROM deliveries WHERE seq <= %s ORDER BY seq DESC LIMIT 1", (before,))
        if row is None or until is None or row["created_at"] < until:
            return {"at": row["created_at"].isoformat() if row else "-infinity", "seq": before}
    return {"at": until.isoformat() if until else "infinity", "seq": 0 if until else _LAST}
