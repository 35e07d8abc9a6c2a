"""Which delivery caused a run, and in which trace it stands."""

from zekt_backend.rules.records import RunKey
from zekt_backend.rules.trace import Cause, Known
from zekt_backend.store.database import Tx, one

_KNOWN = """
SELECT (SELECT m.traceparent FROM messages m
        WHERE m.repository_id = %(repository)s AND m.run_id = %(run)s AND m.traceparent IS NOT NULL
        ORDER BY m.run_attempt, m.seq LIMIT 1) AS run,
       (SELECT r.account_id FROM (
            (SELECT m.repository_id, m.received_at AS at FROM messages m
             WHERE substr(m.traceparent, 4, 32) = %(trace)s ORDER BY m.seq LIMIT 1)
            UNION ALL
            (SELECT d.provider_id, d.created_at FROM deliveries d
             WHERE substr(d.envelope->>'traceparent', 4, 32) = %(trace)s
               AND (d.event_id IS NULL OR d.envelope->'provider' = 'null'::jsonb)
             ORDER BY d.seq LIMIT 1)
            ORDER BY at LIMIT 1) AS first JOIN repositories r ON r.id = first.repository_id)
       <> (SELECT r.account_id FROM repositories r WHERE r.id = %(repository)s) AS foreign,
       cause.*
FROM (SELECT 1) AS once LEFT JOIN LATERAL (
    (SELECT 1 AS rank, d.correlation_id, d.id AS delivery_id, d.attempt,
            d.envelope->>'traceparent' AS traceparent
     FROM deliveries d WHERE d.id = %(delivery)s AND d.consumer_id = %(repository)s AND d.attempt > 0
       AND d.correlation_id = coalesce(%(correlation)s, d.correlation_id))
    UNION ALL
    (SELECT 2, d.correlation_id, d.id, d.attempt, d.envelope->>'traceparent'
     FROM deliveries d WHERE d.consumer_id = %(repository)s AND d.consumer_run_id = %(run)s
     ORDER BY d.seq LIMIT 1)
    ORDER BY rank LIMIT 1) AS cause ON true"""


async def known_of(
    tx: Tx,
    key: RunKey,
    *,
    delivery_id: str | None = None,
    correlation_id: str | None = None,
    trace_id: str | None = None,
) -> Known:
    """What is known of a run when a message of it has come, or its end.

    `delivery_id` is what its sender names as the cause, under `correlation_id` if one is given: anybody can name
    anything, so it counts only if it was sent to the sender's own repository. Else the one it has confirmed is the
    cause. `trace_id` is of the trace that the sender names: it is of whoever sent the first message in
    it, or the delivery that began it without one, as of a run that sent nothing or of a provider who hides.
    """
    row = await one(
        tx,
        _KNOWN,
        {
            "repository": key.repository_id,
            "run": key.run_id,
            "delivery": delivery_id,
            "correlation": correlation_id,
            "trace": trace_id,
        },
    )
    if row is None:
        raise AssertionError("a SELECT of constants has a row")
    cause = None
    if row["delivery_id"] is not None:
        cause = Cause(row["correlation_id"], row["delivery_id"], row["attempt"], row["traceparent"])
    return Known(row["run"], cause, bool(row["foreign"]))
