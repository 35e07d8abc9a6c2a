"""What is known of a run: its event, messages, decisions and deliveries, as whoever asks "why?" needs them."""

from typing import Any

from zekt_backend.rules.records import RunKey
from zekt_backend.store.database import Tx, many, one

MOST_ATTEMPTS = 20
"""Of a run, looked at for one message; nobody runs one again more often in earnest."""


async def attempts_of(tx: Tx, run_id: int) -> list[RunKey]:
    """The attempts of a run that an event or a message told us of, a refused one too. Run ids are unique at GitHub."""
    rows = await many(
        tx,
        """SELECT repository_id, run_id, run_attempt FROM events WHERE run_id = %(run)s
           UNION
           SELECT m.repository_id, m.run_id, m.run_attempt
           FROM repositories r JOIN messages m ON m.repository_id = r.id AND m.run_id = %(run)s
           UNION
           SELECT f.repository_id, f.run_id, f.run_attempt
           FROM repositories r JOIN refusals f ON f.repository_id = r.id AND f.run_id = %(run)s
           ORDER BY 1, 2, 3""",
        {"run": run_id},
    )
    return [RunKey(**row) for row in rows]


async def find(tx: Tx, name: str) -> tuple[list[RunKey], str | None]:
    """(the attempts, the message if one is meant) of an event's guid or a message's event id. No attempts: neither.

    A message is decided with its own attempt, and again with each later one that delivered it to somebody.
    """
    rows = await many(tx, "SELECT repository_id, run_id, run_attempt FROM events WHERE guid = %s", (name,))
    if rows:
        return [RunKey(**row) for row in rows], None
    rows = await many(
        tx,
        """SELECT repository_id, run_id, run_attempt FROM messages WHERE event_id = %(name)s
           UNION
           SELECT e.repository_id, e.run_id, e.run_attempt
           FROM deliveries d JOIN events e ON e.guid = d.event_guid WHERE d.event_id = %(name)s
           ORDER BY 1, 2, 3 LIMIT %(limit)s""",
        {"name": name, "limit": MOST_ATTEMPTS},
    )
    return [RunKey(**row) for row in rows], name


async def of_attempt(tx: Tx, key: RunKey) -> dict[str, Any]:
    """Rows as they are; what they mean is `rules/explanation.py`'s to say."""
    event = await _event(tx, key)
    guid = event["guid"] if event else None
    repository = await one(
        tx, "SELECT full_name, account_id FROM repositories WHERE id = %s", (key.repository_id,)
    ) or {"full_name": event["repository"] if event else None, "account_id": None}
    return {
        "repository": repository["full_name"],
        "account": repository["account_id"],
        "key": key,
        "event": event,
        "messages": await _messages(tx, key, guid),
        "refusals": await _refusals(tx, key),
        "asked": await one(
            tx,
            "SELECT asked, ask_at FROM awaited_runs WHERE (repository_id, run_id, run_attempt) = (%s, %s, %s)",
            (key.repository_id, key.run_id, key.run_attempt),
        ),
        "decisions": await _decisions(tx, guid) if guid else [],
        "deliveries": await _deliveries(tx, key, guid) if guid else [],
        "confirmed": await _confirmed(tx, key),
    }


async def consumers_of(tx: Tx, subscriptions: list[int]) -> dict[int, tuple[int, bool]]:
    """(the consumer's account, whether the service hides its provider), by subscription."""
    rows = await many(
        tx,
        """SELECT s.id, r.account_id, v.hide_provider FROM subscriptions s
           JOIN repositories r ON r.id = s.repository_id JOIN services v ON v.id = s.service_id
           WHERE s.id = ANY(%s)""",
        (subscriptions,),
    )
    return {row["id"]: (row["account_id"], row["hide_provider"]) for row in rows}


async def _event(tx: Tx, key: RunKey) -> dict[str, Any] | None:
    return await one(
        tx,
        """SELECT guid, repository, workflow_path, workflow_name, conclusion, head_branch, event, received_at
           FROM events WHERE repository_id = %s AND run_id = %s AND run_attempt = %s""",
        (key.repository_id, key.run_id, key.run_attempt),
    )


async def _messages(tx: Tx, key: RunKey, guid: str | None) -> list[dict[str, Any]]:
    """Those of this attempt, and those of earlier ones that were delivered with its event."""
    return await many(
        tx,
        """SELECT event_id, event_type, run_attempt, job, step,
                  coalesce(payload_bytes, octet_length(payload)) AS bytes, received_at, late,
                  closed_at, closed_why, guarded
           FROM messages m WHERE repository_id = %(repository)s AND run_id = %(run)s
             AND (run_attempt = %(attempt)s
                  OR EXISTS (SELECT 1 FROM deliveries d WHERE d.event_id = m.event_id AND d.event_guid = %(guid)s))
           ORDER BY seq""",
        {"repository": key.repository_id, "run": key.run_id, "attempt": key.run_attempt, "guid": guid},
    )


async def _refusals(tx: Tx, key: RunKey) -> list[dict[str, Any]]:
    """Messages of this attempt that were turned away at the door."""
    return await many(
        tx,
        """SELECT f.at, f.code, f.reasons, f.bytes, f.times, s.slug AS service
           FROM refusals f LEFT JOIN services s ON s.id = f.service_id
           WHERE f.repository_id = %s AND f.run_id = %s AND f.run_attempt = %s ORDER BY f.id""",
        (key.repository_id, key.run_id, key.run_attempt),
    )


async def _decisions(tx: Tx, guid: str) -> list[dict[str, Any]]:
    return await many(
        tx,
        "SELECT event_id, decided_at, outcome, reasons FROM decisions WHERE event_guid = %s ORDER BY id",
        (guid,),
    )


async def _deliveries(tx: Tx, key: RunKey, guid: str) -> list[dict[str, Any]]:
    return await many(
        tx,
        """SELECT d.id, d.subscription_id, d.event_id, d.event_type, d.consumer, s.slug AS service, d.status,
                  d.durable, d.attempt, d.due_at, d.dispatched_at, d.confirmed_at, d.completed_at, d.consumer_run_id,
                  d.consumer_conclusion, d.failure, d.advice, d.replay_of, a.category, a.detail
           FROM deliveries d
           JOIN subscriptions u ON u.id = d.subscription_id JOIN services s ON s.id = u.service_id
           LEFT JOIN attempts a ON a.delivery_id = d.id AND a.number = d.attempt
           WHERE d.correlation_id = %s AND d.event_guid = %s ORDER BY d.seq""",
        (key.correlation_id, guid),
    )


async def _confirmed(tx: Tx, key: RunKey) -> list[str]:
    """Deliveries that this very run confirmed, as a consumer's."""
    rows = await many(
        tx,
        "SELECT id FROM deliveries WHERE consumer_id = %s AND consumer_run_id = %s ORDER BY seq",
        (key.repository_id, key.run_id),
    )
    return [row["id"] for row in rows]
