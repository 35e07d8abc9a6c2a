"""A run sends a message: store it once; deliver it at once when its run has ended already. One transaction."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from zekt_action.wire import MessageHead
from zekt_backend.clock import Clock
from zekt_backend.errors import ZektError
from zekt_backend.flows.admit import admit
from zekt_backend.flows.fan_out import Timings, fan_out
from zekt_backend.rules import policy
from zekt_backend.rules.identity import disagreement
from zekt_backend.rules.records import RunEvent, SignedClaims
from zekt_backend.store import directory, events, messages
from zekt_backend.store.database import Database, Tx, lock_run
from zekt_backend.store.messages import NewMessage

MAX_MESSAGES_PER_RUN = 256
"""What one attempt of a run may send: each is kept for months and takes a slot of every consumer."""


@dataclass(frozen=True, slots=True)
class MessageReceipt:
    event_id: str
    correlation_id: str
    consumers_notified: int
    duplicate: bool
    late: bool


@dataclass(frozen=True, slots=True)
class Incoming:
    """A message at the door: the head as posted, the payload's bytes, and whom the token speaks for."""

    head: MessageHead
    payload: bytes
    claims: SignedClaims
    purpose: bytes
    """A digest of the whole request, by which a retry with the same token is known."""
    repository_header: str | None


async def receive_message(
    incoming: Incoming,
    *,
    db: Database,
    clock: Clock,
    new_event_id: Callable[[], str],
    new_delivery_id: Callable[[], str],
    timings: Timings,
) -> MessageReceipt:
    """Store one message once.

    Raises:
        ZektError: `claims_mismatch`, `too_many_messages` or what `admit` raises; nothing is stored then.
    """
    claims = incoming.claims
    if mismatch := disagreement(incoming.head, claims, incoming.repository_header):
        raise ZektError("claims_mismatch", mismatch)

    async def work(tx: Tx) -> MessageReceipt:
        await admit(tx, claims, incoming.purpose)
        await lock_run(tx, claims.key)
        now = clock.now()
        event = await events.of_run(tx, claims.key)
        decision = await _decide(tx, claims, event)
        message = _new_message(incoming, new_event_id(), decision, late=event is not None)
        if not await messages.save_once(tx, message, now):
            return await _stored_before(tx, message)
        if await messages.count_of_run(tx, claims.key) > MAX_MESSAGES_PER_RUN:
            raise ZektError("too_many_messages", f"One attempt of a run may send {MAX_MESSAGES_PER_RUN} messages.")
        if event is not None:
            await _deliver_late(tx, event, message, decision, now=now, new_id=new_delivery_id, timings=timings)
        return _stored_now(message)

    return await db.run(work)


def _stored_now(message: NewMessage) -> MessageReceipt:
    return MessageReceipt(
        message.event_id,
        message.key.correlation_id,
        message.consumers_notified,
        duplicate=False,
        late=message.late,
    )


async def _decide(tx: Tx, claims: SignedClaims, event: RunEvent | None) -> policy.Decision:
    """Who will hear of it: for certain when the run has ended, as things stand when it has not."""
    provider = await directory.provider(tx, claims.repository_id, claims.workflow_path)
    return policy.decide(event, provider) if event else policy.expect(provider)


def _count(decision: policy.Decision, *, late: bool) -> int:
    """Consumers it is for. A late message tells nothing to those who are given no messages."""
    return sum(1 for recipient in decision.recipients if not (late and recipient.service.metadata_only))


def _new_message(incoming: Incoming, event_id: str, decision: policy.Decision, *, late: bool) -> NewMessage:
    head, claims = incoming.head, incoming.claims
    digest = hashlib.sha256(incoming.payload).hexdigest()
    return NewMessage(
        event_id=event_id,
        dedupe_key=_dedupe_key(head, claims, digest),
        key=claims.key,
        workflow_path=claims.workflow_path,
        event_type=head.event_type,
        payload=incoming.payload,
        payload_sha256=digest,
        job=head.job,
        step=head.step,
        causation=head.causation.model_dump(by_alias=True) if head.causation else None,
        consumers_notified=_count(decision, late=late),
        late=late,
    )


def _dedupe_key(head: MessageHead, claims: SignedClaims, digest: str) -> str:
    """The same message again has the same key. `check_run_id` tells the legs of a matrix apart.

    Published clients send no message id; for them two equal payloads of one job are one message. The digest is
    part of it for all, so that an id used twice by mistake loses nothing.
    """
    run = f"{claims.repository_id}:{claims.run_id}:{claims.run_attempt}:{claims.check_run_id}"
    key = f"{run}:{head.message_id or head.event_type}:{digest}"
    return hashlib.sha256(key.encode()).hexdigest()


async def _stored_before(tx: Tx, message: NewMessage) -> MessageReceipt:
    before = await messages.stored_before(tx, message.dedupe_key)
    if before is None:
        raise LookupError("a message that was stored before has gone in the same transaction")
    event_id, notified = before
    return MessageReceipt(event_id, message.key.correlation_id, notified, duplicate=True, late=message.late)


async def _deliver_late(
    tx: Tx,
    event: RunEvent,
    message: NewMessage,
    decision: policy.Decision,
    *,
    now: datetime,
    new_id: Callable[[], str],
    timings: Timings,
) -> None:
    await events.record_decision(tx, event.guid, decision, now, event_id=message.event_id)
    await fan_out(tx, event, decision, [message.head], now=now, new_id=new_id, timings=timings, late=True)
