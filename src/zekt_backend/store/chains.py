"""Runs and deliveries, by what caused them: read level by level, each in a bounded query."""

from collections.abc import Sequence
from typing import Any

from psycopg import sql

from zekt_backend.rules.chain import Hop, Run
from zekt_backend.store.database import Tx, many, one

_MOST_CLAIMS = 1_000
"""Messages that name the same cause, looked at for the runs that sent them."""
_MOST_HOPS = 2_000
"""Deliveries read in one step."""

_HIDDEN = sql.SQL("(s.hide_provider OR d.envelope->'provider' = 'null'::jsonb) AS hidden")
_JOINED = sql.SQL(
    "FROM deliveries d JOIN subscriptions u ON u.id = d.subscription_id JOIN services s ON s.id = u.service_id"
)


async def runs_of(tx: Tx, run_id: int) -> list[Run]:
    """Runs with this id; GitHub's are unique."""
    rows = await many(
        tx, "SELECT DISTINCT provider_id AS repository_id FROM deliveries WHERE correlation_id = %s", (str(run_id),)
    ) or await many(
        tx,
        """SELECT r.id AS repository_id FROM repositories r
           WHERE EXISTS (SELECT 1 FROM messages m WHERE m.repository_id = r.id AND m.run_id = %s)""",
        (run_id,),
    )
    return [Run(row["repository_id"], run_id) for row in rows]


async def cause_of(tx: Tx, run: Run) -> Hop | None:
    """The delivery that started a run: the one that its first message names, or the first that it has confirmed.

    Messages of the version before name what they like, so that it is asked again whether it was theirs.
    """
    row = await one(
        tx,
        sql.SQL(
            """SELECT d.id, d.provider_id, d.correlation_id, d.consumer_id, d.seq, {} {}
               WHERE d.consumer_id = %(repository)s AND d.id = coalesce(
                   (SELECT m.causation->>'deliveryId' FROM messages m
                    WHERE m.repository_id = %(repository)s AND m.run_id = %(run)s
                      AND m.causation->>'deliveryId' IS NOT NULL ORDER BY m.run_attempt, m.seq LIMIT 1),
                   (SELECT c.id FROM deliveries c WHERE c.consumer_id = %(repository)s AND c.consumer_run_id = %(run)s
                    ORDER BY c.seq LIMIT 1))"""
        ).format(_HIDDEN, _JOINED),
        {"repository": run.repository_id, "run": run.run_id},
    )
    return _hop(row, Run(row["provider_id"], int(row["correlation_id"]))) if row else None


async def caused_by(tx: Tx, deliveries: Sequence[str], limit: int) -> list[tuple[str, Run]]:
    """(the delivery, a run that it has started), at most `limit`: by what the run sent, or because it confirmed it."""
    rows = await many(
        tx,
        """SELECT d.id, d.consumer_id, started.run_id
           FROM deliveries d CROSS JOIN LATERAL (
               SELECT d.consumer_run_id AS run_id WHERE d.consumer_run_id IS NOT NULL
               UNION
               SELECT m.run_id FROM (
                   SELECT m.run_id, m.repository_id FROM messages m
                   WHERE m.causation IS NOT NULL AND m.causation->>'deliveryId' = d.id ORDER BY m.seq LIMIT %(most)s
               ) AS m WHERE m.repository_id = d.consumer_id
           ) AS started
           WHERE d.id = ANY(%(ids)s) ORDER BY d.seq, started.run_id LIMIT %(limit)s""",
        {"ids": list(deliveries), "most": _MOST_CLAIMS, "limit": limit},
    )
    return [(row["id"], Run(row["consumer_id"], row["run_id"])) for row in rows]


async def hops_of(tx: Tx, runs: Sequence[Run], *, mine: Sequence[int] | None, per_run: int) -> list[Hop]:
    """The deliveries of these runs, at most `per_run` of each: those of `mine` first, the oldest first."""
    rows = await many(
        tx,
        sql.SQL(
            """SELECT r.repository_id, r.run_id, h.* FROM unnest(%(repositories)s::bigint[], %(runs)s::bigint[])
                   AS r (repository_id, run_id)
               CROSS JOIN LATERAL (
                   SELECT d.id, d.consumer_id, d.seq, {} {}
                   WHERE d.correlation_id = r.run_id::text AND d.provider_id = r.repository_id
                   ORDER BY d.consumer_id = ANY(%(mine)s) DESC, d.seq LIMIT %(limit)s) AS h
               LIMIT %(most)s"""
        ).format(_HIDDEN, _JOINED),
        {**_of(runs), "mine": list(mine or ()), "limit": per_run, "most": _MOST_HOPS},
    )
    return [_hop(row, Run(row["repository_id"], row["run_id"])) for row in rows]


