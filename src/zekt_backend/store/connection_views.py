"""Connections as people and programs read them: both ends, how they are doing, each side what it may."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from psycopg import sql

from zekt_backend.rules import health
from zekt_backend.rules.health import State, Statistics
from zekt_backend.store import connection_health
from zekt_backend.store.database import Listing, Tx, many

_FROM = sql.SQL(
    """FROM subscriptions s JOIN services v ON v.id = s.service_id JOIN workflows w ON w.id = v.workflow_id
       JOIN repositories p ON p.id = w.repository_id JOIN accounts pa ON pa.id = p.account_id
       JOIN repositories c ON c.id = s.repository_id JOIN accounts ca ON ca.id = c.account_id"""
)
_SHOWN = sql.SQL(
    """s.id, v.slug || '@' || c.full_name AS name, v.slug AS service, v.alias AS "serviceAlias",
       v.retired_at IS NOT NULL AS "serviceRetired", v.hide_provider AS hidden, s.status, s.durable,
       pa.login AS "providerAccount", p.id AS "providerId", p.full_name AS provider, w.path AS workflow,
       ca.login AS "consumerAccount", c.id AS "consumerId", c.full_name AS consumer,
       (%(mine)s::bigint[] IS NULL OR pa.id = ANY(%(mine)s)) AS provides,
       (%(mine)s::bigint[] IS NULL OR ca.id = ANY(%(mine)s)) AS consumes"""
)

MOST_LOOKED_AT = 500
"""Connections whose state one request asks for: a listing by state may end early, and goes on from there."""
_BATCH = 100
"""At least so many at once, where few of them may be of the wanted state."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which connections; None: any."""

    side: str | None = None
    status: str | None = None
    state: State | None = None
    service: str | None = None
    account: str | None = None
    """On either side; of a provider who hides, the consumer asks in vain."""


@dataclass(frozen=True, slots=True)
class Seen:
    """A connection as its reader may see it."""

    shown: dict[str, Any]
    provides: bool
    consumes: bool
    retired: bool
    statistics: Statistics


async def page(
    tx: Tx, wanted: Wanted, *, accounts: Sequence[int] | None, before: int | None, limit: int, now: datetime
) -> Listing:
    """Those of these accounts (None: of all), the newest first, and the next cursor.

    A page by state looks at `MOST_LOOKED_AT` at most, and may hold fewer than `limit` although there are more.
    """
    found: list[dict[str, Any]] = []
    batch = limit if wanted.state is None else max(limit, _BATCH)
    for _ in range(0, MOST_LOOKED_AT, batch):
        rows = await _rows(tx, wanted, accounts=accounts, before=before, limit=batch + 1)
        for seen in await _seen(tx, rows[:batch], now):
            if len(found) == limit:
                return found, before
            before = seen.shown["id"]
            if wanted.state in (None, seen.shown["state"]):
                found.append(seen.shown)
        if len(rows) <= batch:
            return found, None
        if len(found) == limit:
            break
    return found, before


async def one(tx: Tx, subscription_id: int, mine: Sequence[int] | None, now: datetime) -> Seen | None:
    """By its subscription's id, as the accounts `mine` may see it; None also when it is not theirs."""
    query = sql.SQL("SELECT {} {} WHERE s.id = %(id)s").format(_SHOWN, _FROM)
    rows = await many(tx, query, {"id": subscription_id, "mine": None if mine is None else list(mine)})
    found = await _seen(tx, [row for row in rows if row["provides"] or row["consumes"]], now)
    return found[0] if found else None


async def count_states(tx: Tx, accounts: Sequence[int] | None, now: datetime) -> tuple[dict[State, int], bool]:
    """How many approved connections are in each state, and whether there are more than the newest `MOST_LOOKED_AT`."""
    rows = await _rows(tx, Wanted(status="approved"), accounts=accounts, before=None, limit=MOST_LOOKED_AT + 1)
    states = await connection_health.states(tx, [row["id"] for row in rows[:MOST_LOOKED_AT]], now)
    counts = dict.fromkeys(State, 0)
    for state in states.values():
        counts[state] += 1
    return counts, len(rows) > MOST_LOOKED_AT


