"""Deliveries as rows, to be counted by hand."""

import itertools
from datetime import datetime, timedelta
from typing import Any

import psycopg

_numbers = itertools.count(1)

_EVENT = """
INSERT INTO events (guid, repository_id, repository, run_id, run_attempt, workflow_path, workflow_name, head_sha, event,
                    actor, html_url, received_at)
VALUES (%s, 1001, 'shop-team/orders', 16123456789, 1, '.github/workflows/order.yml', 'Order', '', 'push', 'octocat', '',
        %s)
ON CONFLICT DO NOTHING
"""
_DELIVERY = """
INSERT INTO deliveries (id, subscription_id, provider_id, provider, consumer_id, consumer, installation_id,
    correlation_id, event_guid, event_type, envelope, late, durable, confirm_timeout, complete_timeout, max_dispatches,
    status, due_at, paced, attempt, tries, dispatches, created_at, dispatched_at, completed_at, failure, advice)
SELECT %(id)s || '-' || n, s.id, 1001, 'shop-team/orders', s.repository_id, c.full_name, c.installation_id,
    '16123456789', 'an event', 'order-finished', '{"provider": {}}', false, %(durable)s, interval '30 min',
    interval '6 h', 5, %(status)s, %(due_at)s, %(paced)s, %(attempt)s, %(tries)s, %(dispatches)s, %(created_at)s,
    %(dispatched_at)s, %(completed_at)s, %(failure)s, %(advice)s
FROM generate_series(1, %(count)s) n, subscriptions s JOIN repositories c ON c.id = s.repository_id
WHERE c.full_name = %(consumer)s
"""
_STANDARD: dict[str, Any] = {
    "consumer": "infra-team/platform",
    "count": 1,
    "durable": True,
    "due_at": None,
    "paced": False,
    "attempt": 1,
    "tries": 0,
    "dispatches": 1,
    "dispatched_at": None,
    "completed_at": None,
    "failure": None,
    "advice": None,
}
_ENDED = ("completed", "failed")


def add(url: str, status: str, created_at: datetime, **columns: Any) -> str:
    """Write `count` deliveries; gives what their ids begin with, before `-1`, `-2` and so on."""
    name = f"delivery-{next(_numbers)}"
    ended = created_at + timedelta(seconds=1) if status in _ENDED else None
    given = {"id": name, "status": status, "created_at": created_at, "completed_at": ended}
    failed = {"failure": "unconfirmed"} if status == "failed" else {}
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(_EVENT, ("an event", created_at))
        cursor = connection.execute(_DELIVERY, {**_STANDARD, **given, **failed, **columns})
        assert cursor.rowcount == columns.get("count", 1)
    return name
