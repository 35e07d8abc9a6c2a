"""Deliveries as people and programs read them: camelCase, times in ISO 8601, newest first."""

import json
from datetime import datetime
from typing import Any

from psycopg import sql
from psycopg.sql import SQL, Composed

from zekt_backend.store.database import Tx, many, one

_SUMMARY = sql.SQL(
    """d.seq, d.id AS "deliveryId", d.correlation_id AS "correlationId", d.provider, d.consumer,
       s.slug AS service, d.event_type AS "eventType", d.status, d.durable, d.late, d.attempt AS attempts,
       d.dispatches, d.created_at AS "createdAt", d.dispatched_at AS "dispatchedAt",
       d.confirmed_at AS "confirmedAt", d.completed_at AS "completedAt", d.due_at AS "dueAt",
       d.consumer_run_id AS "consumerRunId", d.consumer_conclusion AS conclusion, d.failure, d.advice,
       m.payload_sha256 AS "payloadSha256", octet_length(m.payload) AS "payloadBytes",
       d.is_replay AS "isReplay", d.replay_of AS "replayOf",
       ARRAY(SELECT r.id FROM deliveries r WHERE r.replay_of = d.id ORDER BY r.seq) AS "replayedAs",
       (%(mine)s::bigint[] IS NULL OR d.provider_id = ANY(%(mine)s)) AS by_provider,
       (s.hide_provider OR d.envelope->'provider' = 'null'::jsonb) AS hidden"""
)
_INNER = ("seq", "by_provider", "hidden")
_FROM = sql.SQL(
    """FROM deliveries d JOIN subscriptions u ON u.id = d.subscription_id JOIN services s ON s.id = u.service_id
       LEFT JOIN messages m ON m.event_id = d.event_id"""
)


async def page(
    tx: Tx,
    *,
    status: str | None,
    correlation_id: str | None,
    consumer: str | None,
    before: int | None,
    limit: int,
    mine: list[int] | None = None,
) -> tuple[list[dict[str, Any]], int | None]:
    """(up to `limit` deliveries, the `before` of the next page or None).

    `mine` are the repositories of whoever looks; None: all. One sees what they provided or consumed, and as a consumer
    nothing of a provider who hides.
    """
    rows = await many(
        tx,
        sql.SQL(
            """SELECT {} {}
               WHERE (%(status)s::text IS NULL OR d.status = %(status)s)
                 AND (%(correlation)s::text IS NULL OR d.correlation_id = %(correlation)s)
                 AND (%(consumer)s::text IS NULL OR lower(d.consumer) = lower(%(consumer)s))
                 AND (%(before)s::bigint IS NULL OR d.seq < %(before)s) AND {}
               ORDER BY d.seq DESC LIMIT %(limit)s"""
        ).format(_SUMMARY, _FROM, _of(mine)),
        {
            "status": status,
            "correlation": correlation_id,
            "consumer": consumer,
            "before": before,
            "limit": limit + 1,
            "mine": mine,
        },
    )
    following = rows[limit - 1]["seq"] if len(rows) > limit else None
    return [_readable(row) for row in rows[:limit]], following


def _of(mine: list[int] | None) -> SQL | Composed:
    """A condition of its own, so that the planner may use the indexes of both sides."""
    if mine is None:
        return sql.SQL("true")
    return sql.SQL("(d.provider_id = ANY(%(mine)s) OR d.consumer_id = ANY(%(mine)s))")


async def whole(tx: Tx, delivery_id: str, mine: list[int] | None = None) -> dict[str, Any] | None:
    """One delivery with its history, its attempts and the decision that made it; None also when it is not `mine`."""
    query = sql.SQL("SELECT {}, d.result {} WHERE d.id = %(id)s AND {}").format(_SUMMARY, _FROM, _of(mine))
    row = await one(tx, query, {"id": delivery_id, "mine": mine})
    if row is None:
        return None
    decision = await _decision(tx, delivery_id)
    return {
        **_readable(row),
        "history": await _history(tx, delivery_id),
        "attemptList": await _attempts(tx, delivery_id),
        "decision": decision if row["by_provider"] or decision is None else _own_part(decision, row),
    }


async def homes_of(tx: Tx, delivery_id: str) -> tuple[tuple[int | None, int], ...]:
    """The provider's account and repository, then the consumer's; nothing when there is no such delivery."""
    row = await one(
        tx,
        """SELECT p.account_id AS pa, d.provider_id AS p, c.account_id AS ca, c.id AS c FROM deliveries d
           LEFT JOIN repositories p ON p.id = d.provider_id JOIN repositories c ON c.id = d.consumer_id
           WHERE d.id = %s""",
        (delivery_id,),
    )
    return ((row["pa"], row["p"]), (row["ca"], row["c"])) if row else ()


async def _history(tx: Tx, delivery_id: str) -> list[dict[str, Any]]:
    rows = await many(
        tx,
        """SELECT at, fact, from_status AS "from", to_status AS "to", detail
           FROM history WHERE delivery_id = %s ORDER BY id""",
        (delivery_id,),
    )
    return [_readable(row) for row in rows]


async def _attempts(tx: Tx, delivery_id: str) -> list[dict[str, Any]]:
    rows = await many(
        tx,
        """SELECT number, started_at AS "startedAt", finished_at AS "finishedAt", accepted, ambiguous,
                  http_status AS "httpStatus", github_request_id AS "githubRequestId", category, detail
           FROM attempts WHERE delivery_id = %s ORDER BY number""",
        (delivery_id,),
    )
    return [_readable(row) for row in rows]


async def _decision(tx: Tx, delivery_id: str) -> dict[str, Any] | None:
    row = await one(
        tx,
        """SELECT c.decided_at AS "decidedAt", c.outcome, c.reasons
           FROM decisions c JOIN deliveries d ON d.event_guid = c.event_guid
           WHERE d.id = %s AND (c.event_id IS NULL OR c.event_id = d.event_id)
           ORDER BY c.event_id IS NULL, c.id LIMIT 1""",
        (delivery_id,),
    )
    return _readable(row) if row else None


def _own_part(decision: dict[str, Any], row: dict[str, Any]) -> dict[str, Any]:
    """A consumer reads its own verdict: not who else has subscribed, nor how the provider has set things up.

    The rules speak of the provider's branches; where it hides, they stay with it.
    """
    own = [
        {name: told for name, told in verdict.items() if not row["hidden"] or name in ("consumer", "service")}
        for verdict in decision["reasons"]["consumers"]
        if (verdict["consumer"], verdict["service"]) == (row["consumer"], row["service"])
    ]
    return {**decision, "reasons": {"consumers": own}}


def _readable(row: dict[str, Any]) -> dict[str, Any]:
    ready = {k: v.isoformat() if isinstance(v, datetime) else v for k, v in row.items() if k not in _INNER}
    if row.get("hidden") and not row["by_provider"]:
        ready["provider"] = None
    if isinstance(ready.get("result"), str):
        ready["result"] = json.loads(ready["result"])
    return ready