async def _rows(
    tx: Tx, wanted: Wanted, *, accounts: Sequence[int] | None, before: int | None, limit: int
) -> list[dict[str, Any]]:
    return await many(
        tx,
        sql.SQL(
            """SELECT {} {}
               WHERE (%(mine)s::bigint[] IS NULL
                      OR (%(side)s::text IS DISTINCT FROM 'consumer' AND pa.id = ANY(%(mine)s))
                      OR (%(side)s::text IS DISTINCT FROM 'provider' AND ca.id = ANY(%(mine)s)))
                 AND (%(status)s::text IS NULL OR s.status = %(status)s)
                 AND (NOT %(judged)s OR s.status = 'approved')
                 AND (%(service)s::text IS NULL OR v.slug = %(service)s)
                 AND (%(account)s::text IS NULL OR lower(ca.login) = lower(%(account)s)
                      OR (lower(pa.login) = lower(%(account)s)
                          AND (NOT v.hide_provider OR %(mine)s::bigint[] IS NULL OR pa.id = ANY(%(mine)s))))
                 AND (%(before)s::bigint IS NULL OR s.id < %(before)s)
               ORDER BY s.id DESC LIMIT %(limit)s"""
        ).format(_SHOWN, _FROM),
        {
            "mine": None if accounts is None else list(accounts),
            "side": wanted.side,
            "status": wanted.status,
            "judged": wanted.state is not None,
            "service": wanted.service,
            "account": wanted.account,
            "before": before,
            "limit": limit,
        },
    )


async def _seen(tx: Tx, rows: Sequence[dict[str, Any]], now: datetime) -> list[Seen]:
    counted = await connection_health.statistics(tx, [row["id"] for row in rows], now)
    return [_readable(row, counted[row["id"]], now) for row in rows]


def _readable(row: dict[str, Any], counted: Statistics, now: datetime) -> Seen:
    """What is not approved does not run, and has no state."""
    shown = {
        **{name: row[name] for name in ("id", "name", "service", "serviceAlias", "serviceRetired", "status")},
        "durable": row["durable"],
        "provider": _provider(row),
        "consumer": {
            "account": row["consumerAccount"],
            "repositoryId": row["consumerId"],
            "repository": row["consumer"],
        },
        "sides": [side for side, seen in (("provider", row["provides"]), ("consumer", row["consumes"])) if seen],
        "state": health.state_of(counted, now).value if row["status"] == "approved" else None,
        "lastEventAt": counted.last_event_at.isoformat() if counted.last_event_at else None,
        "statistics": told(counted),
    }
    return Seen(shown, row["provides"], row["consumes"], row["serviceRetired"], counted)


def _provider(row: dict[str, Any]) -> dict[str, Any] | None:
    """A provider who hides is nobody to the consumer; of another it learns with each delivery what was told it here.

    Before it is approved it gets none, and knows no more than the directory tells.
    """
    if row["hidden"] and not row["provides"]:
        return None
    known = row["provides"] or row["status"] == "approved"
    return {
        "account": row["providerAccount"],
        "repositoryId": row["providerId"] if row["provides"] else None,
        "repository": row["provider"] if known else None,
        "workflow": row["workflow"] if known else None,
    }


def told(counted: Statistics) -> dict[str, Any]:
    """The figures of 24 hours as the API has them."""
    return {
        "total": counted.total,
        "succeeded": counted.succeeded,
        "failed": counted.failed,
        "late": counted.late,
        "underway": counted.underway,
        "retries": counted.retries,
        "successRate": counted.success_rate,
        "statuses": {status.value: count for status, count in counted.statuses.items()},
        "capped": counted.capped,
    }
