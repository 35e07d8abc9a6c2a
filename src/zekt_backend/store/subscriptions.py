"""Subscriptions: what lies between a service and a consumer's repository. Both sides read it, each what it may."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from psycopg import sql

from zekt_backend.rules.subscription import Side, Standing
from zekt_backend.store.database import Listing, Tx, changed, many, one, page_of

SETTINGS = (
    "durable",
    "conclusions",
    "branches",
    "event_types",
    "confirm_timeout",
    "complete_timeout",
    "max_dispatches",
)
"""What is the consumer's to choose; lists and the last three are null where all is wanted or the default holds."""

_FROM = sql.SQL(
    """FROM subscriptions s JOIN services v ON v.id = s.service_id JOIN workflows w ON w.id = v.workflow_id
       JOIN repositories p ON p.id = w.repository_id JOIN accounts pa ON pa.id = p.account_id
       JOIN repositories c ON c.id = s.repository_id JOIN accounts ca ON ca.id = c.account_id"""
)
_SHOWN = sql.SQL(
    """s.id, v.slug AS service, v.alias AS "serviceAlias", v.retired_at IS NOT NULL AS "serviceRetired",
       v.hide_provider AS hidden, s.status, pa.login AS provider, p.full_name AS repository, p.id AS "repositoryId",
       c.full_name AS consumer, c.id AS "consumerId",
       ca.login AS "consumerAccount", s.note, s.answer, s.durable, s.conclusions, s.branches,
       s.event_types AS "eventTypes", s.confirm_timeout AS "confirmTimeout", s.complete_timeout AS "completeTimeout",
       s.max_dispatches AS "maxDispatches", s.requested_by AS "requestedBy", s.requested_at AS "requestedAt",
       s.decided_by AS "decidedBy", s.decided_side AS "decidedSide", s.decided_at AS "decidedAt", s.version,
       (%(mine)s::bigint[] IS NULL OR pa.id = ANY(%(mine)s)) AS provides,
       (%(mine)s::bigint[] IS NULL OR ca.id = ANY(%(mine)s)) AS consumes"""
)
_INNER = ("hidden", "provides", "consumes")


@dataclass(frozen=True, slots=True)
class Sides:
    """The two accounts."""

    provider: int
    consumer: int


@dataclass(frozen=True, slots=True)
class Held:
    """A subscription as it stands, and as nobody else changes it until the transaction ends."""

    id: int
    name: str
    """`SERVICE-SLUG@OWNER/REPO`"""
    sides: Sides
    status: Standing
    retired: bool
    settings: Mapping[str, Any]
    version: int


async def id_of(tx: Tx, service: str, consumer: str) -> int | None:
    """By the service's slug and the consumer's `owner/name`, in any case."""
    row = await one(
        tx,
        """SELECT s.id FROM subscriptions s JOIN services v ON v.id = s.service_id
           JOIN repositories c ON c.id = s.repository_id WHERE v.slug = %s AND lower(c.full_name) = lower(%s)""",
        (service, consumer),
    )
    return row["id"] if row else None


async def homes_of(tx: Tx, subscription_id: int) -> dict[Side, tuple[int, int]]:
    """Each side's account and repository; nothing when there is no such subscription."""
    query = sql.SQL("SELECT pa.id AS pa, p.id AS p, ca.id AS ca, c.id AS c {} WHERE s.id = %s").format(_FROM)
    row = await one(tx, query, (subscription_id,))
    return {Side.PROVIDER: (row["pa"], row["p"]), Side.CONSUMER: (row["ca"], row["c"])} if row else {}


