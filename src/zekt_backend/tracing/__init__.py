"""OpenTelemetry spans, where the extra `otel` is installed and somebody wants them; else nothing at all."""

import structlog

from zekt_backend.rules.spans import Span

log = structlog.get_logger()


class Tracer:
    """Takes spans, and does nothing with them."""

    def record(self, span: Span) -> None:
        """Never raises, and never waits."""

    def close(self) -> None:
        """Send what is left, within seconds."""


def start(endpoint: str | None) -> Tracer:
    """A tracer that sends to this collector, by OTLP over HTTP; one that does nothing where there is no address.

    The address is of the collector, without `/v1/traces`; headers, queue and sampler are for the SDK's own variables.
    """
    if endpoint is None:
        return Tracer()
    try:
        # Nothing of the SDK is loaded where nobody wants spans.
        from zekt_backend.tracing.sending import Sending  # noqa: PLC0415
    except ImportError as error:
        why = "The extra is not installed: pip install '.[backend,otel]' in a checkout. Until then no spans are sent."
        log.warning("tracing_off", why=why, missing=error.name)
        return Tracer()
    return Sending(endpoint)
