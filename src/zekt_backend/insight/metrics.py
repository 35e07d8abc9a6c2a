"""What this process has seen since it started: counters and histograms, in a registry of its own. docs/metrics.md.

No label holds anything of a tenant's, and each has few values: statuses, categories and codes that stand in our code.
"""

import time
from collections.abc import Iterator
from http import HTTPStatus

from prometheus_client import CollectorRegistry, Counter, Histogram, Info, ProcessCollector
from prometheus_client.exposition import choose_encoder
from prometheus_client.metrics_core import Metric

from zekt_backend import __version__
from zekt_backend.errors import PROBLEMS
from zekt_backend.rules.lifecycle import Status

_SHORT = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)
"""Seconds. GitHub waits ten for the answer to a webhook."""
_LONG = (0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 15, 60, 300, 1800, 7200, 36_000)
"""Seconds: what waits for its pace, or is tried again, takes hours."""

OUTCOMES = (
    "accepted", "auth", "invalid", "lost", "network", "not_found", "permission", "rate_limit", "suspended", "timeout",
    "unavailable", "unexpected",
)  # fmt: skip
"""Of an attempt: the categories of rules/answers.py."""


class Metrics:
    """The instruments. Any thread may use them."""

    def __init__(self) -> None:
        self.registry = own = CollectorRegistry()
        ProcessCollector(registry=own)
        Info("zekt_build", "The broker's version.", registry=own).info({"version": __version__})
        self.deliveries = Counter("zekt_deliveries", "Deliveries that came to a status.", ["status"], registry=own)
        self.failures = Counter("zekt_delivery_failures", "Deliveries that failed, by why.", ["failure"], registry=own)
        self.attempts = Counter("zekt_attempts", "Attempts to dispatch, by their outcome.", ["outcome"], registry=own)
        self.refusals = Counter("zekt_refusals", "Requests that were refused, by error code.", ["code"], registry=own)
        self.github = Histogram(
            "zekt_github_answer_seconds", "How long GitHub took to answer a dispatch.", buckets=_SHORT, registry=own
        )
        self.dispatch = Histogram(
            "zekt_dispatch_seconds",
            "From a delivery's making, in its webhook, to GitHub's first yes.",
            buckets=_LONG,
            registry=own,
        )
        self.pacing = Histogram(
            "zekt_pacing_wait_seconds", "How far off the slot was that a write was given.", buckets=_LONG, registry=own
        )
        self.webhook = Histogram(
            "zekt_webhook_seconds", "From a webhook to our answer.", ["outcome"], buckets=_SHORT, registry=own
        )
        self.message = Histogram(
            "zekt_message_seconds", "From a run's message to our answer.", ["outcome"], buckets=_SHORT, registry=own
        )
        # What has not happened yet is nought, and not absent: a first failure is then an increase like any other.
        for status in Status:
            self.deliveries.labels(status.value)
        for outcome in OUTCOMES:
            self.attempts.labels(outcome)
        for code in PROBLEMS:
            self.refusals.labels(code)
        for outcome in ("delivered", "blocked", "duplicate", "ignored", "news", "refused", "failed"):
            self.webhook.labels(outcome)
        for outcome in ("stored", "late", "duplicate", "refused", "failed"):
            self.message.labels(outcome)

    def webhook_answered(self, outcome: str, began: float) -> None:
        """`began` is a reading of `time.perf_counter`, here and below."""
        self.webhook.labels(outcome).observe(time.perf_counter() - began)

    def message_answered(self, outcome: str, began: float) -> None:
        self.message.labels(outcome).observe(time.perf_counter() - began)

    def refused(self, path: str, code: str, status: int, began: float) -> None:
        """Any request, by the code of its error."""
        self.refusals.labels(code).inc()
        outcome = "failed" if status >= HTTPStatus.INTERNAL_SERVER_ERROR else "refused"
        if path == "/api/github/webhooks":
            self.webhook_answered(outcome, began)
        elif path == "/api/events/receive":
            self.message_answered(outcome, began)

    def text(self, accept: str) -> tuple[bytes, str]:
        """All of it, as the caller can read it: (the text, its content type)."""
        encode, content_type = choose_encoder(accept)
        return encode(_WithoutBirthdays(self.registry)), content_type


class _WithoutBirthdays:
    """The library tells of each counter when it was made, which nobody asks and doubles what is small."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._registry = registry

    def collect(self) -> Iterator[Metric]:
        for metric in self._registry.collect():
            metric.samples = [sample for sample in metric.samples if not sample.name.endswith("_created")]
            yield metric