async def create(
    tx: Tx, *, service_id: int, repository_id: int, note: str, settings: Mapping[str, Any], actor: str, now: datetime
) -> int | None:
    """As requested. None: there is one between the two already."""
    row = await one(
        tx,
        """INSERT INTO subscriptions (service_id, repository_id, status, note, requested_by, requested_at, durable,
               conclusions, branches, event_types, confirm_timeout, complete_timeout, max_dispatches)
           VALUES (%(service)s, %(repository)s, 'requested', %(note)s, %(actor)s, %(now)s, %(durable)s,
               %(conclusions)s, %(branches)s, %(event_types)s, %(confirm_timeout)s, %(complete_timeout)s,
               %(max_dispatches)s)
           ON CONFLICT (service_id, repository_id) DO NOTHING RETURNING id""",
        {
            "service": service_id,
            "repository": repository_id,
            "note": note,
            "actor": actor,
            "now": now,
            **dict.fromkeys(SETTINGS),
            "durable": False,
            **settings,
        },
    )
    return row["id"] if row else None


async def count_requested(tx: Tx, service_id: int, account_id: int) -> int:
    """How many requests of the account's repositories for the service are open."""
    row = await one(
        tx,
        """SELECT count(*) AS n FROM subscriptions s JOIN repositories c ON c.id = s.repository_id
           WHERE s.service_id = %s AND s.status = 'requested' AND c.account_id = %s""",
        (service_id, account_id),
    )
    return int(row["n"]) if row else 0


async def open_requests(
    tx: Tx, *, managed: Sequence[int], readable: Sequence[int], administered: Sequence[int], most: int
) -> int:
    """How many requests somebody may decide on, who manages those accounts, and those repositories of readable ones.

    Counts no further than `most`.
    """
    row = await one(
        tx,
        """SELECT count(*) AS n FROM (
               SELECT FROM repositories r JOIN workflows w ON w.repository_id = r.id
                   JOIN services v ON v.workflow_id = w.id JOIN subscriptions s ON s.service_id = v.id
               WHERE s.status = 'requested'
                 AND (r.account_id = ANY(%(managed)s)
                      OR (r.account_id = ANY(%(readable)s) AND r.id = ANY(%(administered)s)))
               LIMIT %(most)s) AS found""",
        {"managed": list(managed), "readable": list(readable), "administered": list(administered), "most": most},
    )
    return int(row["n"]) if row else 0


async def lock(tx: Tx, subscription_id: int) -> Held | None:
    row = await one(
        tx,
        sql.SQL(
            """SELECT s.id, v.slug || '@' || c.full_name AS name, pa.id AS provider, ca.id AS consumer, s.status,
                   v.retired_at IS NOT NULL AS retired, s.version, s.durable, s.conclusions, s.branches, s.event_types,
                   s.confirm_timeout, s.complete_timeout, s.max_dispatches
               {} WHERE s.id = %s FOR NO KEY UPDATE OF s"""
        ).format(_FROM),
        (subscription_id,),
    )
    if row is None:
        return None
    return Held(
        id=row["id"],
        name=row["name"],
        sides=Sides(row["provider"], row["consumer"]),
        status=Standing(row["status"]),
        retired=row["retired"],
        settings={name: row[name] for name in SETTINGS},
        version=row["version"],
    )


async def ask_again(tx: Tx, held: Held, *, note: str, settings: Mapping[str, Any], actor: str, now: datetime) -> bool:
    """Requested once more, with all `SETTINGS`; what was decided before stands in the audit trail.

    False: somebody was first.
    """
    return await changed(
        tx,
        """UPDATE subscriptions SET status = 'requested', note = %(note)s, requested_by = %(actor)s,
               requested_at = %(now)s, answer = '', decided_by = NULL, decided_at = NULL, decided_side = NULL,
               durable = %(durable)s, conclusions = %(conclusions)s, branches = %(branches)s,
               event_types = %(event_types)s, confirm_timeout = %(confirm_timeout)s,
               complete_timeout = %(complete_timeout)s, max_dispatches = %(max_dispatches)s, version = version + 1
           WHERE id = %(id)s AND status = %(status)s AND version = %(version)s""",
        {
            "id": held.id,
            "status": held.status.value,
            "version": held.version,
            "note": note,
            "actor": actor,
            "now": now,
            **settings,
        },
    )


