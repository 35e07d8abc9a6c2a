"""What holds in the tables whenever nothing is under way: nothing is half written, whatever broke in between."""

from typing import Any

HALF_WRITTEN = {
    "an event without its decision": """SELECT guid FROM events e
        WHERE NOT EXISTS (SELECT 1 FROM decisions c WHERE c.event_guid = e.guid AND c.event_id IS NULL)""",
    "two decisions on one event": """SELECT event_guid FROM decisions
        GROUP BY event_guid, event_id HAVING count(*) > 1""",
    "a decision to deliver, and no delivery": """SELECT c.id FROM decisions c WHERE outcome = 'delivered'
        AND NOT EXISTS (SELECT 1 FROM deliveries d WHERE d.event_guid = c.event_guid
                        AND (c.event_id IS NULL OR d.event_id = c.event_id))""",
    "a late message without its decision": """SELECT event_id FROM messages m
        WHERE late AND NOT EXISTS (SELECT 1 FROM decisions c WHERE c.event_id = m.event_id)""",
    "a message whose run has ended, and no delivery carries it": """SELECT m.event_id FROM messages m
        JOIN events e USING (repository_id, run_id, run_attempt)
        JOIN decisions c ON c.event_guid = e.guid AND c.event_id IS NULL AND c.outcome = 'delivered'
        WHERE NOT EXISTS (SELECT 1 FROM deliveries d WHERE d.event_id = m.event_id)""",
    "one message in two deliveries to one subscription": """SELECT event_id, subscription_id FROM deliveries
        WHERE event_id IS NOT NULL AND NOT is_replay GROUP BY 1, 2 HAVING count(*) > 1""",
    "a delivery without a beginning": """SELECT id FROM deliveries d
        WHERE 1 <> (SELECT count(*) FROM history h WHERE h.delivery_id = d.id AND h.fact = 'created')""",
    "a status other than that of its last line": """SELECT id FROM deliveries d
        WHERE status <> (SELECT to_status FROM history h WHERE h.delivery_id = d.id ORDER BY h.id DESC LIMIT 1)""",
    "a line that does not go on from the one before": """SELECT * FROM
        (SELECT from_status, lag(to_status) OVER (PARTITION BY delivery_id ORDER BY id) AS before FROM history) lines
        WHERE from_status IS DISTINCT FROM before""",
    "a pending delivery that owes nothing": "SELECT id FROM deliveries WHERE status = 'pending' AND due_at IS NULL",
    "an ended delivery that owes something, or has no end": """SELECT id FROM deliveries
        WHERE status IN ('completed', 'failed') AND (due_at IS NOT NULL OR completed_at IS NULL)""",
    "a durable delivery that waits for nothing": """SELECT id FROM deliveries
        WHERE durable AND status IN ('dispatched', 'confirmed') AND due_at IS NULL""",
    "a confirmed delivery without its run": """SELECT id FROM deliveries
        WHERE confirmed_at IS NULL <> (consumer_run_id IS NULL)""",
    "attempts that are not counted": """SELECT id FROM deliveries d
        WHERE attempt <> (SELECT count(*) FROM attempts a WHERE a.delivery_id = d.id)
           OR attempt <> (SELECT coalesce(max(number), 0) FROM attempts a WHERE a.delivery_id = d.id)""",
    "a yes that changed nothing": """SELECT id FROM deliveries d WHERE status = 'pending' AND dispatches = 0
        AND EXISTS (SELECT 1 FROM attempts a WHERE a.delivery_id = d.id AND a.accepted AND NOT a.ambiguous)""",
    "a new delivery without its job": """SELECT id FROM deliveries d WHERE status = 'pending' AND attempt = 0
        AND NOT EXISTS (SELECT 1 FROM pgqueuer j WHERE convert_from(j.payload, 'UTF8') = d.id)""",
}


_ALL = " UNION ALL ".join(
    f"SELECT '{name}', row_to_json(wrong)::text FROM ({query}) AS wrong" for name, query in HALF_WRITTEN.items()
)


def half_written(zekt: Any) -> list[tuple[str, str]]:
    """(what is wrong, the row) for each; empty when all is whole."""
    return list(zekt.sql(_ALL))
