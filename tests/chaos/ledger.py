"""Compare what was acknowledged with what GitHub received and with what the histories say. Pure."""

import hashlib
import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from chaos.records import Delivery, Evidence, Owed, Received
from zekt_testing.deliveries import illegality

KINDS = {
    "lost": "acknowledged, and without effect",
    "wrong": "delivered to the wrong place, or with the wrong payload",
    "unexpected": "delivered, though nobody was owed it",
    "duplicate": "a second delivery for the same message (or event) and consumer",
    "stuck": "still owes something after everything had time to settle",
    "illegal": "a history that docs/lifecycle.md does not allow",
    "ended": "ended otherwise than its consumer ended it",
    "unexplained": "a dispatch that no recorded attempt explains",
}


@dataclass(frozen=True, slots=True)
class Finding:
    kind: str
    about: str
    why: str

    def __str__(self) -> str:
        return f"{self.kind}: {self.about}: {self.why}"


def check(evidence: Evidence) -> list[Finding]:
    """Everything that must not be. An empty list is a passed test."""
    received: dict[str, list[Received]] = defaultdict(list)
    for dispatch in evidence.received:
        received[dispatch.delivery_id].append(dispatch)
    return [
        *_lost(evidence, received),
        *_lost_confirmations(evidence),
        *_strangers(evidence, received),
        *_duplicates(evidence.deliveries),
        *(finding for delivery in evidence.deliveries for finding in _life(delivery, evidence)),
        *(finding for delivery in evidence.deliveries for finding in _dispatches(delivery, received[delivery.id])),
        *(Finding("wrong", about, "the claim check gave other bytes") for about in evidence.bad_fetches),
        *([Finding("stuck", "the queue", f"{evidence.jobs_left} jobs are left")] if evidence.jobs_left else []),
    ]


def acknowledged(evidence: Evidence) -> int:
    """Messages and events that were answered 2xx."""
    return sum(len(owed.messages) + owed.event for owed in evidence.owed)


def extra(evidence: Evidence) -> int:
    """Dispatches beyond the first of each round; a round begins anew when no confirmation came in time."""
    seen = Counter(dispatch.delivery_id for dispatch in evidence.received)
    return sum(max(0, seen[delivery.id] - _rounds(delivery)) for delivery in evidence.deliveries)


def _rounds(delivery: Delivery) -> int:
    return 1 + sum(line.fact == "unheard" for line in delivery.history)


def _lost(evidence: Evidence, received: dict[str, list[Received]]) -> Iterator[Finding]:
    """Every consumer of every acknowledged run has a delivery for each message, and GitHub a dispatch for each."""
    found = {(d.run_id, d.consumer, d.event_id): d for d in evidence.deliveries}
    for owed in evidence.owed:
        for consumer in sorted(owed.consumers) if owed.event else ():
            for event_id in _due(owed):
                delivery = found.get((owed.run_id, consumer, event_id))
                about = f"run {owed.run_id}, message {event_id}, for {consumer}"
                if delivery is None:
                    yield Finding("lost", about, "no delivery")
                elif not any(dispatch.consumer == consumer for dispatch in received[delivery.id]):
                    yield Finding("lost", about, f"{delivery.id} ({delivery.status}) was never dispatched")


def _due(owed: Owed) -> Iterator[str | None]:
    if owed.bare == "owed" or owed.metadata_only:
        yield None
    if not owed.metadata_only:
        yield from owed.messages


def _lost_confirmations(evidence: Evidence) -> Iterator[Finding]:
    by_id = {delivery.id: delivery for delivery in evidence.deliveries}
    for confirmed in evidence.confirmed:
        delivery = by_id.get(confirmed.delivery_id)
        if delivery is not None and delivery.confirmed_by != confirmed.run_id:
            why = f"run {confirmed.run_id} was told that it had confirmed, and the row says {delivery.confirmed_by}"
            yield Finding("lost", confirmed.delivery_id, why)


