"""Notices of failure: what happened, who is told of it by which channel, and how that went."""

from collections.abc import Collection, Sequence
from dataclasses import astuple, dataclass
from datetime import date, datetime
from typing import Any

from psycopg import sql

from zekt_backend.store.database import Listing, Tx, many, one, page_of


async def note_failure(tx: Tx, delivery_id: str, now: datetime) -> None:
    """This delivery has failed. Kept where somebody wants to be told of it.

    A row of its own and nothing shared is written, so that failures that come together do not wait for each other.
    """
    await tx.execute(
        """INSERT INTO failures (delivery_id, at)
           SELECT d.id, %s FROM deliveries d
           WHERE d.id = %s AND EXISTS (
               SELECT 1 FROM notice_settings s JOIN repositories r ON r.account_id = s.account_id
               WHERE r.id IN (d.provider_id, d.consumer_id)
                 AND (s.url IS NOT NULL OR s.issues_repository_id IS NOT NULL))""",
        (now, delivery_id),
    )


@dataclass(frozen=True, slots=True)
class Reader:
    """An account that wants to be told, and of what it may know."""

    account_id: int
    account: str
    by_provider: bool
    hidden: bool
    channels: tuple[str, ...]
    subscription_id: int
    service: str
    alias: str
    provider: str
    consumer: str


READER = sql.SQL(
    """a.id AS account_id, a.login AS account, p.account_id IS NOT DISTINCT FROM a.id AS by_provider,
       array_remove(ARRAY[CASE WHEN s.url IS NOT NULL AND s.stopped_at IS NULL THEN 'webhook' END,
                          CASE WHEN s.issues_repository_id IS NOT NULL THEN 'issue' END], NULL) AS channels,
       u.id AS subscription_id, v.slug AS service, v.alias"""
)


async def take_failures(tx: Tx, limit: int) -> list[tuple[Reader, dict[str, Any]]]:
    """The oldest failures, each for whoever wants to be told of it; they are noticed with this transaction."""
    rows = await many(
        tx,
        sql.SQL(
            """WITH f AS (DELETE FROM failures WHERE seq IN
                              (SELECT seq FROM failures ORDER BY seq LIMIT %s FOR UPDATE SKIP LOCKED)
                          RETURNING seq, delivery_id, at)
               SELECT {}, v.hide_provider OR d.envelope->'provider' = 'null'::jsonb AS hidden, d.provider, d.consumer,
                   d.id AS delivery_id, d.correlation_id, d.event_type, d.failure, d.advice, d.attempt AS attempts,
                   d.is_replay, d.created_at, f.at AS failed_at
               FROM f JOIN deliveries d ON d.id = f.delivery_id JOIN subscriptions u ON u.id = d.subscription_id
               JOIN services v ON v.id = u.service_id JOIN repositories c ON c.id = d.consumer_id
               LEFT JOIN repositories p ON p.id = d.provider_id
               JOIN accounts a ON a.id IN (p.account_id, c.account_id) JOIN notice_settings s ON s.account_id = a.id
               ORDER BY a.id, u.id, f.seq"""
        ).format(READER),
        (limit,),
    )
    return [_parted(row) for row in rows]


async def waiting_failures(tx: Tx) -> bool:
    return await one(tx, "SELECT 1 AS one FROM failures LIMIT 1") is not None


def _parted(row: dict[str, Any]) -> tuple[Reader, dict[str, Any]]:
    reader = {name: row.pop(name) for name in Reader.__slots__}
    return Reader(**{**reader, "channels": tuple(reader["channels"])}), row


Key = tuple[int, str, int, date]
"""Account, channel, subscription, day: of these there is one."""


@dataclass(frozen=True, slots=True)
class NewNotice:
    account_id: int
    channel: str
    subscription_id: int
    day: date
    kind: str
    body: str
    times: int


async def known(tx: Tx, keys: Collection[Key]) -> set[Key]:
    """Those of which there is a notice already."""
    rows = await many(
        tx,
        """SELECT n.account_id, n.channel, n.subscription_id, n.day
           FROM unnest(%s::bigint[], %s::text[], %s::bigint[], %s::date[]) AS k (account, channel, sub, day)
           JOIN notices n ON n.account_id = k.account AND n.channel = k.channel AND n.subscription_id = k.sub
               AND n.day = k.day""",
        [list(column) for column in zip(*keys, strict=True)] if keys else [[], [], [], []],
    )
    return {(row["account_id"], row["channel"], row["subscription_id"], row["day"]) for row in rows}


async def tell(tx: Tx, new: Sequence[NewNotice], now: datetime) -> list[tuple[int, int]]:
    """Make them, each of another key; failures count on the notice that there is.

    Returns (subscription, account) of each that is new.
    """
    if not new:
        return []
    # Always in the same order, so that two who tell at the same moment wait for each other at most.
    rows = sorted((astuple(notice) for notice in new), key=lambda row: row[:4])
    made = await many(
        tx,
        """INSERT INTO notices AS n
               (id, account_id, channel, subscription_id, day, kind, body, times, due_at, created_at)
           SELECT 'notice-' || gen_random_uuid(), f.*, %s, %s
           FROM unnest(%s::bigint[], %s::text[], %s::bigint[], %s::date[], %s::text[], %s::text[], %s::int[]) f
           ON CONFLICT (account_id, channel, subscription_id, day) DO UPDATE SET times = n.times + EXCLUDED.times
           WHERE EXCLUDED.kind = 'delivery.failed'
           RETURNING subscription_id, account_id, xmax = 0 AS made""",
        (now, now, *(list(column) for column in zip(*rows, strict=True))),
    )
    return [(row["subscription_id"], row["account_id"]) for row in made if row["made"]]


