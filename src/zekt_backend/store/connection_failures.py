"""Why a connection's deliveries failed, what those that succeeded had to try again for, and how GitHub told of runs."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from zekt_backend.rules import failures, health
from zekt_backend.rules.failures import Failed, cause_of
from zekt_backend.rules.health import Webhook
from zekt_backend.store.database import Tx, many, one


async def by_category(tx: Tx, subscription_id: int, now: datetime) -> list[Failed]:
    """Those of 30 days, at most `failures.MOST`, the newest."""
    rows = await many(
        tx,
        """SELECT coalesce(failure, '') AS category, count(*) AS count, max(completed_at) AS newest_at,
                  (array_agg(id ORDER BY completed_at DESC))[1] AS delivery_id,
                  coalesce((array_agg(advice ORDER BY completed_at DESC))[1], '') AS advice
           FROM (SELECT id, failure, advice, completed_at FROM deliveries
                 WHERE subscription_id = %(id)s AND status = 'failed' AND completed_at >= %(since)s
                 ORDER BY completed_at DESC LIMIT %(most)s) recent
           GROUP BY 1""",
        {"id": subscription_id, "since": now - failures.WINDOW, "most": failures.MOST},
    )
    return [Failed(**row) for row in rows]


async def newest(tx: Tx, subscription_id: int, now: datetime) -> list[dict[str, Any]]:
    """The last ten of 30 days with all that was said, as the API has them.

    `detail` is what the history says of the end; HTTP status and request id are of the last attempt. OFFSET 0 keeps the
    order out of how replays are found: without sorts (`in_index_order`) all deliveries would be read in that order.
    """
    rows = await many(
        tx,
        """SELECT d.id AS "deliveryId", d.correlation_id AS "correlationId", d.event_type AS "eventType",
                  d.is_replay AS "isReplay",
                  ARRAY(SELECT r.id FROM (SELECT id, seq FROM deliveries WHERE replay_of = d.id OFFSET 0) r
                        ORDER BY r.seq) AS "replayedAs",
                  d.durable, coalesce(d.failure, '') AS category, h.detail, d.advice, a.http_status AS "httpStatus",
                  a.github_request_id AS "githubRequestId", d.attempt AS attempts, d.dispatches,
                  d.created_at AS "createdAt", d.dispatched_at AS "dispatchedAt", d.confirmed_at AS "confirmedAt",
                  d.completed_at AS "failedAt", d.consumer_run_id AS "consumerRunId",
                  d.consumer_conclusion AS conclusion
           FROM (SELECT * FROM deliveries
                 WHERE subscription_id = %(id)s AND status = 'failed' AND completed_at >= %(since)s
                 ORDER BY completed_at DESC LIMIT %(most)s) d
           LEFT JOIN LATERAL (SELECT http_status, github_request_id FROM attempts
                              WHERE delivery_id = d.id ORDER BY number DESC LIMIT 1) a ON true
           LEFT JOIN LATERAL (SELECT detail FROM history WHERE delivery_id = d.id AND to_status = 'failed'
                              ORDER BY id DESC LIMIT 1) h ON true
           ORDER BY d.completed_at DESC""",
        {"id": subscription_id, "since": now - failures.WINDOW, "most": failures.NEWEST},
    )
    return [{**_plain(row), "cause": cause_of(row["category"]).value} for row in rows]


async def retried(tx: Tx, subscription_id: int, now: datetime) -> list[Failed]:
    """Attempts that failed, of deliveries of 24 hours that succeeded after all; by category.

    A limit that none has keeps the planner from reading all attempts that there are.
    """
    rows = await many(
        tx,
        """SELECT a.category, count(*) AS count, max(a.finished_at) AS newest_at
           FROM (SELECT id, status, durable, attempt FROM deliveries
                 WHERE subscription_id = %(id)s AND created_at >= %(since)s
                 ORDER BY created_at DESC LIMIT %(most)s) d
           CROSS JOIN LATERAL (SELECT category, finished_at FROM attempts
                               WHERE delivery_id = d.id AND NOT accepted AND finished_at IS NOT NULL LIMIT 100) a
           WHERE d.attempt > 1 AND (d.status IN ('confirmed', 'completed') OR d.status = 'dispatched' AND NOT d.durable)
           GROUP BY 1""",
        {"id": subscription_id, "since": now - health.WINDOW, "most": health.MOST},
    )
    return [Failed(**row) for row in rows]


async def webhooks(tx: Tx, ends: Sequence[tuple[str, int, str]], now: datetime) -> list[Webhook]:
    """Of each (end, repository's id, its name). Runs are found by their ids, which grow with time."""
    found = []
    for end, repository_id, name in ends:
        row = await one(
            tx,
            """SELECT max(e.received_at) AS newest_at, count(*) FILTER (WHERE e.received_at >= %(since)s) AS received
               FROM (SELECT received_at FROM events WHERE repository_id = %(id)s
                     ORDER BY run_id DESC, run_attempt DESC LIMIT %(most)s) e""",
            {"id": repository_id, "since": now - health.WINDOW, "most": health.MOST_RUNS},
        )
        lost = await one(
            tx,
            """SELECT count(*) AS missed, count(*) FILTER (WHERE NOT here) AS owed
               FROM (SELECT (SELECT true FROM events e WHERE e.guid = l.guid) IS NOT NULL AS here FROM lost_webhooks l
                     WHERE l.repository_id = %(id)s AND l.delivered_at >= %(since)s LIMIT %(most)s) lost""",
            {"id": repository_id, "since": now - health.WINDOW, "most": health.MOST_RUNS},
        )
        found.append(Webhook(end, name, **(row or {}), **(lost or {})))
    return found


def _plain(row: dict[str, Any]) -> dict[str, Any]:
    return {name: value.isoformat() if isinstance(value, datetime) else value for name, value in row.items()}
