"""Messages, byte for byte, waiting for (or joined to) their run's event."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from psycopg.types.json import Jsonb

from zekt_backend.rules.correlation import Message
from zekt_backend.rules.records import RunKey
from zekt_backend.store.database import Tx, changed, one


@dataclass(frozen=True, slots=True)
class NewMessage:
    event_id: str
    dedupe_key: str
    key: RunKey
    workflow_path: str
    event_type: str | None
    payload: bytes
    payload_sha256: str
    job: str | None
    step: str | None
    leg: str | None
    check_run_id: str
    causation: dict[str, Any] | None
    consumers_notified: int
    late: bool
    guarded: dict[str, Any] | None = None
    """What the redaction guard took out: places and kinds. `payload` and its digest are of what is left."""
    traceparent: str | None = None

    @property
    def head(self) -> Message:
        return Message(
            self.event_id,
            self.event_type,
            self.workflow_path,
            self.key.run_attempt,
            self.job,
            self.step,
            leg=self.leg,
            check_run_id=self.check_run_id,
        )


async def save_once(tx: Tx, message: NewMessage, now: datetime) -> bool:
    """Store it; False when the same message was stored before."""
    return await changed(
        tx,
        """INSERT INTO messages (event_id, dedupe_key, repository_id, run_id, run_attempt, workflow_path, event_type,
               payload, payload_sha256, job, step, leg, check_run_id, causation, consumers_notified, late, guarded,
               traceparent, received_at)
           VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)
           ON CONFLICT (dedupe_key) DO NOTHING""",
        (
            message.event_id,
            message.dedupe_key,
            message.key.repository_id,
            message.key.run_id,
            message.key.run_attempt,
            message.workflow_path,
            message.event_type,
            message.payload,
            message.payload_sha256,
            message.job,
            message.step,
            message.leg,
            message.check_run_id,
            Jsonb(message.causation) if message.causation else None,
            message.consumers_notified,
            message.late,
            Jsonb(message.guarded) if message.guarded else None,
            message.traceparent,
            now,
        ),
    )


@dataclass(frozen=True, slots=True)
class Stored:
    """What a receipt tells of a message that was stored before."""

    event_id: str
    consumers_notified: int
    payload_sha256: str
    guarded: dict[str, Any] | None


async def stored_before(tx: Tx, dedupe_key: str) -> Stored | None:
    """The message with this key, if there is one."""
    row = await one(
        tx,
        "SELECT event_id, consumers_notified, payload_sha256, guarded FROM messages WHERE dedupe_key = %s",
        (dedupe_key,),
    )
    return Stored(**row) if row else None


async def count_of_run(tx: Tx, key: RunKey) -> int:
    row = await one(
        tx,
        "SELECT count(*) AS n FROM messages WHERE repository_id = %s AND run_id = %s AND run_attempt = %s",
        (key.repository_id, key.run_id, key.run_attempt),
    )
    return int(row["n"]) if row else 0


async def close_run(tx: Tx, key: RunKey, now: datetime, why: str) -> int:
    """The messages of this attempt wait no more: no event will come. They stay, with when and why; how many."""
    cursor = await tx.execute(
        """UPDATE messages m SET closed_at = %s, closed_why = %s
           WHERE repository_id = %s AND run_id = %s AND run_attempt = %s AND closed_at IS NULL
             AND NOT EXISTS (SELECT 1 FROM deliveries d WHERE d.event_id = m.event_id)""",
        (now, why, key.repository_id, key.run_id, key.run_attempt),
    )
    return cursor.rowcount
