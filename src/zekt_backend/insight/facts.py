"""What becomes of a happening once it is committed: it is counted, and what has no other line gets its own."""

import time
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import structlog

from zekt_backend.flows.receive_event import EventReceipt
from zekt_backend.insight.metrics import Metrics
from zekt_backend.log import milliseconds
from zekt_backend.rules.answers import printable
from zekt_backend.rules.happenings import Happening, Made, Managed, Moved, Planned, Tried
from zekt_backend.rules.lifecycle import ENDED, Fact, Status
from zekt_backend.rules.records import Answer, RunEvent
from zekt_backend.rules.spans import Span
from zekt_backend.tracing import Tracer

log = structlog.get_logger()

Receive = Callable[[RunEvent], Awaitable[EventReceipt]]

_LONGEST = 300
"""Characters of a subject: paths of workflows, and names that people chose."""


def tell(metrics: Metrics, tracer: Tracer, happening: Happening) -> None:
    """Count it, log it where nobody else does, and let whoever collects spans have it."""
    match happening:
        case Span():
            tracer.record(happening)
        case Tried(outcome):
            metrics.attempts.labels(outcome).inc()
        case Planned(wait):
            metrics.pacing.observe(max(wait.total_seconds(), 0.0))
        case Made(count):
            metrics.deliveries.labels(Status.PENDING.value).inc(count)
        case Moved():
            _moved(metrics, happening)
        case Managed(actor, action, subject, account_id):
            log.info(
                "changed", actor=actor, action=action, subject=printable(subject[:_LONGEST]), account_id=account_id
            )


def _moved(metrics: Metrics, moved: Moved) -> None:
    metrics.deliveries.labels(moved.status.value).inc()
    if moved.fact is Fact.ACCEPTED and moved.dispatches == 1:
        metrics.dispatch.observe(max(moved.age.total_seconds(), 0.0))
    if moved.status is Status.FAILED:
        metrics.failures.labels(moved.failure or "").inc()
    if moved.status in ENDED:
        log.info(
            "delivery_ended",
            delivery_id=moved.delivery_id,
            correlation_id=moved.correlation_id,
            consumer_id=moved.consumer_id,
            status=moved.status.value,
            fact=moved.fact.value,
            failure=moved.failure,
            attempts=moved.attempts,
            dispatches=moved.dispatches,
            age_seconds=round(moved.age.total_seconds(), 3),
        )


def received(event: RunEvent, receipt: EventReceipt, *, by: str, began: float) -> None:
    """A run has ended, and what follows from it was decided. `began` is a reading of `time.perf_counter`."""
    log.info(
        "event_received",
        by=by,
        guid=event.guid,
        repository_id=event.key.repository_id,
        run_id=event.key.run_id,
        run_attempt=event.key.run_attempt,
        outcome=receipt.outcome,
        against=receipt.against,
        deliveries=receipt.deliveries,
        ended=receipt.ended,
        duration_ms=milliseconds(began),
    )


def told(receive: Receive) -> Receive:
    """The same, and each event that is found has the line that its webhook would have had."""

    async def found(event: RunEvent) -> EventReceipt:
        began = time.perf_counter()
        receipt = await receive(event)
        received(event, receipt, by="reconcile", began=began)
        return receipt

    return found


def answered(metrics: Metrics, answer: Answer, consumer: str, envelope: Mapping[str, Any], began: float) -> None:
    """GitHub was asked for a dispatch. `began` is a reading of `time.perf_counter`."""
    metrics.github.observe(time.perf_counter() - began)
    log.info(
        "dispatch_answered",
        delivery_id=envelope["deliveryId"],
        correlation_id=envelope["correlationId"],
        attempt=envelope["attempt"],
        consumer=consumer,
        category=answer.category,
        http_status=answer.http_status,
        github_request_id=answer.request_id,
        duration_ms=milliseconds(began),
    )
