"""What the policy asks about a workflow: is it whitelisted, what is published from it, who has subscribed."""

from dataclasses import replace
from typing import Any

from psycopg import sql

from zekt_backend.rules.parties import Provider, Service, Subscription
from zekt_backend.rules.reach import barrier, provider_barrier
from zekt_backend.store import reach, repositories
from zekt_backend.store.database import Tx, many, one

_FILTERS = ("conclusions", "branches", "event_types")


async def provider(tx: Tx, repository_id: int, workflow_path: str | None) -> Provider:
    """The provider's side as it stands now: a change takes effect for the next event, at once."""
    repository = await repositories.find(tx, repository_id)
    workflow = await one(
        tx,
        "SELECT id, whitelisted FROM workflows WHERE repository_id = %s AND path = %s",
        (repository_id, workflow_path),
    )
    services = await _services(tx, workflow["id"]) if workflow else {}
    subscriptions = await _subscriptions(tx, services)
    reaches = await reach.of(tx, {repository_id, *(each.consumer_id for each in subscriptions)})
    return Provider(
        repository_known=repository is not None,
        repository_enabled=repository is not None and repository.enabled,
        enabled_as_provider=repository is not None and repository.provider,
        workflow_path=workflow_path,
        whitelisted=bool(workflow and workflow["whitelisted"]),
        services=tuple(services.values()),
        subscriptions=tuple(replace(each, barrier=barrier(reaches[each.consumer_id])) for each in subscriptions),
        barrier=provider_barrier(reaches.get(repository_id)),
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


async def _services(tx: Tx, workflow_id: int) -> dict[int, Service]:
    rows = await many(
        tx,
        """SELECT id, slug, alias, event_type, metadata_only, hide_provider, retired_at IS NOT NULL AS retired,
                  guard, schema_version
           FROM services WHERE workflow_id = %s ORDER BY id""",
        (workflow_id,),
    )
    return {row["id"]: Service(**row) for row in rows}


async def _subscriptions(tx: Tx, services: dict[int, Service]) -> tuple[Subscription, ...]:
    if not services:
        return ()
    rows = await many(
        tx,
        """SELECT s.id, s.service_id, s.status, s.repository_id AS consumer_id, r.full_name AS consumer,
                  r.enabled AS consumer_enabled, r.consumer AS enabled_as_consumer, r.installation_id, s.durable,
                  s.conclusions,
                  s.confirm_timeout, s.complete_timeout, s.max_dispatches, s.branches, s.event_types
           FROM subscriptions s JOIN repositories r ON r.id = s.repository_id
           WHERE s.service_id = ANY(%s) ORDER BY s.id""",
        (list(services),),
    )
    return tuple(_subscription(row, services[row["service_id"]]) for row in rows)


def _subscription(row: dict[str, Any], service: Service) -> Subscription:
    known = {key: value for key, value in row.items() if key not in ("service_id", *_FILTERS)}
    filters: dict[str, Any] = {key: None if row[key] is None else tuple(row[key]) for key in _FILTERS}
    return Subscription(service=service, **known, **filters)


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
