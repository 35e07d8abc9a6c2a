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
    return {place: _provider(place, rows) for place, rows in (await _sides(tx, places)).items()}


async def _sides(tx: Tx, places: Collection[Place]) -> dict[Place, list[dict[str, Any]]]:
    """A row for each subscription to each service of each workflow; where there is none, a row without one."""
    rows = await many(
        tx,
        # LIMIT: each consumer is looked up by its key. It is planned before it is known of which service, and for the
        # consumers of ten average ones PostgreSQL would read all repositories.
        """SELECT p.number, r.id IS NOT NULL AS known, r.enabled, r.provider, r.full_name, r.installation_id,
                  r.removed_at, r.removed_why, i.suspended_at, i.removed_at AS uninstalled_at, w.whitelisted,
                  v.id, v.slug, v.alias, v.event_type, v.metadata_only, v.hide_provider,
                  v.retired_at IS NOT NULL AS retired, v.guard, v.schema_version,
                  s.id AS subscription_id, s.status, s.repository_id AS consumer_id, c.*, s.durable, s.conclusions,
                  s.confirm_timeout, s.complete_timeout, s.max_dispatches, s.branches, s.event_types
           FROM unnest(%s::bigint[], %s::text[]) WITH ORDINALITY AS p (repository_id, path, number)
           LEFT JOIN repositories r ON r.id = p.repository_id
           LEFT JOIN installations i ON i.id = r.installation_id
           LEFT JOIN workflows w ON w.repository_id = p.repository_id AND w.path = p.path
           LEFT JOIN services v ON v.workflow_id = w.id
           LEFT JOIN subscriptions s ON s.service_id = v.id
           LEFT JOIN LATERAL (
               SELECT r.enabled AS consumer_enabled, r.consumer AS enabled_as_consumer,
                      r.full_name AS consumer_full_name, r.installation_id AS consumer_installation_id,
                      r.removed_at AS consumer_removed_at, r.removed_why AS consumer_removed_why,
                      i.suspended_at AS consumer_suspended_at, i.removed_at AS consumer_uninstalled_at
               FROM repositories r LEFT JOIN installations i ON i.id = r.installation_id
               WHERE r.id = s.repository_id LIMIT 1) AS c ON true
           ORDER BY p.number, v.id, s.id""",
        ([repository_id for repository_id, _ in places], [path for _, path in places]),
    )
    found: dict[Place, list[dict[str, Any]]] = {place: [] for place in places}
    asked = list(places)
    for row in rows:
        found[asked[row["number"] - 1]].append(row)
    return found


def _provider(place: Place, rows: Sequence[Mapping[str, Any]]) -> Provider:
    side = rows[0]
    services: dict[int, Service] = {}
    for row in rows:
        if row["id"] is not None and row["id"] not in services:
            services[row["id"]] = _service(row)
    subscriptions = [_subscription(row, services[row["id"]]) for row in rows if row["subscription_id"] is not None]
    return Provider(
        repository_known=side["known"],
        repository_enabled=bool(side["enabled"]),
        enabled_as_provider=bool(side["provider"]),
        workflow_path=place[1],
        whitelisted=bool(side["whitelisted"]),
        services=tuple(services.values()),
        subscriptions=tuple(sorted(subscriptions, key=lambda subscription: subscription.id)),
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


_FILTERS = ("conclusions", "branches", "event_types")
_SAME = (
    "status", "consumer_id", "consumer_enabled", "enabled_as_consumer", "durable", "confirm_timeout",
    "complete_timeout", "max_dispatches",
)  # fmt: skip


def _subscription(row: Mapping[str, Any], service: Service) -> Subscription:
    filters: dict[str, Any] = {name: None if row[name] is None else tuple(row[name]) for name in _FILTERS}
    reach = _reach(row, "consumer_")
    return Subscription(
        id=row["subscription_id"],
        service=service,
        consumer=reach.full_name,
        installation_id=reach.installation_id,
        barrier=barrier(reach),
        **{name: row[name] for name in _SAME},
        **filters,
    )


def _service(row: Mapping[str, Any]) -> Service:
    return Service(**{name: row[name] for name in Service.__slots__})


def _reach(row: Mapping[str, Any], whose: str = "") -> Reach:
    return Reach(**{name: row[whose + name] for name in Reach.__slots__})


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
