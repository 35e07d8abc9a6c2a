"""What the policy asks about a workflow: is it whitelisted, what is published from it, who has subscribed."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from psycopg import sql

from zekt_backend.rules.parties import Provider, Service, Subscription
from zekt_backend.rules.reach import Reach, barrier, provider_barrier
from zekt_backend.store.database import Tx, many, one

Place = tuple[int, str | None]
"""A repository's id and the path of a workflow in it."""


async def provider(tx: Tx, repository_id: int, workflow_path: str | None) -> Provider:
    """The provider's side as it stands now: a change takes effect for the next event, at once."""
    place = (repository_id, workflow_path)
    return (await providers(tx, [place]))[place]


async def providers(tx: Tx, places: Collection[Place]) -> dict[Place, Provider]:
    """The same for each of them."""
    sides = await _sides(tx, places)
    services = {row["id"]: _service(row) for rows in sides.values() for row in rows if row["id"] is not None}
    subscriptions = await _subscriptions(tx, services)
    return {place: _provider(place, rows, services, subscriptions) for place, rows in sides.items()}


async def _sides(tx: Tx, places: Collection[Place]) -> dict[Place, list[dict[str, Any]]]:
    """A row for each service of each workflow; one without a service where there is none."""
    rows = await many(
        tx,
        """SELECT p.number, r.id IS NOT NULL AS known, r.enabled, r.provider, r.full_name, r.installation_id,
                  r.removed_at, r.removed_why, i.suspended_at, i.removed_at AS uninstalled_at, w.whitelisted,
                  v.id, v.slug, v.alias, v.event_type, v.metadata_only, v.hide_provider,
                  v.retired_at IS NOT NULL AS retired, v.guard, v.schema_version
           FROM unnest(%s::bigint[], %s::text[]) WITH ORDINALITY AS p (repository_id, path, number)
           LEFT JOIN repositories r ON r.id = p.repository_id
           LEFT JOIN installations i ON i.id = r.installation_id
           LEFT JOIN workflows w ON w.repository_id = p.repository_id AND w.path = p.path
           LEFT JOIN services v ON v.workflow_id = w.id
           ORDER BY p.number, v.id""",
        ([repository_id for repository_id, _ in places], [path for _, path in places]),
    )
    found: dict[Place, list[dict[str, Any]]] = {place: [] for place in places}
    asked = list(places)
    for row in rows:
        found[asked[row["number"] - 1]].append(row)
    return found


def _provider(
    place: Place,
    rows: Sequence[Mapping[str, Any]],
    services: Mapping[int, Service],
    subscriptions: Mapping[int, list[Subscription]],
) -> Provider:
    side, own = rows[0], [row["id"] for row in rows if row["id"] is not None]
    mine = [subscription for service_id in own for subscription in subscriptions.get(service_id, ())]
    return Provider(
        repository_known=side["known"],
        repository_enabled=bool(side["enabled"]),
        enabled_as_provider=bool(side["provider"]),
        workflow_path=place[1],
        whitelisted=bool(side["whitelisted"]),
        services=tuple(services[service_id] for service_id in own),
        subscriptions=tuple(sorted(mine, key=lambda subscription: subscription.id)),
        barrier=provider_barrier(_reach(side) if side["known"] else None),
    )


async def provider_of(tx: Tx, subscription_id: int) -> Provider:
    """The same, from a subscription's end."""
    row = await one(
        tx,
        """SELECT w.repository_id, w.path FROM subscriptions s
           JOIN services v ON v.id = s.service_id JOIN workflows w ON w.id = v.workflow_id WHERE s.id = %s""",
        (subscription_id,),
    )
    if row is None:
        raise LookupError(f"subscription {subscription_id} has no row, though deliveries refer to it")
    return await provider(tx, row["repository_id"], row["path"])


async def _subscriptions(tx: Tx, services: Mapping[int, Service]) -> dict[int, list[Subscription]]:
    """By service."""
    if not services:
        return {}
    rows = await many(
        tx,
        # LIMIT: each consumer is looked up by its key. It is planned before it is known of which service, and for the
        # consumers of ten average ones PostgreSQL would read all repositories.
        """SELECT s.id, s.service_id, s.status, s.repository_id AS consumer_id, c.*, s.durable, s.conclusions,
                  s.confirm_timeout, s.complete_timeout, s.max_dispatches, s.branches, s.event_types
           FROM subscriptions s CROSS JOIN LATERAL (
               SELECT r.full_name, r.enabled AS consumer_enabled, r.consumer AS enabled_as_consumer, r.installation_id,
                      r.removed_at, r.removed_why, i.suspended_at, i.removed_at AS uninstalled_at
               FROM repositories r LEFT JOIN installations i ON i.id = r.installation_id
               WHERE r.id = s.repository_id LIMIT 1) AS c
           WHERE s.service_id = ANY(%s)""",
        (list(services),),
    )
    found: dict[int, list[Subscription]] = {}
    for row in rows:
        found.setdefault(row["service_id"], []).append(_subscription(row, services[row["service_id"]]))
    return found


_FILTERS = ("conclusions", "branches", "event_types")
_SAME = (
    "id", "status", "consumer_id", "consumer_enabled", "enabled_as_consumer", "installation_id", "durable",
    "confirm_timeout", "complete_timeout", "max_dispatches",
)  # fmt: skip


def _subscription(row: Mapping[str, Any], service: Service) -> Subscription:
    filters: dict[str, Any] = {name: None if row[name] is None else tuple(row[name]) for name in _FILTERS}
    same = {name: row[name] for name in _SAME}
    return Subscription(service=service, consumer=row["full_name"], barrier=barrier(_reach(row)), **same, **filters)


def _service(row: Mapping[str, Any]) -> Service:
    return Service(**{name: row[name] for name in Service.__slots__})


def _reach(row: Mapping[str, Any]) -> Reach:
    return Reach(**{name: row[name] for name in Reach.__slots__})


STOPPED = """CASE WHEN s.status <> 'approved' OR NOT (consumer.enabled AND consumer.consumer)
                      OR NOT (provider.enabled AND provider.provider) THEN 'revoked'
                  WHEN v.retired_at IS NOT NULL THEN 'retired' END"""
"""What stops it, in SQL: of a subscription s, its service v and the repositories of both sides."""


async def stopped_by(tx: Tx, subscription_id: int) -> str | None:
    """Asked again before each dispatch: what stops it, or None.

    `revoked`: it is not approved any more, or a side is switched off. `retired`: its service is.
    """
    row = await one(
        tx,
        sql.SQL(
            """SELECT {} AS why
               FROM subscriptions s
               JOIN repositories consumer ON consumer.id = s.repository_id
               JOIN services v ON v.id = s.service_id
               JOIN workflows w ON w.id = v.workflow_id
               JOIN repositories provider ON provider.id = w.repository_id
               WHERE s.id = %s"""
        ).format(sql.SQL(STOPPED)),
        (subscription_id,),
    )
    return row["why"] if row else "revoked"
