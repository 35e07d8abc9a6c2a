"""A run sends a message: store it once; deliver it at once when its run has ended already. One transaction."""

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from zekt_action.wire import MessageHead
from zekt_backend.clock import Clock
from zekt_backend.errors import ZektError
from zekt_backend.flows.admit import admit
from zekt_backend.flows.fan_out import Timings, fan_out
from zekt_backend.rules import correlation, policy
from zekt_backend.rules.correlation import Message
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
        provider = await directory.provider(tx, claims.repository_id, claims.workflow_path)
        ends = await events.since(tx, claims.key)
        message = _new_message(incoming, new_event_id())
        late = _late(message.head, await messages.of_run(tx, ends[-1].key), ends, provider) if ends else []
        notified = (
            sum(len(tell.given) for tell in late) if ends else len(policy.expect(provider, message.head).recipients)
        )
        message = replace(message, consumers_notified=notified, late=bool(ends))
        if not await messages.save_once(tx, message, now):
            return await _stored_before(tx, message)
        if await messages.count_of_run(tx, claims.key) > MAX_MESSAGES_PER_RUN:
            raise ZektError("too_many_messages", f"One attempt of a run may send {MAX_MESSAGES_PER_RUN} messages.")
        for tell in late:
            await events.record_decision(tx, tell.end.guid, tell.decision, now, event_id=message.event_id)
            await fan_out(tx, tell.end, tell.decision, now=now, new_id=new_delivery_id, timings=timings, late=True)
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


@dataclass(frozen=True, slots=True)
class _Late:
    """An end that came before the message, and who is given the message with it."""

    end: RunEvent
    decision: policy.Decision

    @property
    def given(self) -> tuple[int, ...]:
        return tuple(subscription.id for subscription in self.decision.recipients)


def _late(
    message: Message, sent: Sequence[Message], ends: Sequence[RunEvent], provider: policy.Provider
) -> list[_Late]:
    """With which of the ends it goes: those it would have gone with, had it come before them."""
    late: list[_Late] = []
    for end in ends:
        if message not in correlation.take([*sent, message], end.key.run_attempt):
            break  # A later attempt has sent it anew.
        late.append(_Late(end, policy.decide(end, provider, [message], late=True)))
        message = replace(message, carried_to=(*message.carried_to, *late[-1].given))
    return late


def _new_message(incoming: Incoming, event_id: str) -> NewMessage:
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
        consumers_notified=0,
        late=False,
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
