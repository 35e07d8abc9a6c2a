"""All that is known of a connection: how it is doing, why it failed, and what to do about it."""

from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any

from zekt_backend.rules import failures, health
from zekt_backend.rules.facts import Connection
from zekt_backend.rules.failures import Failed, Group
from zekt_backend.rules.health import Webhook
from zekt_backend.rules.remedies import Remedy, Situation, recommend
from zekt_backend.store import connection_failures, connection_views, connections
from zekt_backend.store.connection_views import Seen
from zekt_backend.store.database import Tx
from zekt_backend.store.plans import in_index_order


async def examine_connection(
    subscription_id: int, *, tx: Tx, mine: Sequence[int] | None, web_url: str, now: datetime
) -> dict[str, Any] | None:
    """As the API tells it to the accounts `mine` (None: the operator); None when it is not theirs, or not there.

    Args:
        subscription_id: a connection has its subscription's id.
        tx: only read from.
        mine: accounts' ids.
        web_url: GitHub's, for people.
        now: the end of the time that is looked at.
    """
    seen = await connection_views.one(tx, subscription_id, mine, now)
    connection = await connections.of_subscription(tx, subscription_id) if seen else None
    if seen is None or connection is None:
        return None
    async with in_index_order(tx):
        groups = failures.grouped(await connection_failures.by_category(tx, subscription_id, now))
        newest = await connection_failures.newest(tx, subscription_id, now)
        retried = await connection_failures.retried(tx, subscription_id, now)
    webhooks = await connection_failures.webhooks(tx, _ends(connection, seen), now)
    situation = Situation(
        connection=connection,
        retired=seen.retired,
        provides=seen.provides,
        statistics=seen.statistics,
        groups=groups,
        webhooks=webhooks,
        web_url=web_url,
        now=now,
    )
    return {
        "connection": seen.shown,
        "since": (now - health.WINDOW).isoformat(),
        "retries": [_part(each) for each in retried],
        "failures": {
            "since": (now - failures.WINDOW).isoformat(),
            "count": sum(group.count for group in groups),
            "capped": sum(group.count for group in groups) >= failures.MOST,
            "groups": [_group(group) for group in groups],
            "newest": newest,
        },
        "webhooks": [_webhook(webhook) for webhook in webhooks],
        "recommendations": [_remedy(remedy) for remedy in recommend(situation)],
    }


def _ends(connection: Connection, seen: Seen) -> list[tuple[str, int, str]]:
    """How often an end's workflows run is its own business; the consumer's are heard of with completion tracking."""
    provider, consumer = connection.provider, connection.consumer
    ends = [("provider", provider.id, provider.full_name)] if seen.provides else []
    if seen.consumes and connection.completion_tracking:
        ends.append(("consumer", consumer.id, consumer.full_name))
    return ends


def _group(group: Group) -> dict[str, Any]:
    return {
        "cause": group.cause.value,
        "title": group.title,
        "count": group.count,
        "newestAt": group.newest_at.isoformat(),
        "categories": [_part(part) for part in group.parts],
    }


def _part(part: Failed) -> dict[str, Any]:
    return {"category": part.category, "count": part.count, "newestAt": part.newest_at.isoformat()}


def _webhook(webhook: Webhook) -> dict[str, Any]:
    return {
        "end": webhook.end,
        "repository": webhook.repository,
        "newestAt": webhook.newest_at.isoformat() if webhook.newest_at else None,
        "received": webhook.received,
        "missed": webhook.missed,
        "owed": webhook.owed,
        "successRate": webhook.success_rate,
        "capped": webhook.received >= health.MOST_RUNS,
    }


def _remedy(remedy: Remedy) -> dict[str, Any]:
    return {
        "about": remedy.about,
        "who": remedy.who,
        "what": remedy.what,
        "count": remedy.count,
        "newestAt": remedy.newest_at.isoformat() if remedy.newest_at else None,
        "fix": {name: list(value) if isinstance(value, tuple) else value for name, value in asdict(remedy.fix).items()},
    }
