"""Which write goes out now: start an attempt, or say how long to wait, or that nothing is owed."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from zekt_backend.rules import answers, backoff, envelope, reach
from zekt_backend.rules.lifecycle import Fact, Status
from zekt_backend.rules.pace import Pace
from zekt_backend.rules.reach import Barrier
from zekt_backend.rules.records import Answer
from zekt_backend.store import archive, attempts, deliveries, directory, installations, jobs, waiting
from zekt_backend.store import reach as reaches
from zekt_backend.store.database import Tx
from zekt_backend.store.deliveries import Delivery

# A job may wake a moment early; a try that is due within this is made now.
EARLY = timedelta(milliseconds=50)


def _stopped(category: str, text: str, advice: str) -> Answer:
    return Answer(
        accepted=False,
        permanent=True,
        ambiguous=False,
        limited=False,
        http_status=None,
        request_id=None,
        category=category,
        text=text,
        advice=advice,
    )


_STOPPED = {
    "revoked": _stopped(
        "revoked",
        "The subscription is no longer approved, so nothing was sent.",
        "Ask the provider to approve the subscription again.",
    ),
    "retired": _stopped(
        "retired",
        "The service is retired, so nothing was sent.",
        "Ask its provider whether another service takes its place, or to publish it again.",
    ),
    "payload_expired": _stopped(
        "payload_expired",
        "The message is not kept any more, so nothing was sent.",
        "Have the provider's workflow run again, so that it sends anew.",
    ),
}
"""By what `store/directory.stopped_by` says, or what became of the message."""


@dataclass(frozen=True, slots=True)
class Shipping:
    """What composes the body: where clients reach us, and how long payloads stay."""

    base_url: str
    payload_retention: timedelta
    flush_after: timedelta
    """So long after a fire-and-forget dispatch its message stays at least."""


@dataclass(frozen=True, slots=True)
class Try:
    """An attempt that was written down and has its installation's turn."""

    delivery: Delivery
    number: int
    body: dict[str, Any]
    began: datetime
    limited: bool
    """GitHub had named a limit before, and has accepted nothing since."""

    @property
    def turn(self) -> str:
        return turn_of(self.delivery.id, self.number)


def turn_of(delivery_id: str, number: int) -> str:
    return f"{delivery_id} attempt {number}"


async def claim(
    tx: Tx, delivery_id: str, job_id: int | None, *, now: datetime, pace: Pace, shipping: Shipping
) -> Try | timedelta | None:
    """Start an attempt, or say how long to wait, or that nothing is owed (None)."""
    delivery = await deliveries.lock(tx, delivery_id)
    if delivery is None:
        return None
    owed = await _owed(tx, delivery, job_id, now, pace)
    if not isinstance(owed, Delivery):
        return owed
    delivery = owed
    outlook = await installations.look(tx, delivery.installation_id, now, pace)
    if outlook.free_at > now:
        return await _hold(tx, delivery, now, outlook.free_at, pace)
    if pace.spacing and (wait := await _let_pass(tx, delivery, now)) is not None:
        return wait
    return await _start(tx, delivery, job_id, now=now, pace=pace, shipping=shipping, limited=outlook.limited)


async def _owed(
    tx: Tx, delivery: Delivery, job_id: int | None, now: datetime, pace: Pace
) -> Delivery | timedelta | None:
    """The delivery, when a try is owed now as far as it goes itself; or how long until one is."""
    open_attempt = await attempts.unfinished(tx, delivery.id)
    in_flight = open_attempt is not None and open_attempt.job_id != job_id
    if delivery.status is not Status.PENDING or delivery.due_at is None:
        if open_attempt is not None and not in_flight:
            # Its consumer has confirmed, though we died before GitHub's answer was written down.
            await _lose(tx, delivery, open_attempt.number, now, pace)
        return None
    if delivery.due_at > now + EARLY and (open_attempt is None or in_flight):
        return delivery.due_at - now
    if open_attempt is not None and not await _bury(tx, delivery, open_attempt.number, now, pace):
        return None
    if (why := await directory.stopped_by(tx, delivery.subscription_id)) is not None:
        await refuse(tx, delivery, now, _STOPPED[why])
        await _give_back(tx, delivery, now, pace)
        return None
    return await _follow(tx, delivery, now, pace)


async def _follow(tx: Tx, delivery: Delivery, now: datetime, pace: Pace) -> Delivery | timedelta | None:
    """The delivery, to where its consumer is now; or how long it is held, or None when it has come to its end."""
    found = await reaches.of(tx, {delivery.provider_id, delivery.consumer_id})
    consumer = found[delivery.consumer_id]
    whose, barrier = reach.between(found.get(delivery.provider_id), consumer)
    if barrier is not None:
        await _give_back(tx, delivery, now, pace)
        return await _stop(tx, delivery, now, barrier.of(whose), barrier)
    name, installation_id = consumer.full_name, consumer.installation_id or delivery.installation_id
    if (delivery.consumer, delivery.installation_id) == (name, installation_id):
        return delivery
    # Renamed, transferred, or installed anew: GitHub's id is the same, and so it is the same consumer.
    await deliveries.keep(tx, delivery.id, Status.PENDING, consumer=name, installation_id=installation_id)
    return replace(delivery, consumer=name, installation_id=installation_id)


