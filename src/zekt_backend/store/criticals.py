"""Connections that are Critical, and who was told of it."""

from collections.abc import Collection, Sequence
from datetime import datetime

from psycopg import sql

from zekt_backend.store.database import Tx, many, one
from zekt_backend.store.notices import READER, Reader

_LIVELY = """
SELECT u.id FROM subscriptions u JOIN services v ON v.id = u.service_id JOIN workflows w ON w.id = v.workflow_id
JOIN repositories p ON p.id = w.repository_id JOIN repositories c ON c.id = u.repository_id
WHERE u.id > %(after)s AND u.status = 'approved'
  AND EXISTS (SELECT 1 FROM notice_settings s WHERE s.account_id IN (p.account_id, c.account_id)
                AND ((s.url IS NOT NULL AND s.stopped_at IS NULL) OR s.issues_repository_id IS NOT NULL))
  AND EXISTS (SELECT 1 FROM deliveries d WHERE d.subscription_id = u.id AND d.created_at >= %(since)s)
ORDER BY u.id LIMIT %(limit)s
"""


async def lively(tx: Tx, after: int, since: datetime, limit: int) -> list[int]:
    """Subscriptions with deliveries since then, of which somebody wants to be told; by id, those after `after`."""
    return [row["id"] for row in await many(tx, _LIVELY, {"after": after, "since": since, "limit": limit})]


async def highest(tx: Tx) -> int:
    """Of the subscriptions' ids; 0 where there are none."""
    row = await one(tx, "SELECT coalesce(max(id), 0) AS id FROM subscriptions")
    return int(row["id"]) if row else 0


async def told(tx: Tx) -> list[int]:
    """Subscriptions of which somebody was told that they are Critical."""
    rows = await many(tx, "SELECT DISTINCT subscription_id FROM told_critical ORDER BY subscription_id")
    return [row["subscription_id"] for row in rows]


async def forget(tx: Tx, subscription_ids: Sequence[int]) -> None:
    """They are not Critical any more: the next time is told again."""
    await tx.execute("DELETE FROM told_critical WHERE subscription_id = ANY(%s)", (list(subscription_ids),))


async def note(tx: Tx, pairs: Collection[tuple[int, int]], now: datetime) -> None:
    """Each account (the second) was told that a connection (the first) is Critical."""
    ordered = sorted(pairs)
    await tx.execute(
        """INSERT INTO told_critical (subscription_id, account_id, at)
           SELECT p.*, %s FROM unnest(%s::bigint[], %s::bigint[]) p ON CONFLICT DO NOTHING""",
        (now, [pair[0] for pair in ordered], [pair[1] for pair in ordered]),
    )


async def untold(tx: Tx, subscription_ids: Sequence[int]) -> list[Reader]:
    """Who wants to be told of these, and was not since they are Critical."""
    rows = await many(
        tx,
        sql.SQL(
            """SELECT {}, v.hide_provider OR coalesce((SELECT d.envelope->'provider' = 'null'::jsonb FROM deliveries d
                                            WHERE d.subscription_id = u.id ORDER BY d.created_at DESC LIMIT 1), false)
                 AS hidden, p.full_name AS provider, c.full_name AS consumer
           FROM subscriptions u JOIN services v ON v.id = u.service_id JOIN workflows w ON w.id = v.workflow_id
           JOIN repositories p ON p.id = w.repository_id JOIN repositories c ON c.id = u.repository_id
           JOIN accounts a ON a.id IN (p.account_id, c.account_id) JOIN notice_settings s ON s.account_id = a.id
           WHERE u.id = ANY(%s) AND NOT EXISTS (SELECT 1 FROM told_critical t
                                                WHERE t.subscription_id = u.id AND t.account_id = a.id)
           ORDER BY a.id, u.id"""
        ).format(READER),
        (list(subscription_ids),),
    )
    return [Reader(**{**row, "channels": tuple(row["channels"])}) for row in rows]
