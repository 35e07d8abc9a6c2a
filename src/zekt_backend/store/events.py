"""Finished runs as GitHub told them, and what was decided about each."""

from dataclasses import asdict, fields, replace
from datetime import datetime
from typing import Any

from psycopg.types.json import Jsonb

from zekt_backend.rules.policy import Decision
from zekt_backend.rules.records import RunEvent, RunKey
from zekt_backend.store.database import Tx, changed, many

_COLUMNS = [f.name for f in fields(RunEvent) if f.name != "key"]


async def save_once(tx: Tx, event: RunEvent, now: datetime) -> bool:
    """Store it; False when this run attempt (or this very webhook) was stored before."""
    values = {name: getattr(event, name) for name in _COLUMNS} | asdict(event.key)
    return await changed(
        tx,
        """INSERT INTO events (guid, repository_id, repository, run_id, run_attempt, workflow_id, workflow_path,
               workflow_name, conclusion, head_branch, head_sha, event, actor, html_url, started_at,
               completed_at, received_at)
           VALUES (%(guid)s, %(repository_id)s, %(repository)s, %(run_id)s, %(run_attempt)s, %(workflow_id)s,
               %(workflow_path)s, %(workflow_name)s, %(conclusion)s, %(head_branch)s, %(head_sha)s, %(event)s,
               %(actor)s, %(html_url)s, %(started_at)s, %(completed_at)s, %(now)s)
           ON CONFLICT DO NOTHING""",
        values | {"now": now},
    )


async def since(tx: Tx, key: RunKey) -> list[RunEvent]:
    """The ends that have come of this attempt of a run and of later ones, in the attempts' order."""
    rows = await many(
        tx,
        """SELECT run_attempt, guid, repository, workflow_id, workflow_path, workflow_name, conclusion, head_branch,
                  head_sha, event, actor, html_url, started_at, completed_at
           FROM events WHERE repository_id = %s AND run_id = %s AND run_attempt >= %s ORDER BY run_attempt""",
        (key.repository_id, key.run_id, key.run_attempt),
    )
    return [RunEvent(key=replace(key, run_attempt=row.pop("run_attempt")), **row) for row in rows]


async def record_decision(tx: Tx, guid: str, decision: Decision, now: datetime, *, event_id: str | None = None) -> None:
    """Keep the reasons; `event_id` names the message where one came late and was decided alone."""
    await tx.execute(
        """INSERT INTO decisions (event_guid, event_id, decided_at, outcome, reasons)
           VALUES (%s, %s, %s, %s, %s)""",
        (guid, event_id, now, decision.outcome, Jsonb(_reasons(decision))),
    )


def _reasons(decision: Decision) -> dict[str, Any]:
    return {
        "provider": [asdict(rule) for rule in decision.rules],
        "consumers": [
            {
                "subscription": verdict.subscription.id,
                "consumer": verdict.subscription.consumer,
                "service": verdict.subscription.service.slug,
                "rules": [asdict(rule) for rule in verdict.rules],
                # Only what was asked of each: most subscriptions take every message.
                "messages": [
                    {
                        "eventId": offer.message.event_id if offer.message else None,
                        "eventType": offer.event_type,
                        "rules": [asdict(rule) for rule in offer.rules],
                    }
                    for offer in verdict.offers
                    if offer.rules
                ],
            }
            for verdict in decision.verdicts
        ],
    }