async def sent_in_vain(tx: Tx, runs: Sequence[Run], *, mine: Sequence[int] | None) -> list[Hop]:
    """Those of these runs, of `mine`, that have sent something, whatever became of it."""
    rows = await many(
        tx,
        """SELECT r.repository_id, r.run_id
           FROM unnest(%(repositories)s::bigint[], %(runs)s::bigint[]) AS r (repository_id, run_id)
           WHERE (%(mine)s::bigint[] IS NULL OR r.repository_id = ANY(%(mine)s))
             AND EXISTS (SELECT 1 FROM messages m WHERE (m.repository_id, m.run_id) = (r.repository_id, r.run_id))""",
        {**_of(runs), "mine": None if mine is None else list(mine)},
    )
    return [Hop(Run(row["repository_id"], row["run_id"])) for row in rows]


def _of(runs: Sequence[Run]) -> dict[str, Any]:
    return {"repositories": [run.repository_id for run in runs], "runs": [run.run_id for run in runs]}


def _hop(row: dict[str, Any], run: Run) -> Hop:
    return Hop(run, row["id"], row["consumer_id"], row["hidden"], row["seq"])


async def told_of(tx: Tx, deliveries: Sequence[str]) -> dict[str, dict[str, Any]]:
    """All that is told of each of these deliveries."""
    rows = await many(
        tx,
        """SELECT d.id AS "deliveryId", d.correlation_id AS "correlationId", d.provider, d.consumer, s.slug AS service,
                  s.alias AS "serviceAlias", d.event_type AS "eventType", d.status, d.durable, d.late,
                  d.attempt AS attempts, d.is_replay AS "isReplay", d.replay_of AS "replayOf",
                  d.consumer_run_id AS "consumerRunId", d.consumer_conclusion AS conclusion, d.failure, d.advice,
                  m.received_at AS "messageReceivedAt", e.received_at AS "eventReceivedAt",
                  CASE WHEN d.is_replay THEN d.created_at ELSE c.decided_at END AS "decidedAt",
                  d.dispatched_at AS "dispatchedAt", d.confirmed_at AS "confirmedAt", d.completed_at AS "completedAt",
                  substr(d.envelope->>'traceparent', 4, 32) AS trace
           FROM deliveries d JOIN subscriptions u ON u.id = d.subscription_id JOIN services s ON s.id = u.service_id
           JOIN events e ON e.guid = d.event_guid LEFT JOIN messages m ON m.event_id = d.event_id
           LEFT JOIN LATERAL (
               SELECT decided_at FROM decisions c
               WHERE c.event_guid = d.event_guid AND (c.event_id IS NULL OR c.event_id = d.event_id)
               ORDER BY c.event_id IS NULL, c.id LIMIT 1) AS c ON true
           WHERE d.id = ANY(%s)""",
        (list(deliveries),),
    )
    return {row["deliveryId"]: row for row in rows}


async def told_in_vain(tx: Tx, runs: Sequence[Run]) -> dict[Run, dict[str, Any]]:
    """The same of runs whose messages nobody got: the first message, and the newest end if there is one."""
    rows = await many(
        tx,
        """SELECT r.repository_id, r.run_id, p.full_name AS provider, m.event_type AS "eventType", m.late,
                  m.received_at AS "messageReceivedAt", e.received_at AS "eventReceivedAt",
                  c.decided_at AS "decidedAt", substr(m.traceparent, 4, 32) AS trace
           FROM unnest(%(repositories)s::bigint[], %(runs)s::bigint[]) AS r (repository_id, run_id)
           JOIN repositories p ON p.id = r.repository_id
           JOIN LATERAL (SELECT * FROM messages m WHERE (m.repository_id, m.run_id) = (r.repository_id, r.run_id)
                         ORDER BY m.run_attempt, m.seq LIMIT 1) AS m ON true
           LEFT JOIN LATERAL (SELECT * FROM events e WHERE (e.repository_id, e.run_id) = (r.repository_id, r.run_id)
                              ORDER BY e.run_attempt DESC LIMIT 1) AS e ON true
           LEFT JOIN LATERAL (SELECT decided_at FROM decisions c WHERE c.event_guid = e.guid
                              ORDER BY c.id LIMIT 1) AS c ON true""",
        _of(runs),
    )
    return {Run(row.pop("repository_id"), row.pop("run_id")): row for row in rows}
