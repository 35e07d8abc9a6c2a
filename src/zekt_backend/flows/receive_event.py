"""A run has finished: store it once, join its messages, decide, and queue what follows. One transaction."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from zekt_backend.clock import Clock
from zekt_backend.flows.complete_run import complete_run
from zekt_backend.flows.fan_out import Timings, fan_out
from zekt_backend.rules import correlation, policy, spans, trace
from zekt_backend.rules.correlation import Message
from zekt_backend.rules.policy import Decision
from zekt_backend.rules.records import RunEvent
from zekt_backend.store import directory, events, messages, traces
from zekt_backend.store.database import Database, Tx, lock_run

PATIENCE_SECONDS = 3.0
"""GitHub waits 10 seconds for an answer and never asks again: a passing trouble is worth a few tries, no more."""


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


async def receive_event(
    event: RunEvent, *, db: Database, clock: Clock, new_id: Callable[[], str], timings: Timings
) -> EventReceipt:
    """Store one completed run once, and queue what follows from it."""

    async def work(tx: Tx) -> EventReceipt:
        await lock_run(tx, event.key)
        now = clock.now()
        if not await events.save_once(tx, event, now):
            return EventReceipt(duplicate=True, outcome="duplicate", against=(), deliveries=0, ended=0)
        ended = await complete_run(tx, event, now)
        sent = await messages.of_run(tx, event.key)
        taken = correlation.take(sent, event.key.run_attempt)
        known = replace(event, workflow_path=_path(event, taken))
        provider = await directory.provider(tx, event.key.repository_id, known.workflow_path)
        decision = policy.decide(known, provider, taken)
        await events.record_decision(tx, event.guid, decision, now)
        first = next((found for message in sent if (found := trace.parse(message.traceparent))), None)
        trace_id = first.trace_id if first else await _trace_id(tx, event, decision)
        place = trace.of_decision(trace_id, event.guid)
        made = await fan_out(tx, known, decision, place=place, now=now, new_id=new_id, timings=timings)
        if made or sent:
            told = spans.event(place.trace_id, event, first, now, clock.now())
            outcome, count = decision.outcome, len(made)
            tx.happenings += [
                told,
                spans.decision(place, told.own.span_id, event.key, now, told.ended, outcome=outcome, deliveries=count),
            ]
        return EventReceipt(
            duplicate=False, outcome=decision.outcome, against=decision.against, deliveries=len(made), ended=ended
        )

    return await db.run(work, patience=PATIENCE_SECONDS)


async def _trace_id(tx: Tx, event: RunEvent, decision: Decision) -> str:
    """Of a run that has sent nothing: its cause's, or a new one."""
    cause = (await traces.known_of(tx, event.key)).cause if decision.granted else None
    return cause.context.trace_id if cause and cause.context else trace.trace_id(event.guid)


def _path(event: RunEvent, sent: Sequence[Message]) -> str | None:
    """An old-style webhook names no workflow file; the signed claims of the run's own messages do."""
    return event.workflow_path or (sent[0].workflow_path if sent else None)
