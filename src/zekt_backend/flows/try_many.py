"""The tries of one moment, all in one transaction: what is plain of them, and what is not is left to be made alone."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from zekt_backend.flows.claim import EARLY, Shipping, Try, archived, compose, turn_of
from zekt_backend.rules import reach, spans
from zekt_backend.rules.pace import Pace
from zekt_backend.rules.records import Answer
from zekt_backend.store import archive, installations, tries, waiting
from zekt_backend.store.database import Tx
from zekt_backend.store.tries import Candidate, Heard, Start


@dataclass(frozen=True, slots=True)
class Woken:
    """A job has woken for this delivery."""

    delivery_id: str
    job_id: int | None


async def claim_many(
    tx: Tx, woken: Sequence[Woken], *, now: datetime, pace: Pace, shipping: Shipping
) -> list[Try | None]:
    """Start an attempt of each that owes one now and has nothing in its way, as `claim` does. None: not of this one."""
    # Should two jobs have woken for the same delivery, the try is the first one's.
    job_of = {each.delivery_id: each.job_id for each in reversed(woken)}
    found = [
        each
        for each in await tries.candidates(tx, list(job_of), now=now, early=EARLY, pace=pace)
        if each.stopped is None and reach.between(each.provider, each.consumer)[1] is None
    ]
    if pace.spacing:
        found = await _in_turn(tx, found, now, pace)
    begun = await _composed(tx, found, now, shipping)
    if begun:
        await tries.start(tx, [_start(each, job_of[each.delivery.id]) for each in begun.values()], now, pace)
    return [begun.pop(each.delivery_id, None) for each in woken]


async def _in_turn(tx: Tx, found: list[Candidate], now: datetime, pace: Pace) -> list[Candidate]:
    """The eldest of each installation whose windows have room, unless one that is elder still waits for its slot."""
    eldest: dict[int, Candidate] = {}
    for each in found:
        eldest.setdefault(each.delivery.installation_id, each)
    if not eldest:
        return []
    rooms = await installations.rooms_at(tx, list(eldest), now, pace)
    preceded = await waiting.with_elders(tx, [each.delivery.id for each in eldest.values()], now + EARLY)
    return [each for id_, each in eldest.items() if rooms[id_] <= now and each.delivery.id not in preceded]


async def _composed(tx: Tx, found: list[Candidate], now: datetime, shipping: Shipping) -> dict[str, Try]:
    """With their messages. Those whose message is not kept any more are left out."""
    event_ids = {each.delivery.event_id for each in found if each.delivery.event_id is not None}
    payloads = await archive.fetch_all(tx, event_ids) if event_ids else {}
    begun = {}
    for each in found:
        delivery, number = each.delivery, each.delivery.attempt + 1
        message = archived(payloads.get(delivery.event_id or ""), delivery, now, shipping)
        if message is None and delivery.event_id is not None:
            continue
        begun[delivery.id] = Try(delivery, number, compose(delivery, message, number, shipping), now, each.limited)
    return begun


def _start(begun: Try, job_id: int | None) -> Start:
    id_ = begun.delivery.id
    return Start(id_, begun.number, job_id, begun.delivery.installation_id, turn_of(id_, begun.number))


@dataclass(frozen=True, slots=True)
class Answered:
    """GitHub has accepted a try, and said nothing of limits."""

    made: Try
    answer: Answer


async def accept_many(tx: Tx, answered: Sequence[Answered], *, now: datetime, pace: Pace) -> list[bool]:
    """Write the answers down. False: not this one, of which something has become meanwhile."""
    heard = [_heard(each.made, each.answer) for each in answered]
    moved = await tries.accept(tx, heard, now, pace)
    for each in answered:
        if (each.made.delivery.id, each.made.number) in moved:
            tx.happenings += spans.dispatch(
                each.made.delivery.envelope, each.made.number, each.answer, each.made.began, now
            )
    return [(each.delivery_id, each.number) in moved for each in heard]


def _heard(made: Try, answer: Answer) -> Heard:
    detail = f"attempt {made.number}, GitHub's request {answer.request_id}"
    return Heard(made.delivery.id, made.number, made.delivery.installation_id, made.turn, answer, detail)