async def _stop(tx: Tx, delivery: Delivery, now: datetime, what: str, barrier: Barrier) -> timedelta | None:
    """End it, or hold it: along the whole ladder, as a durable delivery is tried, and GitHub is not asked."""
    then = "" if barrier.kind == "deleted" else " Then replay this delivery."
    stopped = replace(_STOPPED["revoked"], category=barrier.kind, text=what, advice=barrier.advice + then)
    failed = delivery.tries + 1
    wait = backoff.next_wait(failed, durable=True, dice=0.5, retry_after=None) if barrier.passes else None
    if wait is None:
        await refuse(tx, delivery, now, stopped)
        return None
    held = {"failure": barrier.kind, "advice": what}
    await deliveries.keep(tx, delivery.id, Status.PENDING, tries=failed, due_at=now + wait, paced=False, **held)
    detail = f"held, {barrier.kind}: {what}"
    await deliveries.note(
        tx, delivery.id, Fact.POSTPONED, now, before=Status.PENDING, after=Status.PENDING, detail=detail
    )
    return wait


async def _lose(tx: Tx, delivery: Delivery, number: int, now: datetime, pace: Pace) -> Answer:
    """Whoever made that attempt has died; GitHub may have seen it."""
    lost = answers.from_failure("lost", "")
    await attempts.finish(tx, delivery.id, number, lost, now)
    await installations.end_turn(tx, delivery.installation_id, turn_of(delivery.id, number), now, pace)
    return lost


async def _bury(tx: Tx, delivery: Delivery, number: int, now: datetime, pace: Pace) -> bool:
    """That attempt's own job woke again, or its lease ran out. Try on, within bounds."""
    lost = await _lose(tx, delivery, number, now, pace)
    # Our own deaths use up none of the tries: GitHub has refused nothing. But what kills its workers must end.
    if await attempts.count_lost(tx, delivery.id) <= len(backoff.LADDER):
        return True
    await refuse(tx, delivery, now, lost)
    return False


async def _hold(tx: Tx, delivery: Delivery, now: datetime, free_at: datetime, pace: Pace) -> timedelta:
    """How long this write must wait for its installation."""
    late = delivery.due_at is None or delivery.due_at < now - 2 * pace.spacing
    if delivery.paced and not late and free_at <= now + pace.spacing:
        return free_at - now
    # What has no slot, or missed it by far, takes a new one: all that waits would press on together otherwise.
    (due_at,) = await installations.reserve(tx, delivery.installation_id, now, count=1, pace=pace, after=free_at)
    await deliveries.keep(tx, delivery.id, Status.PENDING, due_at=due_at, paced=True)
    return due_at - now


async def _let_pass(tx: Tx, delivery: Delivery, now: datetime) -> timedelta | None:
    """Change slots with one that was here before: after a hold, new slots are taken in any order."""
    elder = await waiting.lock_elder(tx, delivery, now + EARLY)
    if elder is None or not await jobs.hasten(tx, elder.id, elder.dispatches):
        return None
    await deliveries.keep(tx, elder.id, Status.PENDING, due_at=now)
    await deliveries.keep(tx, delivery.id, Status.PENDING, due_at=elder.due_at, paced=True)
    return elder.due_at - now


async def _give_back(tx: Tx, delivery: Delivery, now: datetime, pace: Pace) -> None:
    """Wake whoever was planned last, so that the plan ends a slot earlier; it changes slots with who waits longest."""
    if not (delivery.paced and pace.spacing):
        return
    last = await waiting.lock_last(tx, delivery.installation_id, now + EARLY)
    if last is None or not await jobs.hasten(tx, last.id, last.dispatches):
        return
    await deliveries.keep(tx, last.id, Status.PENDING, due_at=now)
    await installations.give_back(tx, delivery.installation_id, last.due_at)


async def _start(
    tx: Tx, delivery: Delivery, job_id: int | None, *, now: datetime, pace: Pace, shipping: Shipping, limited: bool
) -> Try | None:
    message = await _archived(tx, delivery, now, shipping)
    if message is None and delivery.event_id is not None:
        await refuse(tx, delivery, now, _STOPPED["payload_expired"])
        return None
    number = delivery.attempt + 1
    await installations.take_turn(tx, delivery.installation_id, turn_of(delivery.id, number), now, pace)
    await attempts.start(tx, delivery.id, number, job_id=job_id, now=now)
    await deliveries.keep(
        tx, delivery.id, Status.PENDING, attempt=number, due_at=now + pace.lease, paced=False, failure=None, advice=None
    )
    return Try(delivery, number, compose(delivery, message, number, shipping), now, limited)


def compose(delivery: Delivery, message: envelope.Archived | None, number: int, shipping: Shipping) -> dict[str, Any]:
    """The body of a try."""
    url = f"{shipping.base_url}/api/event-delivery/{delivery.id}/payload"
    return envelope.compose(delivery.envelope, attempt=number, message=message, fetch_url=url)


async def _archived(tx: Tx, delivery: Delivery, now: datetime, shipping: Shipping) -> envelope.Archived | None:
    """The message, and until when it stays at least; None: there is none, or its bytes are not kept any more."""
    payload = await archive.fetch(tx, delivery.event_id) if delivery.event_id is not None else None
    return archived(payload, delivery, now, shipping)


def archived(
    payload: archive.Payload | None, delivery: Delivery, now: datetime, shipping: Shipping
) -> envelope.Archived | None:
    """The same of a payload that has been fetched."""
    if payload is None or payload.gone:
        return None
    stays = payload.received_at + shipping.payload_retention
    expires_at = stays if delivery.durable else min(stays, now + shipping.flush_after)
    return envelope.Archived(payload.raw, payload.sha256, expires_at)


async def refuse(tx: Tx, delivery: Delivery, now: datetime, answer: Answer, *, why: str = "") -> None:
    """End the delivery: no further try can help, or is left."""
    await deliveries.advance(
        tx,
        delivery.id,
        Fact.REFUSED,
        now,
        detail=f"{why}{answer.category}: {answer.text}",
        completed_at=now,
        due_at=None,
        failure=answer.category,
        advice=answer.advice,
    )