async def decide(tx: Tx, held: Held, to: Standing, *, answer: str, side: Side, actor: str, now: datetime) -> bool:
    """Approve, deny or revoke. False: somebody was first."""
    return await changed(
        tx,
        """UPDATE subscriptions SET status = %(to)s, answer = %(answer)s, decided_by = %(actor)s, decided_at = %(now)s,
               decided_side = %(side)s, version = version + 1
           WHERE id = %(id)s AND status = %(status)s AND version = %(version)s""",
        {
            "id": held.id,
            "status": held.status.value,
            "version": held.version,
            "to": to.value,
            "answer": answer,
            "actor": actor,
            "now": now,
            "side": side.value,
        },
    )


async def change(tx: Tx, held: Held, settings: Mapping[str, Any]) -> bool:
    """Write all `SETTINGS`. False: somebody was first."""
    return await changed(
        tx,
        """UPDATE subscriptions SET durable = %(durable)s, conclusions = %(conclusions)s, branches = %(branches)s,
               event_types = %(event_types)s, confirm_timeout = %(confirm_timeout)s,
               complete_timeout = %(complete_timeout)s, max_dispatches = %(max_dispatches)s, version = version + 1
           WHERE id = %(id)s AND version = %(version)s""",
        {"id": held.id, "version": held.version, **settings},
    )


async def shown(tx: Tx, subscription_id: int, mine: Sequence[int] | None) -> dict[str, Any] | None:
    """One, as the accounts `mine` may see it (None: all of it); None also when it is not theirs."""
    row = await one(
        tx,
        sql.SQL("SELECT {} {} WHERE s.id = %(id)s").format(_SHOWN, _FROM),
        {"id": subscription_id, "mine": None if mine is None else list(mine)},
    )
    return _readable(row) if row and (row["provides"] or row["consumes"]) else None


async def page(
    tx: Tx,
    *,
    accounts: Sequence[int] | None,
    before: int | None,
    limit: int,
    side: str | None = None,
    status: str | None = None,
    service: str | None = None,
) -> Listing:
    """Those of these accounts (None: of all) on this side (None: on either), the newest first, and the next cursor.

    `service`: of this slug alone.
    """
    rows = await many(
        tx,
        sql.SQL(
            """SELECT {} {}
               WHERE (%(mine)s::bigint[] IS NULL
                      OR (%(side)s::text IS DISTINCT FROM 'consumer' AND pa.id = ANY(%(mine)s))
                      OR (%(side)s::text IS DISTINCT FROM 'provider' AND ca.id = ANY(%(mine)s)))
                 AND (%(status)s::text IS NULL OR s.status = %(status)s)
                 AND (%(service)s::text IS NULL OR v.slug = %(service)s)
                 AND (%(before)s::bigint IS NULL OR s.id < %(before)s)
               ORDER BY s.id DESC LIMIT %(limit)s"""
        ).format(_SHOWN, _FROM),
        {
            "mine": None if accounts is None else list(accounts),
            "side": side,
            "status": status,
            "service": service,
            "before": before,
            "limit": limit + 1,
        },
    )
    found, following = page_of(rows, limit)
    return [_readable(row) for row in found], following


def _readable(row: dict[str, Any]) -> dict[str, Any]:
    """A provider who hides is nobody to the consumer; and neither side learns who it was at the other."""
    ready = {name: _plain(value) for name, value in row.items() if name not in _INNER}
    sees = {Side.PROVIDER.value: row["provides"], Side.CONSUMER.value: row["consumes"]}
    if not row["provides"]:
        ready["repository"] = ready["repositoryId"] = None
        if row["hidden"]:
            ready["provider"] = None
    if not row["consumes"]:
        ready["requestedBy"] = None
    if not sees.get(row["decidedSide"], True):
        ready["decidedBy"] = None
    ready["sides"] = [side for side, seen in sees.items() if seen]
    return ready


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, timedelta):
        seconds = value.total_seconds()
        return int(seconds) if seconds.is_integer() else seconds
    return value
