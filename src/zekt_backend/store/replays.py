"""Replays of many deliveries: which, how far each is, and what was refused. What is done is done once."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from psycopg import sql

from zekt_backend.store.database import Listing, Tx, changed, many, one, page_of

_MOST_TOLD = 100


@dataclass(frozen=True, slots=True)
class Candidate:
    """A delivery that is wanted once more. `kept`: its message is there, or it carries none."""

    delivery_id: str
    kept: bool


_KEPT = sql.SQL(
    """(d.event_id IS NULL OR EXISTS (SELECT 1 FROM messages m WHERE m.event_id = d.event_id AND m.flushed_at IS NULL
                                      AND m.received_at >= %(kept_since)s))"""
)


async def of_connection(
    tx: Tx,
    subscription_id: int,
    statuses: Sequence[str],
    *,
    since: datetime | None,
    until: datetime | None,
    again: bool,
    kept_since: datetime,
    limit: int,
) -> list[Candidate]:
    """The oldest first; those that were replayed before only with `again`."""
    rows = await many(
        tx,
        sql.SQL(
            """SELECT d.id AS delivery_id, {} AS kept
            FROM unnest(%(statuses)s::text[]) AS t (status) CROSS JOIN LATERAL (
                SELECT o.id, o.event_id, o.created_at, o.seq FROM deliveries o
                WHERE o.subscription_id = %(subscription)s AND o.status = t.status
                  AND o.created_at >= %(since)s::timestamptz AND o.created_at < %(until)s::timestamptz
                  AND (%(again)s OR NOT EXISTS (SELECT 1 FROM deliveries r WHERE r.replay_of = o.id))
                ORDER BY o.created_at, o.seq LIMIT %(limit)s) d
            ORDER BY d.created_at, d.seq LIMIT %(limit)s"""
        ).format(_KEPT),
        {
            "subscription": subscription_id,
            "statuses": list(statuses),
            "since": since.isoformat() if since else "-infinity",
            "until": until.isoformat() if until else "infinity",
            "again": again,
            "kept_since": kept_since,
            "limit": limit,
        },
    )
    return [Candidate(**row) for row in rows]


async def named(tx: Tx, delivery_ids: Sequence[str], kept_since: datetime) -> list[Candidate]:
    """Those of them that there are, in their order."""
    rows = await many(
        tx,
        sql.SQL(
            """SELECT d.id AS delivery_id, {} AS kept FROM unnest(%(ids)s::text[]) WITH ORDINALITY AS n (id, place)
               JOIN deliveries d ON d.id = n.id ORDER BY n.place"""
        ).format(_KEPT),
        {"ids": list(delivery_ids), "kept_since": kept_since},
    )
    return [Candidate(**row) for row in rows]


Homes = tuple[tuple[int | None, int], tuple[int | None, int]]
"""The provider's account and repository, then the consumer's."""


async def homes(tx: Tx, delivery_ids: Sequence[str]) -> dict[str, Homes]:
    """By delivery; those that are not there are left out."""
    rows = await many(
        tx,
        """SELECT d.id, p.account_id AS pa, d.provider_id AS p, c.account_id AS ca, c.id AS c FROM deliveries d
           LEFT JOIN repositories p ON p.id = d.provider_id JOIN repositories c ON c.id = d.consumer_id
           WHERE d.id = ANY(%s)""",
        (list(delivery_ids),),
    )
    return {row["id"]: ((row["pa"], row["p"]), (row["ca"], row["c"])) for row in rows}


async def create(
    tx: Tx,
    delivery_ids: Sequence[str],
    *,
    actor: str,
    account_id: int | None,
    subscription_id: int | None,
    per_minute: int,
    now: datetime,
) -> int | None:
    """None: one that this actor began for the account is under way."""
    row = await one(
        tx,
        """INSERT INTO replays (actor, account_id, subscription_id, per_minute, total, created_at)
           VALUES (%s, %s, %s, %s, %s, %s) ON CONFLICT DO NOTHING RETURNING id""",
        (actor, account_id, subscription_id, per_minute, len(delivery_ids), now),
    )
    if row is None:
        return None
    await tx.execute(
        """INSERT INTO replay_items (replay_id, position, delivery_id)
           SELECT %s, n.place, n.id FROM unnest(%s::text[]) WITH ORDINALITY AS n (id, place)""",
        (row["id"], list(delivery_ids)),
    )
    return int(row["id"])


async def under_way(tx: Tx, account_id: int | None, actor: str) -> int | None:
    row = await one(
        tx,
        """SELECT id FROM replays
           WHERE ended_at IS NULL AND coalesce(account_id, 0) = coalesce(%s::bigint, 0) AND actor = %s""",
        (account_id, actor),
    )
    return row["id"] if row else None


async def under_way_of(tx: Tx, actor: str) -> list[tuple[int, int | None]]:
    """Every one that this actor began, and for which account."""
    rows = await many(tx, "SELECT id, account_id FROM replays WHERE ended_at IS NULL AND actor = %s", (actor,))
    return [(row["id"], row["account_id"]) for row in rows]


async def unfinished(tx: Tx) -> list[int]:
    return [row["id"] for row in await many(tx, "SELECT id FROM replays WHERE ended_at IS NULL")]


@dataclass(frozen=True, slots=True)
class Held:
    """A replay that is under way, and that nobody else goes on with until the transaction ends."""

    actor: str
    account_id: int | None
    per_minute: int
    position: int | None
    """Of the next one; None: none is left."""
    delivery_id: str | None


async def hold(tx: Tx, replay_id: int) -> Held | None:
    """None: it has ended, or there is none."""
    row = await one(
        tx,
        "SELECT actor, account_id, per_minute FROM replays WHERE id = %s AND ended_at IS NULL FOR UPDATE",
        (replay_id,),
    )
    if row is None:
        return None
    following = await one(
        tx,
        """SELECT position, delivery_id FROM replay_items WHERE replay_id = %s AND done_at IS NULL
           ORDER BY position LIMIT 1""",
        (replay_id,),
    )
    return Held(**row, **(following or {"position": None, "delivery_id": None}))


async def settle(
    tx: Tx,
    replay_id: int,
    position: int,
    now: datetime,
    *,
    replayed_as: str | None,
    code: str | None,
    detail: str | None,
) -> bool:
    """False: it was done before."""
    done = await changed(
        tx,
        """UPDATE replay_items SET done_at = %s, replayed_as = %s, code = %s, detail = %s
           WHERE replay_id = %s AND position = %s AND done_at IS NULL""",
        (now, replayed_as, code, detail, replay_id, position),
    )
    if done:
        # Counted, so that nobody who asks how far it is reads ten thousand rows for it.
        made = int(replayed_as is not None)
        await tx.execute(
            "UPDATE replays SET made = made + %s, refused = refused + %s WHERE id = %s", (made, 1 - made, replay_id)
        )
    return done


async def end(tx: Tx, replay_id: int, now: datetime, *, stopped: bool, why: str | None = None) -> bool:
    """Nothing stays of what was not done but how many they were. False: it has ended."""
    first = await changed(
        tx,
        "UPDATE replays SET ended_at = %s, stopped = %s, why = %s WHERE id = %s AND ended_at IS NULL",
        (now, stopped, why, replay_id),
    )
    if first:
        await tx.execute("DELETE FROM replay_items WHERE replay_id = %s AND done_at IS NULL", (replay_id,))
    return first


async def forget(tx: Tx, before: datetime, limit: int) -> int:
    """Those that ended so long ago: their items first, `limit` at a time. How many rows went."""
    items = await tx.execute(
        """DELETE FROM replay_items WHERE (replay_id, position) IN (
               SELECT i.replay_id, i.position FROM replays r JOIN replay_items i ON i.replay_id = r.id
               WHERE r.ended_at < %s LIMIT %s)""",
        (before, limit),
    )
    if items.rowcount == limit:
        return limit
    cursor = await tx.execute(
        """DELETE FROM replays WHERE id IN (
               SELECT r.id FROM replays r
               WHERE r.ended_at < %s AND NOT EXISTS (SELECT 1 FROM replay_items i WHERE i.replay_id = r.id)
               ORDER BY r.ended_at LIMIT %s)""",
        (before, limit),
    )
    return items.rowcount + cursor.rowcount


@dataclass(frozen=True, slots=True)
class Begun:
    """Whose it is, and how fast it goes."""

    actor: str
    account_id: int | None
    per_minute: int


async def find(tx: Tx, replay_id: int) -> Begun | None:
    row = await one(tx, "SELECT actor, account_id, per_minute FROM replays WHERE id = %s", (replay_id,))
    return Begun(**row) if row else None


_SHOWN = sql.SQL(
    """SELECT r.id, a.login AS account, r.actor, r.subscription_id AS connection, r.per_minute AS "perMinute",
              r.created_at AS "createdAt", r.ended_at AS "endedAt", r.stopped, r.why, r.total, r.made, r.refused,
              r.total - r.made - r.refused AS left
       FROM replays r LEFT JOIN accounts a ON a.id = r.account_id"""
)


async def page(tx: Tx, *, accounts: Sequence[int] | None, before: int | None, limit: int) -> Listing:
    """Those of these accounts (None: all, also the operator's), the newest first, and the cursor of the next page."""
    rows = await many(
        tx,
        _SHOWN
        + sql.SQL(
            """ WHERE (%(accounts)s::bigint[] IS NULL OR r.account_id = ANY(%(accounts)s))
                  AND (%(before)s::bigint IS NULL OR r.id < %(before)s) ORDER BY r.id DESC LIMIT %(limit)s"""
        ),
        {"accounts": None if accounts is None else list(accounts), "before": before, "limit": limit + 1},
    )
    found, following = page_of(rows, limit)
    return [_readable(row) for row in found], following


def _readable(row: dict[str, Any]) -> dict[str, Any]:
    return {**row, **{name: row[name].isoformat() if row[name] else None for name in ("createdAt", "endedAt")}}


async def shown(tx: Tx, replay_id: int) -> dict[str, Any] | None:
    """How far it is, and the first that were refused."""
    row = await one(tx, _SHOWN + sql.SQL(" WHERE r.id = %s"), (replay_id,))
    if row is None:
        return None
    refusals = await many(
        tx,
        """SELECT delivery_id AS "deliveryId", code, detail FROM replay_items WHERE replay_id = %s AND code IS NOT NULL
           ORDER BY position LIMIT %s""",
        (replay_id, _MOST_TOLD),
    )
    return {**_readable(row), "refusals": refusals}


async def made(tx: Tx, replay_id: int) -> list[str]:
    """The ids of the new deliveries, in order."""
    rows = await many(
        tx,
        "SELECT replayed_as FROM replay_items WHERE replay_id = %s AND replayed_as IS NOT NULL ORDER BY position",
        (replay_id,),
    )
    return [row["replayed_as"] for row in rows]
