"""A run sends a message: store it once; deliver it at once when its run has ended already. One transaction."""

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from zekt_action.event import identifier
from zekt_action.wire import Causation, MessageHead
from zekt_backend.clock import Clock
from zekt_backend.errors import ZektError
from zekt_backend.flows import examine as examining
from zekt_backend.flows.admit import admit
from zekt_backend.flows.examine import Examine
from zekt_backend.flows.fan_out import Decided, Timings, fan_out
from zekt_backend.rules import correlation, door, policy, spans, trace
from zekt_backend.rules.correlation import Message
from zekt_backend.rules.door import Ask, Examined, Refusal
from zekt_backend.rules.identity import disagreement
from zekt_backend.rules.parties import Provider
from zekt_backend.rules.records import RunEvent, SignedClaims
from zekt_backend.rules.trace import Begun
from zekt_backend.store import directory, events, messages, refusals, runs, traces
from zekt_backend.store.database import Database, Tx
from zekt_backend.store.messages import NewMessage

MAX_MESSAGES_PER_RUN = 256
"""What one attempt of a run may send: each is kept for months and takes a slot of every consumer."""

_MOST_CHANGES = 5
"""How often what is asked may change while a message is examined, before it is for its sender to try again."""

_UNSEEN = Examined()


@dataclass(frozen=True, slots=True)
class MessageReceipt:
    event_id: str
    correlation_id: str
    consumers_notified: int
    duplicate: bool
    late: bool
    guarded: dict[str, Any] | None
    """What the redaction guard took out; None where it took nothing."""
    payload_sha256: str
    """Of what is kept."""
    begun: Begun | None = None
    """Where it stands in its trace; None for one that was stored before."""
    uncaused: bool = False
    """It names a cause that is none: no such delivery was sent to its repository."""


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
    examine: Examine,
) -> MessageReceipt:
    """Store one message once, if its services let it in.

    Raises:
        ZektError: `claims_mismatch`, `too_many_messages`, `schema_violated`, `credentials_found`, `check_failed`,
            `checks_busy` or what `admit` raises; nothing of the message is stored then.
    """
    claims = incoming.claims
    if mismatch := disagreement(incoming.head, claims, incoming.repository_header):
        raise ZektError("claims_mismatch", mismatch)
    visit = _Visit(incoming, clock, new_event_id, new_delivery_id, timings)
    # Examining takes time, and no transaction waits for it: what was asked is asked again before anything is stored.
    for _ in range(_MOST_CHANGES):
        came = await db.run(visit)
        if isinstance(came, MessageReceipt):
            return came
        if isinstance(came, Refusal):
            raise came.error()
        visit = replace(visit, asked=came.asks, examined=await came.by(examine, incoming.payload))
    raise ZektError("checks_busy", "What its services ask changes too fast. Send the same again.", retry_after=2)


