"""Sends spans by OpenTelemetry's SDK.

Spans are made of what is committed, with ids that all processes know (`rules/trace.py`). They wait in a bounded queue
and are sent by a thread of the SDK's: a collector that is slow, or gone, costs spans and nothing else.
"""

import threading
from datetime import datetime

import structlog
from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import SERVICE_NAME, Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.sdk.trace.id_generator import IdGenerator

from zekt_backend.rules.spans import Span
from zekt_backend.tracing import Tracer

log = structlog.get_logger()

_LAST_SECONDS = 3.0
"""How long the end of a process waits for the last spans to be sent."""


class _Given(IdGenerator):
    """The ids of the span that is about to be made."""

    trace_id = span_id = 0

    def generate_trace_id(self) -> int:
        return self.trace_id

    def generate_span_id(self) -> int:
        return self.span_id


class Sending(Tracer):
    """Takes spans, and has them sent to a collector at `endpoint`."""

    def __init__(self, endpoint: str) -> None:
        self._ids, self._lock = _Given(), threading.Lock()
        known = Resource.create()
        named = not str(known.attributes[SERVICE_NAME]).startswith("unknown_service")
        self._provider = TracerProvider(
            resource=known if named else known.merge(Resource({SERVICE_NAME: "zekt"})),
            id_generator=self._ids,
            shutdown_on_exit=False,
        )
        exporter = OTLPSpanExporter(endpoint=f"{endpoint.rstrip('/')}/v1/traces")
        self._provider.add_span_processor(BatchSpanProcessor(exporter))
        self._tracer = self._provider.get_tracer("zekt")

    def record(self, span: Span) -> None:
        try:
            self._record(span)
        except Exception as error:  # noqa: BLE001 - what is committed does not fail for a span
            log.warning("span_lost", name=span.name, error=type(error).__name__)

    def _record(self, span: Span) -> None:
        context, trace_id = Context(), int(span.own.trace_id, 16)
        if span.parent is not None:
            sampled = trace.TraceFlags(trace.TraceFlags.SAMPLED)
            before = trace.SpanContext(trace_id, int(span.parent, 16), is_remote=True, trace_flags=sampled)
            context = trace.set_span_in_context(trace.NonRecordingSpan(before), context)
        with self._lock:
            self._ids.trace_id, self._ids.span_id = trace_id, int(span.own.span_id, 16)
            made = self._tracer.start_span(span.name, context, start_time=_nanoseconds(span.began))
        made.set_attributes({f"zekt.{name}": value for name, value in span.about.items() if value is not None})
        if span.failed:
            made.set_status(trace.StatusCode.ERROR)
        made.end(_nanoseconds(max(span.began, span.ended)))

    def close(self) -> None:
        # A collector that accepts and never answers would hold up the SDK's own end for longer.
        last = threading.Thread(target=self._provider.shutdown, name="spans", daemon=True)
        last.start()
        last.join(_LAST_SECONDS)


def _nanoseconds(at: datetime) -> int:
    return int(at.timestamp() * 1_000_000) * 1_000
