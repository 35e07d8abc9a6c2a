"""What happens in a trace, as OpenTelemetry's spans: message, event, decision, dispatch, confirm, complete. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from zekt_backend.rules.lifecycle import Fact, Status, target
from zekt_backend.rules.records import Answer, RunEvent, RunKey
from zekt_backend.rules.trace import Begun, Context, of_attempt, of_event, parse, span_id

About = Mapping[str, str | int | bool | None]
"""Ids, counts and statuses; never a word of a message, and no name that somebody chose."""


@dataclass(frozen=True, slots=True)
class Span:
    name: str
    own: Context
    parent: str | None
    began: datetime
    ended: datetime
    failed: bool
    about: About


def message(begun: Begun, key: RunKey, event_id: str, began: datetime, ended: datetime, *, late: bool) -> Span:
    """A message was taken in; below what its sender was at, or the dispatch that caused it."""
    about = {"event_id": event_id, **_run(key), "late": late}
    return Span("message", begun.own, begun.parent, began, ended, failed=False, about=about)


def event(trace_id: str, told: RunEvent, first: Context | None, began: datetime, ended: datetime) -> Span:
    """GitHub has said that a run has ended; below the first message of that run."""
    about = {"guid": told.guid, **_run(told.key), "conclusion": told.conclusion}
    parent = first.span_id if first else None
    return Span("event", of_event(trace_id, told.guid), parent, began, ended, failed=False, about=about)


def decision(
    place: Context, parent: str, key: RunKey, began: datetime, ended: datetime, *, outcome: str, deliveries: int
) -> Span:
    """It was decided who gets what; below the event, or the message that came after it."""
    about = {**_run(key), "outcome": outcome, "deliveries": deliveries}
    return Span("decision", place, parent, began, ended, failed=False, about=about)


def dispatch(envelope: Mapping[str, Any], attempt: int, answer: Answer, began: datetime, ended: datetime) -> list[Span]:
    """GitHub was asked; below the decision. Of a hidden provider it is the first of its trace."""
    place = parse(envelope.get("traceparent"))
    if place is None:
        return []
    about = {
        "delivery_id": envelope["deliveryId"],
        "correlation_id": envelope["correlationId"],
        "attempt": attempt,
        "category": answer.category,
        "http_status": answer.http_status,
        "is_replay": envelope["isReplay"],
    }
    own = of_attempt(place.trace_id, envelope["deliveryId"], attempt)
    parent = place.span_id if envelope["provider"] else None
    return [Span("dispatch", own, parent, began, ended, not answer.accepted, about)]


_STEPS = {
    # What ends it, and the column that says since when.
    Fact.CONFIRMED: ("confirm", "dispatched_at"),
    Fact.COMPLETED: ("complete", "confirmed_at"),
    Fact.RUN_FAILED: ("complete", "confirmed_at"),
    Fact.OVERDUE: ("complete", "confirmed_at"),
}


def step(delivery_id: str, fact: Fact, attempt: int, row: Mapping[str, Any], now: datetime) -> list[Span]:
    """The consumer's run has started, below the dispatch and since then; or has ended, below and since the confirm.

    Args:
        delivery_id: whose.
        fact: what happened; others than these have no span.
        attempt: of its last dispatch.
        row: `traceparent`, `dispatched_at` and `confirmed_at`.
        now: when.
    """
    place = parse(row["traceparent"])
    if place is None or fact not in _STEPS:
        return []
    name, since = _STEPS[fact]
    confirm = span_id("confirm", delivery_id)
    parent = of_attempt(place.trace_id, delivery_id, attempt).span_id if name == "confirm" else confirm
    own = Context(place.trace_id, confirm if name == "confirm" else span_id("complete", delivery_id))
    status = target(fact)
    about = {"delivery_id": delivery_id, "status": status.value, "fact": fact.value}
    return [Span(name, own, parent, row[since] or now, now, status is Status.FAILED, about)]


def _run(key: RunKey) -> dict[str, str | int | bool | None]:
    return {"repository_id": key.repository_id, "correlation_id": key.correlation_id, "run_attempt": key.run_attempt}