@dataclass(frozen=True, slots=True)
class _Visit:
    """One transaction at the door: it stores the message, refuses it, or says what must be examined before."""

    incoming: Incoming
    clock: Clock
    new_event_id: Callable[[], str]
    new_delivery_id: Callable[[], str]
    timings: Timings
    asked: tuple[Ask, ...] = ()
    examined: Examined = _UNSEEN

    async def __call__(self, tx: Tx) -> MessageReceipt | Refusal | examining.Job:
        claims = self.incoming.claims
        await admit(tx, claims, self.incoming.purpose)
        await runs.take_turn(tx, claims.key)
        provider = await directory.provider(tx, claims.repository_id, claims.workflow_path)
        message = _new_message(self.incoming, self.new_event_id())
        if asks := door.asking(provider.services):
            # What was let in stays so, whatever is asked by now.
            if before := await messages.stored_before(tx, message.dedupe_key):
                return _stored_before(message, before)
            if asks != self.asked:
                return await examining.job(tx, claims, asks)
            if refusal := door.verdict(asks, self.examined):
                await self._record(tx, refusal)
                return refusal
            message = _kept(message, asks, self.examined)
        return await self._store(tx, message, provider)

    async def _record(self, tx: Tx, refusal: Refusal) -> None:
        await refusals.record(
            tx,
            self.incoming.claims,
            service_id=refusal.service_id,
            code=refusal.code,
            reasons=refusal.reasons,
            size=len(self.incoming.payload),
            now=self.clock.now(),
        )

    async def _store(self, tx: Tx, message: NewMessage, provider: Provider) -> MessageReceipt:
        key, now = message.key, self.clock.now()
        ends = await events.since(tx, key)
        sent = (await runs.pasts(tx, [ends[-1].key]))[ends[-1].key].sent if ends else []
        late = _late(message.head, sent, ends, provider)
        notified = (
            sum(len(tell.given) for tell in late) if ends else len(policy.expect(provider, message.head).recipients)
        )
        begun, causation = await self._trace(tx, message, ends)
        message = replace(
            message,
            consumers_notified=notified,
            late=bool(ends),
            causation=causation,
            traceparent=str(begun.own),
        )
        if not await messages.save_once(tx, message, now):
            before = await messages.stored_before(tx, message.dedupe_key)
            if before is None:
                raise LookupError("a message that was stored before has gone in the same transaction")
            return _stored_before(message, before)
        if await messages.count_of_run(tx, key) > MAX_MESSAGES_PER_RUN:
            raise ZektError("too_many_messages", f"One attempt of a run may send {MAX_MESSAGES_PER_RUN} messages.")
        tx.happenings.append(spans.message(begun, key, message.event_id, now, self.clock.now(), late=message.late))
        await self._deliver(tx, message, begun, late)
        return _stored_now(message, begun, self.incoming.head)

    async def _deliver(self, tx: Tx, message: NewMessage, begun: Begun, late: Sequence["_Late"]) -> None:
        """At once, since its run has ended."""
        now = self.clock.now()
        for tell in late:
            place = trace.of_decision(begun.own.trace_id, tell.end.guid, message.event_id)
            decided = Decided(tell.end, tell.decision, place, about=message.event_id)
            (count,) = await fan_out(tx, [decided], now=now, new_id=self.new_delivery_id, timings=self.timings)
            told = spans.decision(
                place,
                begun.own.span_id,
                message.key,
                now,
                self.clock.now(),
                outcome=tell.decision.outcome,
                deliveries=count,
            )
            tx.happenings.append(told)

    async def _trace(
        self, tx: Tx, message: NewMessage, ends: Sequence[RunEvent]
    ) -> tuple[Begun, dict[str, Any] | None]:
        """Its place in a trace, and what caused it: what its sender says of both is believed where it is so."""
        head = self.incoming.head
        claimed = head.causation or Causation()
        told = (head.traceparent, claimed.traceparent)
        named = next(filter(None, map(trace.parse, told)), None)
        known = await traces.known_of(
            tx,
            message.key,
            delivery_id=identifier(claimed.delivery_id),
            correlation_id=identifier(claimed.correlation_id),
            trace_id=named.trace_id if named else None,
        )
        begun = trace.begin(message.event_id, known, told, ended=ends[0].guid if ends else None)
        cause = known.cause
        ids = {"correlationId": cause.correlation_id, "deliveryId": cause.delivery_id} if cause else None
        return begun, ids


def _stored_now(message: NewMessage, begun: Begun, head: MessageHead) -> MessageReceipt:
    claimed, found = head.causation, message.causation or {}
    return MessageReceipt(
        message.event_id,
        message.key.correlation_id,
        message.consumers_notified,
        duplicate=False,
        late=message.late,
        guarded=message.guarded,
        payload_sha256=message.payload_sha256,
        begun=begun,
        uncaused=claimed is not None and (not found or claimed.delivery_id not in (None, found["deliveryId"])),
    )


def _stored_before(message: NewMessage, before: messages.Stored) -> MessageReceipt:
    return MessageReceipt(
        before.event_id,
        message.key.correlation_id,
        before.consumers_notified,
        duplicate=True,
        late=message.late,
        guarded=before.guarded,
        payload_sha256=before.payload_sha256,
    )


@dataclass(frozen=True, slots=True)
class _Late:
    """An end that came before the message, and who is given the message with it."""

    end: RunEvent
    decision: policy.Decision

    @property
    def given(self) -> tuple[int, ...]:
        return tuple(subscription.id for subscription in self.decision.recipients)


def _late(message: Message, sent: Sequence[Message], ends: Sequence[RunEvent], provider: Provider) -> list[_Late]:
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
        leg=head.leg,
        check_run_id=claims.check_run_id,
        causation=None,
        consumers_notified=0,
        late=False,
    )


def _kept(message: NewMessage, asks: tuple[Ask, ...], examined: Examined) -> NewMessage:
    """What the guard left of it. It is known again by what was sent."""
    if examined.redacted is None:
        return message
    digest = hashlib.sha256(examined.redacted).hexdigest()
    return replace(message, payload=examined.redacted, payload_sha256=digest, guarded=door.guarded(asks, examined))


def _dedupe_key(head: MessageHead, claims: SignedClaims, digest: str) -> str:
    """The same message again has the same key. `check_run_id` tells the legs of a matrix apart.

    Published clients send no message id; for them two equal payloads of one job are one message. The digest is
    part of it for all, so that an id used twice by mistake loses nothing.
    """
    run = f"{claims.repository_id}:{claims.run_id}:{claims.run_attempt}:{claims.check_run_id}"
    key = f"{run}:{head.message_id or head.event_type}:{digest}"
    return hashlib.sha256(key.encode()).hexdigest()
