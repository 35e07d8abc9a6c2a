"""Connections as a diagnosis needs them: both ends, what was sent of late, and what nobody confirmed."""

from datetime import datetime
from typing import Any

from psycopg import sql

from zekt_backend.rules.facts import Connection, Member, Sent
from zekt_backend.rules.reach import Barrier, barrier
from zekt_backend.store import reach
from zekt_backend.store.database import Tx, many, one

_MOST = 200
"""Unconfirmed dispatches and event types that are looked at, the newest."""


_FOUND = sql.SQL(
    """SELECT s.id, s.status, s.durable, v.slug, v.event_type, v.metadata_only, w.path, w.whitelisted,
              s.event_types,
              p.provider AS as_provider, c.consumer AS as_consumer,
              p.id AS provider_id, p.full_name AS provider, p.enabled AS provider_enabled,
              p.installation_id AS provider_installation, c.id AS consumer_id, c.full_name AS consumer,
              c.enabled AS consumer_enabled, c.installation_id AS consumer_installation, c.completion_tracking
       FROM subscriptions s
       JOIN services v ON v.id = s.service_id
       JOIN workflows w ON w.id = v.workflow_id
       JOIN repositories p ON p.id = w.repository_id
       JOIN repositories c ON c.id = s.repository_id
       WHERE {}"""
)


async def find(tx: Tx, service: str, consumer: str) -> Connection | None:
    """By the service's slug and the consumer's `owner/name`, in any case."""
    where = sql.SQL("v.slug = %s AND lower(c.full_name) = lower(%s)")
    return await _reached(tx, await one(tx, _FOUND.format(where), (service, consumer)))


async def of_subscription(tx: Tx, subscription_id: int) -> Connection | None:
    """By the id of its subscription."""
    return await _reached(tx, await one(tx, _FOUND.format(sql.SQL("s.id = %s")), (subscription_id,)))


async def _reached(tx: Tx, row: dict[str, Any] | None) -> Connection | None:
    if row is None:
        return None
    found = await reach.of(tx, [row["provider_id"], row["consumer_id"]])
    return _connection(row, {number: barrier(each) for number, each in found.items()})


def _connection(row: dict[str, Any], barriers: dict[int, Barrier | None]) -> Connection:
    return Connection(
        subscription_id=row["id"],
        status=row["status"],
        durable=row["durable"],
        as_provider=row["as_provider"],
        as_consumer=row["as_consumer"],
        service=row["slug"],
        event_type=row["event_type"],
        metadata_only=row["metadata_only"],
        workflow_path=row["path"],
        whitelisted=row["whitelisted"],
        completion_tracking=row["completion_tracking"],
        provider=_member(row, "provider", barriers),
        consumer=_member(row, "consumer", barriers),
        wanted=None if row["event_types"] is None else tuple(row["event_types"]),
    )


def _member(row: dict[str, Any], end: str, barriers: dict[int, Barrier | None]) -> Member:
    number = row[f"{end}_id"]
    return Member(number, row[end], row[f"{end}_enabled"], row[f"{end}_installation"], barriers.get(number))


async def names(tx: Tx, limit: int) -> list[str]:
    """Some connections, as they are written on the command line."""
    rows = await many(
        tx,
        """SELECT v.slug || '@' || c.full_name AS name FROM subscriptions s
           JOIN services v ON v.id = s.service_id JOIN repositories c ON c.id = s.repository_id
           ORDER BY s.id LIMIT %s""",
        (limit,),
    )
    return [row["name"] for row in rows]


async def event_types(tx: Tx, connection: Connection, since: datetime) -> tuple[str, ...]:
    """What messages of this workflow were called since then, most frequent first."""
    rows = await many(
        tx,
        """SELECT event_type FROM messages
           WHERE repository_id = %s AND workflow_path = %s AND event_type IS NOT NULL AND received_at >= %s
           GROUP BY event_type ORDER BY count(*) DESC, event_type LIMIT %s""",
        (connection.provider.id, connection.workflow_path, since, _MOST),
    )
    return tuple(row["event_type"] for row in rows)


async def dispatched(tx: Tx, connection: Connection, since: datetime) -> int:
    """Durable deliveries of this connection that were last dispatched since then."""
    row = await one(
        tx,
        """SELECT count(*) AS number FROM deliveries
           WHERE consumer_id = %s AND subscription_id = %s AND durable AND dispatched_at >= %s""",
        (connection.consumer.id, connection.subscription_id, since),
    )
    return int(row["number"]) if row else 0


async def unconfirmed(tx: Tx, connection: Connection, since: datetime, until: datetime) -> tuple[Sent, ...]:
    """Accepted dispatches between the two moments of durable deliveries that no run has confirmed."""
    rows = await many(
        tx,
        """SELECT a.delivery_id, a.number AS attempt, a.finished_at AS at
           FROM deliveries d JOIN attempts a ON a.delivery_id = d.id AND a.accepted
           WHERE d.consumer_id = %s AND d.subscription_id = %s AND d.durable AND d.confirmed_at IS NULL
             AND d.dispatched_at >= %s AND a.finished_at >= %s AND a.finished_at <= %s
           ORDER BY a.finished_at DESC LIMIT %s""",
        (connection.consumer.id, connection.subscription_id, since, since, until, _MOST),
    )
    return tuple(Sent(**row) for row in rows)


async def confirming_runs(tx: Tx, consumer_id: int, since: datetime) -> frozenset[int]:
    """The consumer's runs that confirmed a delivery since then."""
    rows = await many(
        tx,
        """SELECT DISTINCT consumer_run_id AS id FROM deliveries
           WHERE consumer_id = %s AND consumer_run_id IS NOT NULL AND confirmed_at >= %s""",
        (consumer_id, since),
    )
    return frozenset(row["id"] for row in rows)
