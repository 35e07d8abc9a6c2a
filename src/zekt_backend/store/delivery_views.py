"""Deliveries as people and programs read them: camelCase, times in ISO 8601, newest first."""

import json
from datetime import datetime
from typing import Any

from psycopg import sql

from zekt_backend.store import delivery_search
from zekt_backend.store.database import Listing, Tx, many, one
from zekt_backend.store.delivery_search import Wanted

_SUMMARY = sql.SQL(
    """d.seq, d.id AS "deliveryId", d.correlation_id AS "correlationId", d.provider, d.consumer,
       s.slug AS service, s.alias AS "serviceAlias", d.subscription_id AS connection, d.event_guid AS event,
       d.event_id AS message, d.event_type AS "eventType", d.status, d.durable, d.late, d.attempt AS attempts,
       greatest(d.attempt - 1, 0) AS retries, d.dispatches, d.created_at AS "createdAt",
       d.dispatched_at AS "dispatchedAt", d.confirmed_at AS "confirmedAt", d.completed_at AS "completedAt",
       d.due_at AS "dueAt",
       d.consumer_run_id AS "consumerRunId", d.consumer_conclusion AS conclusion, d.failure, d.advice,
       m.payload_sha256 AS "payloadSha256", coalesce(m.payload_bytes, octet_length(m.payload)) AS "payloadBytes",
       m.flushed_why AS "payloadGone",
       d.is_replay AS "isReplay", d.replay_of AS "replayOf",
       ARRAY(SELECT r.id FROM deliveries r WHERE r.replay_of = d.id ORDER BY r.seq) AS "replayedAs",
       (%(mine)s::bigint[] IS NULL OR d.provider_id = ANY(%(mine)s)) AS by_provider,
       (%(mine)s::bigint[] IS NULL OR d.consumer_id = ANY(%(mine)s)) AS by_consumer,
       (s.hide_provider OR d.envelope->'provider' = 'null'::jsonb) AS hidden"""
)
# The run that ended, as the envelope has it; where the service hides its provider, it is the provider's alone to see.
_MORE = sql.SQL(
    """d.result, d.consumer_run_attempt AS "consumerRunAttempt", d.max_dispatches AS "maxDispatches",
       extract(epoch FROM d.confirm_timeout)::float AS "confirmTimeout",
       extract(epoch FROM d.complete_timeout)::float AS "completeTimeout",
       jsonb_build_object('workflow', e.workflow_name, 'workflowPath', e.workflow_path, 'runAttempt', e.run_attempt,
           'conclusion', e.conclusion, 'headBranch', e.head_branch, 'headSha', e.head_sha, 'event', e.event,
           'actor', e.actor, 'htmlUrl', e.html_url, 'startedAt', e.started_at, 'completedAt', e.completed_at) AS run"""
)
_EVENT = sql.SQL("JOIN events e ON e.guid = d.event_guid")
_INNER = ("seq", "by_provider", "by_consumer", "hidden")
_FROM = sql.SQL(
    """FROM deliveries d JOIN subscriptions u ON u.id = d.subscription_id JOIN services s ON s.id = u.service_id
       LEFT JOIN messages m ON m.event_id = d.event_id"""
)


async def page(
    tx: Tx,
    wanted: Wanted,
    *,
    before: int | None,
    limit: int,
    mine: list[int] | None = None,
    whose: list[int] | None = None,
) -> Listing:
    """Up to `limit` deliveries, and the `before` of the next page or None.

    `mine` are the repositories of whoever looks; None: all. One sees what they provided or consumed, and as a consumer
    nothing of a provider who hides. `whose`, where not None, are those of them that are asked about.
    """
    seqs, following = await delivery_search.page(
        tx, wanted, whose=mine if whose is None else whose, before=before, limit=limit
    )
    query = sql.SQL("SELECT {} {} WHERE d.seq = ANY(%(seqs)s)").format(_SUMMARY, _FROM)
    found = {row["seq"]: row for row in await many(tx, query, {"seqs": seqs, "mine": mine})}
    return [_readable(found[seq]) for seq in seqs if seq in found], following


async def whole(tx: Tx, delivery_id: str, mine: list[int] | None = None) -> dict[str, Any] | None:
    """One delivery with its history, its attempts and the decision that made it; None also when it is not `mine`."""
    query = sql.SQL("SELECT {}, {} {} {} WHERE d.id = %(id)s").format(_SUMMARY, _MORE, _FROM, _EVENT)
    row = await one(tx, query, {"id": delivery_id, "mine": mine})
    if row is None or not (row["by_provider"] or row["by_consumer"]):
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
                  round(1000 * extract(epoch FROM finished_at - started_at))::bigint AS "durationMs",
                  http_status AS "httpStatus", github_request_id AS "githubRequestId", category, detail
           FROM attempts WHERE delivery_id = %s ORDER BY number""",
        (delivery_id,),
    )
    return [_readable(row) for row in rows]


async def _decision(tx: Tx, delivery_id: str) -> dict[str, Any] | None:
    row = await one(
        tx,
        """SELECT c.decided_at AS "decidedAt", c.outcome, c.reasons - 'hidden' AS reasons
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
    if "by_provider" in row:
        ready["sides"] = [side for side in ("provider", "consumer") if row[f"by_{side}"]]
    if row.get("hidden") and not row["by_provider"]:
        ready["provider"] = None
        if "run" in ready:
            ready["run"] = None
    if isinstance(ready.get("result"), str):
        ready["result"] = json.loads(ready["result"])
    return ready