def _strangers(evidence: Evidence, received: dict[str, list[Received]]) -> Iterator[Finding]:
    """What exists was owed, and every dispatch is the one that its row says."""
    owed_by_run = {owed.run_id: owed for owed in evidence.owed}
    by_id = {delivery.id: delivery for delivery in evidence.deliveries}
    for delivery in evidence.deliveries:
        owed = owed_by_run.get(delivery.run_id)
        if owed is None or delivery.consumer not in owed.consumers or not _allowed(delivery, owed):
            yield Finding("unexpected", delivery.id, f"run {delivery.run_id}, message {delivery.event_id}")
    for delivery_id, dispatches in received.items():
        known = by_id.get(delivery_id)
        if known is None:
            yield Finding("lost", delivery_id, "dispatched, and no row knows it")
            continue
        for dispatch in dispatches:
            if why := _wrong(dispatch, known, owed_by_run.get(known.run_id)):
                yield Finding("wrong", f"{delivery_id}, attempt {dispatch.attempt}", why)


def _allowed(delivery: Delivery, owed: Owed) -> bool:
    if delivery.event_id is None:
        return owed.bare != "forbidden" or owed.metadata_only
    if owed.metadata_only:
        return False
    return delivery.event_id in owed.messages or delivery.sha256 in owed.doubtful


def _wrong(dispatch: Received, delivery: Delivery, owed: Owed | None) -> str | None:
    if dispatch.consumer != delivery.consumer:
        return f"sent to {dispatch.consumer} instead of {delivery.consumer}"
    if delivery.event_id is None:
        carries = (dispatch.payload, dispatch.sha256, dispatch.reference)
        return None if carries == (None, None, None) else "an event without a message carries one"
    raw = owed.messages.get(delivery.event_id) if owed else None
    if raw is None:
        return None  # Never acknowledged: `_allowed` has compared its digest.
    if dispatch.sha256 != hashlib.sha256(raw).hexdigest():
        return "the digest is another message's"
    if dispatch.reference is not None:
        return None if dispatch.reference["sha256"] == dispatch.sha256 else "the claim check names another message"
    return None if dispatch.payload == json.loads(raw) else "the payload is not what was sent"


def _duplicates(deliveries: Iterable[Delivery]) -> Iterator[Finding]:
    made = Counter((d.run_id, d.event_id, d.consumer) for d in deliveries)
    for (run_id, event_id, consumer), count in made.items():
        if count > 1:
            yield Finding("duplicate", f"run {run_id}, message {event_id}, for {consumer}", f"{count} deliveries")


def _life(delivery: Delivery, evidence: Evidence) -> Iterator[Finding]:
    lines = [(line.fact, line.before, line.after) for line in delivery.history]
    if why := illegality(lines, delivery.status):
        yield Finding("illegal", delivery.id, why)
    ends = ("completed", "failed") if delivery.durable else ("dispatched", "failed")
    if delivery.status not in ends or delivery.owes:
        yield Finding("stuck", delivery.id, f"{delivery.status}, attempts {len(delivery.attempts)}")
    elif delivery.status != (
        wanted := evidence.ends.get(delivery.id, delivery.status if delivery.durable else ends[0])
    ):
        facts = ", ".join(line.fact for line in delivery.history)
        yield Finding("ended", delivery.id, f"{delivery.status} instead of {wanted}: {facts}")


def _dispatches(delivery: Delivery, received: list[Received]) -> Iterator[Finding]:
    """Each dispatch has its attempt; each attempt made at most one; more than one a round needs an ambiguous one."""
    attempts = {attempt.number: attempt for attempt in delivery.attempts}
    for number, times in Counter(dispatch.attempt for dispatch in received).items():
        attempt = attempts.get(number)
        about = f"{delivery.id}, attempt {number}"
        if times > 1:
            yield Finding("unexplained", about, f"GitHub received it {times} times")
        if attempt is None:
            yield Finding("unexplained", about, "no such attempt is recorded")
        elif attempt.finished and not (attempt.accepted or attempt.ambiguous):
            yield Finding("unexplained", about, f"recorded as {attempt.category}, which accepts nothing")
    seen = {dispatch.attempt for dispatch in received}
    for attempt in delivery.attempts:
        if not attempt.finished and attempt.number < max(attempts):
            yield Finding(
                "unexplained", f"{delivery.id}, attempt {attempt.number}", "left open, though another followed"
            )
        if attempt.accepted and attempt.number not in seen:
            yield Finding("lost", f"{delivery.id}, attempt {attempt.number}", "recorded as accepted, never received")
    certain = [n for n in seen if n in attempts and attempts[n].finished and not attempts[n].ambiguous]
    if len(certain) > _rounds(delivery):
        why = f"{len(certain)} dispatches were accepted for certain in {_rounds(delivery)} round(s)"
        yield Finding("unexplained", delivery.id, why)