async def is_due(tx: Tx, now: datetime) -> bool:
    """Whether an account has something to be told now, and is not being told something."""
    return await one(tx, sql.SQL("SELECT first.id {} LIMIT 1").format(_DUE), {"now": now}) is not None


_DUE = sql.SQL(
    """FROM notice_settings s CROSS JOIN LATERAL (
           SELECT id FROM notices n
           WHERE n.account_id = s.account_id AND n.status = 'pending' AND n.due_at <= %(now)s
             AND (n.channel <> 'webhook' OR s.held_until <= %(now)s)
           ORDER BY n.due_at LIMIT 1) first
       WHERE s.busy_until <= %(now)s"""
)


@dataclass(frozen=True, slots=True)
class Notice:
    """A row, as far as whoever sends it needs it."""

    id: str
    account_id: int
    channel: str
    body: str
    tries: int
    unsure: bool
    """Whether a try before may have come through."""
    paced: bool
    created_at: datetime


async def lock_next(tx: Tx, now: datetime) -> Notice | None:
    """What is due, of the account that was served longest ago; nobody else serves that account meanwhile."""
    row = await one(
        tx,
        sql.SQL("SELECT first.id {} ORDER BY s.busy_until, s.account_id LIMIT 1 FOR UPDATE OF s SKIP LOCKED").format(
            _DUE
        ),
        {"now": now},
    )
    return await lock(tx, row["id"]) if row else None


async def lock(tx: Tx, notice_id: str) -> Notice | None:
    """One that is not told yet."""
    row = await one(
        tx,
        """SELECT id, account_id, channel, body, tries, unsure, paced, created_at FROM notices
           WHERE id = %s AND status = 'pending' FOR NO KEY UPDATE""",
        (notice_id,),
    )
    return Notice(**row) if row else None


async def begin(tx: Tx, notice_id: str) -> None:
    """A try begins; until its end is written down, it may have come through."""
    await tx.execute("UPDATE notices SET unsure = true WHERE id = %s", (notice_id,))


async def plan(tx: Tx, notice_id: str, due_at: datetime) -> None:
    """Its write to GitHub has a slot."""
    await tx.execute("UPDATE notices SET due_at = %s, paced = true WHERE id = %s", (due_at, notice_id))


async def end(tx: Tx, notice_id: str, status: str, now: datetime, *, answer: str, link: str | None = None) -> None:
    """`sent`, or `failed` for good."""
    await tx.execute(
        """UPDATE notices SET status = %s, ended_at = %s, due_at = NULL, answer = %s, link = %s, tries = tries + 1,
               unsure = false
           WHERE id = %s AND status = 'pending'""",
        (status, now, answer, link, notice_id),
    )


async def postpone(tx: Tx, notice_id: str, due_at: datetime, *, answer: str, unsure: bool, counts: bool = True) -> None:
    """Not told yet; tried again then."""
    await tx.execute(
        """UPDATE notices SET due_at = %s, answer = %s, tries = tries + %s, paced = false, unsure = %s
           WHERE id = %s AND status = 'pending'""",
        (due_at, answer, int(counts), unsure, notice_id),
    )


async def forget(tx: Tx, before: datetime, limit: int) -> int:
    """Drop those of before then, the oldest first. Returns how many went."""
    cursor = await tx.execute(
        """DELETE FROM notices WHERE id IN
               (SELECT id FROM notices WHERE created_at < %s ORDER BY created_at LIMIT %s)""",
        (before, limit),
    )
    return cursor.rowcount


async def page(tx: Tx, *, accounts: Sequence[int] | None, before: int | None, limit: int) -> Listing:
    """What these accounts (None: all) were told, the newest first, and the cursor of the next page."""
    rows = await many(
        tx,
        """SELECT n.seq, n.id, a.login AS account, n.channel, n.kind, n.subscription_id AS connection,
               v.slug AS service, c.full_name AS consumer, n.day, n.times, n.status, n.tries, n.due_at AS "dueAt",
               n.created_at AS "createdAt", n.ended_at AS "endedAt", n.answer, n.link
           FROM notices n JOIN accounts a ON a.id = n.account_id JOIN subscriptions u ON u.id = n.subscription_id
           JOIN services v ON v.id = u.service_id JOIN repositories c ON c.id = u.repository_id
           WHERE (%(accounts)s::bigint[] IS NULL OR n.account_id = ANY(%(accounts)s))
             AND (%(before)s::bigint IS NULL OR n.seq < %(before)s)
           ORDER BY n.seq DESC LIMIT %(limit)s""",
        {"accounts": None if accounts is None else list(accounts), "before": before, "limit": limit + 1},
    )
    found, following = page_of(rows, limit, "seq")
    return [_readable(row) for row in found], following


def _readable(row: dict[str, Any]) -> dict[str, Any]:
    return {
        name: value.isoformat() if isinstance(value, date) else value for name, value in row.items() if name != "seq"
    }
