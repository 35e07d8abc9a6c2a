"""Runs have finished: store each once, join its messages, decide, and queue what follows. One transaction."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial

from psycopg.errors import LockNotAvailable

from zekt_backend.clock import Clock
from zekt_backend.flows.complete_run import complete_runs
from zekt_backend.flows.fan_out import Decided, Timings, fan_out
from zekt_backend.flows.together import Together
from zekt_backend.rules import correlation, policy, spans, trace
from zekt_backend.rules.correlation import Message
from zekt_backend.rules.records import RunEvent, RunKey
from zekt_backend.rules.spans import Span
from zekt_backend.rules.trace import Cause, Context
from zekt_backend.store import directory, events, runs
from zekt_backend.store.database import Database, Tx
from zekt_backend.store.runs import Past

PATIENCE_SECONDS = 3.0
"""GitHub waits 10 seconds for an answer and never asks again: a passing trouble is worth a few tries, no more."""

_NEIGHBOURS_SECONDS = 1.0
"""How long several events wait for a lock that one of them needs; alone, it waits as long as everybody does."""


@dataclass(frozen=True, slots=True)
class EventReceipt:
    duplicate: bool
    outcome: str
    against: tuple[str, ...]
    """Names of the rules that did not pass: why somebody, or everybody, got nothing."""
    deliveries: int
    """How many deliveries this event made."""
    ended: int
    """How many deliveries, to this repository, the run has ended."""


_DUPLICATE = EventReceipt(duplicate=True, outcome="duplicate", against=(), deliveries=0, ended=0)


Events = Together[RunEvent, EventReceipt]


class HeldUpError(Exception):
    """Somebody holds a row that one of several events needs: who knows which, so each is received by itself."""


async def receive_event(
    event: RunEvent, *, db: Database, clock: Clock, new_id: Callable[[], str], timings: Timings
) -> EventReceipt:
    """Store one completed run once, and queue what follows from it."""
    (receipt,) = await receive_events([event], db=db, clock=clock, new_id=new_id, timings=timings)
    return receipt


async def receive_events(
    ends: Sequence[RunEvent], *, db: Database, clock: Clock, new_id: Callable[[], str], timings: Timings
) -> list[EventReceipt]:
    """The same for several, no two of one run: in one transaction, and as if one had come after the other.

    Raises:
        HeldUpError: something that one of several needs was held by somebody else for a while. Nothing is stored.
    """

    async def work(tx: Tx) -> list[EventReceipt]:
        try:
            return await _receive(tx, ends, clock, new_id, timings)
        except LockNotAvailable as error:
            if len(ends) == 1:
                raise
            raise HeldUpError from error

    return await db.run(work, patience=PATIENCE_SECONDS)


def together(*, db: Database, clock: Clock, new_id: Callable[[], str], timings: Timings) -> Events:
    """Receives what comes at the same time in one transaction, each commit for many of them."""
    return Together(
        partial(receive_events, db=db, clock=clock, new_id=new_id, timings=timings),
        apart=lambda event: (event.key.repository_id, event.key.run_id),
    )


async def _receive(
    tx: Tx, ends: Sequence[RunEvent], clock: Clock, new_id: Callable[[], str], timings: Timings
) -> list[EventReceipt]:
    # What one of them waits for is not for the others to wait for.
    patience = _NEIGHBOURS_SECONDS if len(ends) > 1 else None
    stored = await events.save_new(tx, ends, clock.now(), patience=patience)
    if not stored:
        return [_DUPLICATE] * len(ends)
    now = clock.now()  # they may have waited for their turns
    new = [event for event in ends if event.key in stored]
    pasts = await runs.pasts(tx, stored)
    # Who has confirmed nothing has nothing to end.
    ended = await complete_runs(tx, [event for event in new if pasts[event.key].cause], now)
    first = {key: _first(past) for key, past in pasts.items()}
    decided = await _decide(tx, new, pasts, first)
    made = await fan_out(tx, decided, now=now, new_id=new_id, timings=timings)
    receipts = {}
    for each, count in zip(decided, made, strict=True):
        key, decision = each.event.key, each.decision
        if count or pasts[key].sent:
            tx.happenings += _spans(each, first[key], count, now, clock.now())
        receipts[key] = EventReceipt(False, decision.outcome, decision.against, count, ended[key])
    return [receipts.get(event.key, _DUPLICATE) for event in ends]


async def _decide(
    tx: Tx,
    new: Sequence[RunEvent],
    pasts: Mapping[RunKey, Past],
    first: Mapping[RunKey, Context | None],
) -> list[Decided]:
    """What is decided of each, and its place in its trace."""
    taken = {key: correlation.take(past.sent, key.run_attempt) for key, past in pasts.items()}
    known = [replace(event, workflow_path=_path(event, taken[event.key])) for event in new]
    places = [(event.key.repository_id, event.workflow_path) for event in known]
    providers = await directory.providers(tx, dict.fromkeys(places))
    decisions = [
        policy.decide(event, providers[place], taken[event.key]) for event, place in zip(known, places, strict=True)
    ]
    return [
        Decided(event, decision, _place(event, first[event.key], pasts[event.key].cause))
        for event, decision in zip(known, decisions, strict=True)
    ]


def _first(past: Past) -> Context | None:
    return next(filter(None, (trace.parse(each.traceparent) for each in past.sent)), None)


def _place(event: RunEvent, first: Context | None, cause: Cause | None) -> Context:
    """Of a run that has sent nothing: in its cause's trace, or a new one."""
    begun = first or (cause.context if cause else None)
    return trace.of_decision(begun.trace_id if begun else trace.trace_id(event.guid), event.guid)


def _spans(each: Decided, first: Context | None, made: int, began: datetime, ended: datetime) -> list[Span]:
    told = spans.event(each.place.trace_id, each.event, first, began, ended)
    place, key, outcome = each.place, each.event.key, each.decision.outcome
    return [told, spans.decision(place, told.own.span_id, key, began, ended, outcome=outcome, deliveries=made)]


def _path(event: RunEvent, sent: Sequence[Message]) -> str | None:
    """An old-style webhook names no workflow file; the signed claims of the run's own messages do."""
    return event.workflow_path or (sent[0].workflow_path if sent else None)
