"""Try one delivery once: claim it, ask GitHub, write the answer down.

The row is the truth and the job only wakes, so this may be called at any time, twice, or after a crash.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, TypeVar

import structlog

from zekt_backend.clock import Clock
from zekt_backend.flows.claim import Shipping, Try, claim, refuse
from zekt_backend.flows.together import Together
from zekt_backend.flows.try_many import Answered, Woken, accept_many, claim_many
from zekt_backend.rules import answers, backoff, spans
from zekt_backend.rules.lifecycle import Fact, Status
from zekt_backend.rules.pace import Pace
from zekt_backend.rules.records import Answer
from zekt_backend.store import attempts, deliveries, installations, installed, jobs
from zekt_backend.store.database import Database, Tx, is_trouble
from zekt_backend.store.deliveries import Delivery

log = structlog.get_logger()

Send = Callable[[int, str, dict[str, Any]], Awaitable[Answer]]
"""(installation id, consumer's repository, body) → GitHub's answer. One POST a call; never raises for GitHub's."""


_LOOK_AGAIN = frozenset({answers.SUSPENDED, "permission", "not_found"})
"""Answers after which the installation is read: GitHub may have told of a change, and the webhook was lost."""


_MOST = 64
"""Tries that are claimed, and answers that are written down, in one transaction."""

_Made = TypeVar("_Made")


class Deliverer:
    """Makes tries. One for each worker: what meets here shares transactions.

    Args:
        db: the database.
        clock: tells the time.
        send: asks GitHub.
        dice: spreads the waits.
        pace: of each installation.
        shipping: what composes the body.
        at_once: how many may be on their way to GitHub. An attempt's lease runs from its claim: none is claimed which
            would then wait for others.
    """

    def __init__(
        self,
        *,
        db: Database,
        clock: Clock,
        send: Send,
        dice: Callable[[], float],
        pace: Pace,
        shipping: Shipping,
        at_once: int,
    ) -> None:
        self._on_its_way = asyncio.Semaphore(at_once)
        self._db, self._clock, self._send, self._dice = db, clock, send, dice
        self._pace, self._shipping = pace, shipping
        self._claims = Together(self._claim_many, most=_MOST, at_once=1)
        self._answers = Together(self._accept_many, most=_MOST, at_once=1)

    async def deliver(self, delivery_id: str, job_id: int | None) -> timedelta | None:
        """Make the next try, if one is owed. Returns how long to wait for the next, or None when none is."""
        async with self._on_its_way:
            claimed = await self._claims(Woken(delivery_id, job_id)) or await self._claim(delivery_id, job_id)
            if not isinstance(claimed, Try):
                return claimed
            answer = await self._send(claimed.delivery.installation_id, claimed.delivery.consumer, claimed.body)
        plain = answer.accepted and not (answer.limited or claimed.limited)
        if plain and await self._answers(Answered(claimed, answer)):
            return None
        return await self._run_patiently(
            lambda tx: _record(tx, claimed, answer, now=self._clock.now(), dice=self._dice(), pace=self._pace)
        )

    async def _claim(self, delivery_id: str, job_id: int | None) -> Try | timedelta | None:
        return await self._db.run(
            lambda tx: claim(tx, delivery_id, job_id, now=self._clock.now(), pace=self._pace, shipping=self._shipping)
        )

    async def _claim_many(self, woken: Sequence[Woken]) -> list[Try | None]:
        try:
            return await self._db.run(
                lambda tx: claim_many(tx, woken, now=self._clock.now(), pace=self._pace, shipping=self._shipping)
            )
        except Exception as error:  # noqa: BLE001 - of whatever kind, it may be one item's
            _told(error, len(woken))
            return [None] * len(woken)

    async def _accept_many(self, answered: Sequence[Answered]) -> list[bool]:
        try:
            return await self._run_patiently(
                lambda tx: accept_many(tx, answered, now=self._clock.now(), pace=self._pace)
            )
        except Exception as error:  # noqa: BLE001 - of whatever kind, it may be one item's
            _told(error, len(answered))
            return [False] * len(answered)

    async def _run_patiently(self, work: Callable[[Tx], Awaitable[_Made]]) -> _Made:
        """GitHub has been asked: its answer is not thrown away because the database is away for a moment."""
        return await self._db.run(work, patience=self._pace.lease.total_seconds())


def _told(error: Exception, items: int) -> None:
    """What is not the database's trouble is one item's fault: each is made alone then, and the others get through."""
    if is_trouble(error):
        raise error
    log.warning("batch_failed", items=items, error=type(error).__name__)


async def _record(tx: Tx, made: Try, answer: Answer, *, now: datetime, dice: float, pace: Pace) -> timedelta | None:
    """Write the answer down. When the delivery has moved on meanwhile, the attempt alone is written."""
    delivery = await deliveries.lock(tx, made.delivery.id)
    if not await attempts.finish(tx, made.delivery.id, made.number, answer, now):
        # Written before: that commit's own answer was lost on its way to us.
        return _planned(delivery, made.number, now)
    tx.happenings += spans.dispatch(made.delivery.envelope, made.number, answer, made.began, now)
    answer = await _heed(tx, made, answer, now, pace)
    if delivery is None or delivery.status is not Status.PENDING:
        if delivery and answer.accepted and not delivery.dispatches:
            # A confirmation, or an end, was written before this answer: what GitHub took is still told of.
            await deliveries.keep(tx, delivery.id, delivery.status, dispatches=1, dispatched_at=made.began)
        return None
    if answer.accepted:
        await _accept(tx, delivery, made.number, answer, now)
        return None
    if delivery.attempt != made.number:
        # Another worker took this delivery over; the next step is its to plan.
        return None
    if answer.permanent:
        await refuse(tx, delivery, now, answer)
        return None
    return await _postpone(tx, delivery, answer, now, dice)


def _planned(delivery: Delivery | None, number: int, now: datetime) -> timedelta | None:
    """The wait that was written after this attempt, if one was and it is still this attempt's to keep."""
    if delivery is None or delivery.status is not Status.PENDING or delivery.due_at is None:
        return None
    return max(delivery.due_at - now, timedelta(0)) if delivery.attempt == number else None


async def _heed(tx: Tx, made: Try, answer: Answer, now: datetime, pace: Pace) -> Answer:
    """What the answer means for the whole installation. Gives it back with the wait that holds for everybody."""
    installation_id = made.delivery.installation_id
    seen = answer.http_status is not None or answer.ambiguous
    await installations.end_turn(tx, installation_id, made.turn, now, pace, counts=seen)
    if answer.limited:
        named = answer.retry_after
        if named is None:
            named = backoff.limit_wait(await installations.count_limit(tx, installation_id, now))
        answer = replace(answer, retry_after=min(named, backoff.LONGEST_WAIT_SECONDS))
        await installations.block(tx, installation_id, now + timedelta(seconds=answer.retry_after or 0))
    if answer.category in _LOOK_AGAIN:
        await installed.count_news(tx, installation_id)
        await jobs.enqueue(tx, [jobs.read_installation(installation_id)])
    if answer.accepted and made.limited:
        await installations.clear_limit(tx, installation_id)
    return answer


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


async def _postpone(tx: Tx, delivery: Delivery, answer: Answer, now: datetime, dice: float) -> timedelta | None:
    failed = delivery.tries
    if answer.category == answers.RATE_LIMIT:
        since = await attempts.limited_since(tx, delivery.id) or now
        wait = backoff.wait_for_limit(now - since, answer.retry_after)
        if wait is None:
            why = f"given up, as it has met GitHub's limit each time since {since:%Y-%m-%d %H:%M} UTC: "
            await refuse(tx, delivery, now, replace(answer, advice=answers.LIMITED_TOO_LONG), why=why)
            return None
    else:
        failed += 1
        durable = delivery.durable or answer.category == answers.SUSPENDED
        wait = backoff.next_wait(failed, durable=durable, dice=dice, retry_after=answer.retry_after)
        if wait is None:
            await refuse(tx, delivery, now, answer, why=f"given up after {failed} tries: ")
            return None
    # The slot is reserved when the wait is over: one taken hours ahead would hold up every other write. Who met a limit
    # waits for what all wait for, and keeps its place.
    await deliveries.keep(tx, delivery.id, Status.PENDING, tries=failed, due_at=now + wait, paced=answer.limited)
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
