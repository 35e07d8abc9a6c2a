"""W3C trace contexts: one trace id for a chain, a span id for each thing that happens in it. Pure.

Span ids are derived from the ids of what they stand for, so that every process knows them and nobody keeps them.
Trace ids are derived from ids that are long and tell nothing of whose they are: neither can be told from the other.
https://www.w3.org/TR/trace-context/
"""

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from zekt_action.limits import TRACEPARENT


@dataclass(frozen=True, slots=True)
class Context:
    """A place in a trace. As text it is a `traceparent`."""

    trace_id: str
    span_id: str

    def __str__(self) -> str:
        # Always sampled: whoever sends a message does not decide what the operator of the broker sees.
        return f"00-{self.trace_id}-{self.span_id}-01"


def parse(text: Any) -> Context | None:
    """None for everything that is not a `traceparent`: strangers wrote it, and it is worth no error."""
    if not isinstance(text, str) or not re.fullmatch(TRACEPARENT, text):
        return None
    _, trace_id, span_id, _ = text.split("-")
    return Context(trace_id, span_id)


def trace_id(opaque: str) -> str:
    """A trace id from an id that tells nothing: of a repository's and a run's anybody could try which they are."""
    return _digest("trace", opaque)[:32]


def span_id(*what: object) -> str:
    """The span id of what these words name."""
    return _digest("span", *what)[:16]


def _digest(*what: object) -> str:
    return hashlib.sha256("\n".join(map(str, what)).encode()).hexdigest()


def of_message(trace: str, event_id: str) -> Context:
    return Context(trace, span_id("message", event_id))


def of_event(trace: str, guid: str) -> Context:
    return Context(trace, span_id("event", guid))


def of_decision(trace: str, guid: str, event_id: str | None = None) -> Context:
    """Of the decision about an event; about a message that came after it, where one is named."""
    return Context(trace, span_id("decision", guid, event_id or ""))


def of_attempt(trace: str, delivery_id: str, attempt: int) -> Context:
    """Of one dispatch: what the run that it starts has for a parent."""
    return Context(trace, span_id("dispatch", delivery_id, attempt))


@dataclass(frozen=True, slots=True)
class Cause:
    """A delivery that started the run of a message; it went to that very repository."""

    correlation_id: str
    delivery_id: str
    attempt: int
    traceparent: str | None

    @property
    def context(self) -> Context | None:
        """Of its last dispatch; None where it was made before there were traces."""
        found = parse(self.traceparent)
        return of_attempt(found.trace_id, self.delivery_id, self.attempt) if found else None


@dataclass(frozen=True, slots=True)
class Known:
    """What is known of a run when one of its messages comes."""

    run: str | None = None
    """The `traceparent` of the first message that it sent."""
    cause: Cause | None = None
    foreign: bool = False
    """The trace that the sender names was begun by somebody else."""


@dataclass(frozen=True, slots=True)
class Begun:
    """Where a message stands, and the span before it."""

    own: Context
    parent: str | None


def begin(event_id: str, known: Known, told: Sequence[Any], *, ended: str | None = None) -> Begun:
    """A run has one trace: its cause's; else the one its sender names, if that is not somebody else's; else a new one.

    Args:
        event_id: the message's own.
        known: what the broker knows by itself.
        told: what the sender calls its `traceparent`, the nearest first.
        ended: the guid of the run's end, where that came before any message.
    """
    named = [context for context in map(parse, told) if context]
    cause = known.cause.context if known.cause else None
    if settled := parse(known.run) or cause:
        trace = settled.trace_id
    elif ended is not None:
        trace = trace_id(ended)
    elif named and not known.foreign:
        trace = named[0].trace_id
    else:
        trace = trace_id(event_id)
    parents = [context.span_id for context in (*named, cause) if context and context.trace_id == trace]
    return Begun(of_message(trace, event_id), parents[0] if parents else None)
