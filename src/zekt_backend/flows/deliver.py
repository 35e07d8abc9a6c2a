"""Try one delivery once: claim it, ask GitHub, write the answer down.

The row is the truth and the job only wakes, so this may be called at any time, twice, or after a crash.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from zekt_backend.clock import Clock
from zekt_backend.rules import answers, backoff, envelope
from zekt_backend.rules.lifecycle import Fact, Status
from zekt_backend.rules.records import Answer
from zekt_backend.store import archive, attempts, deliveries, directory, installations
from zekt_backend.store.database import Database, Tx
from zekt_backend.store.deliveries import Delivery

Send = Callable[[int, str, dict[str, Any]], Awaitable[Answer]]
"""(installation id, consumer's repository, body) → GitHub's answer. One POST a call; never raises for GitHub's."""

# A job may wake a moment early; a try that is due within this is made now.
_EARLY = timedelta(milliseconds=50)

_MISSED = timedelta(seconds=1)

_REVOKED = Answer(
    accepted=False,
    permanent=True,
    ambiguous=False,
    limited=False,
    http_status=None,
    request_id=None,
    category="revoked",
    text="The subscription is no longer approved, so nothing was sent.",
    advice="Ask the provider to approve the subscription again.",
)


@dataclass(frozen=True, slots=True)
class Pace:
    """How long a try may be in flight before it counts as lost, and how far apart writes are."""

    lease: timedelta
    spacing: timedelta


@dataclass(frozen=True, slots=True)
class Shipping:
    """What composes the body: where clients reach us, and how long payloads stay."""

    base_url: str
    payload_retention: timedelta


@dataclass(frozen=True, slots=True)
class _Try:
    delivery: Delivery
    number: int
    body: dict[str, Any]


async def deliver(
    delivery_id: str,
    job_id: int | None,
    *,
    db: Database,
    clock: Clock,
    send: Send,
    dice: Callable[[], float],
    pace: Pace,
    shipping: Shipping,
) -> timedelta | None:
    """Make the next try, if one is owed. Returns how long to wait for the next, or None when none is."""
    claimed = await db.run(lambda tx: _claim(tx, delivery_id, job_id, now=clock.now(), pace=pace, shipping=shipping))
    if not isinstance(claimed, _Try):
        return claimed
    answer = await send(claimed.delivery.installation_id, claimed.delivery.consumer, claimed.body)
    # GitHub has been asked: its answer is not thrown away because the database is away for a moment.
    return await db.run(
        lambda tx: _record(tx, claimed, answer, clock.now(), dice()), patience=pace.lease.total_seconds()
    )


async def _claim(
    tx: Tx, delivery_id: str, job_id: int | None, *, now: datetime, pace: Pace, shipping: Shipping
) -> _Try | timedelta | None:
    """Start an attempt, or say how long to wait, or that nothing is owed."""
    delivery = await deliveries.lock(tx, delivery_id)
    if delivery is None or delivery.status is not Status.PENDING or delivery.due_at is None:
        return None
    open_attempt = await attempts.unfinished(tx, delivery_id)
    in_flight = open_attempt is not None and open_attempt.job_id != job_id
    if delivery.due_at > now + _EARLY and (open_attempt is None or in_flight):
        return delivery.due_at - now
    if open_attempt is not None and not await _bury(tx, delivery, open_attempt.number, now):
        return None
    if not await directory.is_approved(tx, delivery.subscription_id):
        await _refuse(tx, delivery, now, _REVOKED)
        return None
    if (wait := await _held(tx, delivery, now, pace)) is not None:
        return wait
    return await _start(tx, delivery, job_id, now=now, lease=pace.lease, shipping=shipping)


async def _bury(tx: Tx, delivery: Delivery, number: int, now: datetime) -> bool:
    """Whoever made that attempt has died: its own job woke again, or its lease ran out. Try on, within bounds."""
    lost = answers.from_failure("lost", "")
    await attempts.finish(tx, delivery.id, number, lost, now)
    if backoff.next_wait(delivery.tries + 1, durable=delivery.durable, dice=0.5, retry_after=None) is None:
        await _refuse(tx, delivery, now, lost)
        return False
    await deliveries.keep(tx, delivery.id, Status.PENDING, tries=delivery.tries + 1)
    return True


async def _held(tx: Tx, delivery: Delivery, now: datetime, pace: Pace) -> timedelta | None:
    """How long this write must wait for its installation; None when it may go out now."""
    hold = await installations.pass_through(tx, delivery.installation_id, now, pace.spacing)
    if hold is None:
        return None
    due_at = hold.free_at
    missed = delivery.due_at is not None and delivery.due_at <= now - max(pace.spacing, _MISSED)
    if not hold.blocked and (missed or not delivery.paced):
        # What has no slot, or missed it by far, takes a new one: after a standstill all would press on together.
        slot = await installations.reserve(tx, delivery.installation_id, now, count=1, spacing=pace.spacing)
        due_at = max(due_at, slot)
    if hold.blocked or missed or not delivery.paced:
        await deliveries.keep(tx, delivery.id, Status.PENDING, due_at=due_at, paced=True)
    return due_at - now


async def _start(
    tx: Tx, delivery: Delivery, job_id: int | None, *, now: datetime, lease: timedelta, shipping: Shipping
) -> _Try:
    number = delivery.attempt + 1
    await attempts.start(tx, delivery.id, number, job_id=job_id, now=now)
    await deliveries.keep(tx, delivery.id, Status.PENDING, attempt=number, due_at=now + lease)
    message = await _archived(tx, delivery, shipping)
    url = f"{shipping.base_url}/api/event-delivery/{delivery.id}/payload"
    return _Try(delivery, number, envelope.compose(delivery.envelope, attempt=number, message=message, fetch_url=url))


async def _archived(tx: Tx, delivery: Delivery, shipping: Shipping) -> envelope.Archived | None:
    if delivery.event_id is None:
        return None
    payload = await archive.fetch(tx, delivery.event_id)
    return envelope.Archived(payload.raw, payload.sha256, payload.received_at + shipping.payload_retention)


async def _record(tx: Tx, made: _Try, answer: Answer, now: datetime, dice: float) -> timedelta | None:
    """Write the answer down. When the delivery has moved on meanwhile, the attempt alone is written."""
    delivery = await deliveries.lock(tx, made.delivery.id)
    if not await attempts.finish(tx, made.delivery.id, made.number, answer, now):
        # Written before: that commit's own answer was lost on its way to us.
        return _planned(delivery, made.number, now)
    if answer.limited:
        wait = timedelta(seconds=min(answer.retry_after or 60, backoff.LONGEST_WAIT_SECONDS))
        await installations.block(tx, made.delivery.installation_id, now + wait)
    if delivery is None or delivery.status is not Status.PENDING:
        return None
    if answer.accepted:
        await _accept(tx, delivery, made.number, answer, now)
        return None
    if delivery.attempt != made.number:
        # Another worker took this delivery over; the next step is its to plan.
        return None
    if answer.permanent:
        await _refuse(tx, delivery, now, answer)
        return None
    return await _postpone(tx, delivery, answer, now, dice)


def _planned(delivery: Delivery | None, number: int, now: datetime) -> timedelta | None:
    """The wait that was written after this attempt, if one was and it is still this attempt's to keep."""
    if delivery is None or delivery.status is not Status.PENDING or delivery.due_at is None:
        return None
    return max(delivery.due_at - now, timedelta(0)) if delivery.attempt == number else None


async def _accept(tx: Tx, delivery: Delivery, number: int, answer: Answer, now: datetime) -> None:
    await deliveries.advance(
        tx,
        delivery.id,
        Fact.ACCEPTED,
        now,
        detail=f"attempt {number}, GitHub's request {answer.request_id}",
        dispatched_at=now,
        dispatches=delivery.dispatches + 1,
        tries=0,
        due_at=now + delivery.confirm_timeout if delivery.durable else None,
    )


async def _refuse(tx: Tx, delivery: Delivery, now: datetime, answer: Answer, *, why: str = "") -> None:
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


async def _postpone(tx: Tx, delivery: Delivery, answer: Answer, now: datetime, dice: float) -> timedelta | None:
    failed = delivery.tries + 1
    wait = backoff.next_wait(failed, durable=delivery.durable, dice=dice, retry_after=answer.retry_after)
    if wait is None:
        await _refuse(tx, delivery, now, answer, why=f"given up after {failed} tries: ")
        return None
    # The slot is reserved when the wait is over: one taken hours ahead would hold up every other write.
    await deliveries.keep(tx, delivery.id, Status.PENDING, tries=failed, due_at=now + wait, paced=False)
    await deliveries.note(
        tx,
        delivery.id,
        Fact.POSTPONED,
        now,
        before=Status.PENDING,
        after=Status.PENDING,
        detail=f"{answer.category}: {answer.text}",
    )
    return wait
