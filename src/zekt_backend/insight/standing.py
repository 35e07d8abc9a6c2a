"""How the broker stands when it is asked: figures of the database, for all processes, and of this process's own."""

import asyncio
import time
from collections.abc import Iterator, Mapping
from typing import Any

import psycopg
import structlog
from prometheus_client.metrics_core import CounterMetricFamily, GaugeMetricFamily, Metric

from zekt_backend.clock import Clock
from zekt_backend.errors import ZektError
from zekt_backend.github.budget import Budgets
from zekt_backend.insight.metrics import Metrics
from zekt_backend.store import figures
from zekt_backend.store.database import Database, bounded
from zekt_backend.store.figures import Figures

log = structlog.get_logger()

KEPT_SECONDS = 5.0
"""However often it is asked, the database is asked no more often than this."""
PATIENCE_SECONDS = 2.0
"""Of the database, and as much again for a connection to it: Prometheus itself waits ten seconds."""

_Samples = Mapping[Any, float]
"""By the values of the labels, a tuple."""


def _gauge(name: str, text: str, samples: _Samples, *labels: str) -> Metric:
    family = GaugeMetricFamily(f"zekt_{name}", text, labels=labels)
    for values, number in samples.items():
        family.add_metric(values, number)
    return family


def _counter(name: str, text: str, samples: _Samples, *labels: str) -> Metric:
    family = CounterMetricFamily(f"zekt_{name}", text, labels=labels)
    for values, number in samples.items():
        family.add_metric(values, number)
    return family


class OfAll:
    """A collector of what the database tells, which is the same whichever process is asked."""

    def __init__(self, db: Database, clock: Clock) -> None:
        self._db, self._clock = db, clock
        self._turn = asyncio.Lock()
        self._read: Figures | None = None
        self._read_at = float("-inf")

    async def look(self) -> None:
        """Read what `collect` gives. Where the database does not answer, all but that is absent."""
        async with self._turn:
            if time.monotonic() >= self._read_at + KEPT_SECONDS:
                self._read = await self._figures()
                self._read_at = time.monotonic()

    async def _figures(self) -> Figures | None:
        try:
            async with (
                asyncio.timeout(2 * PATIENCE_SECONDS),
                self._db.transaction() as tx,
                bounded(tx, PATIENCE_SECONDS),
            ):
                return await figures.read(tx, self._clock.now())
        except (psycopg.Error, ZektError, TimeoutError) as error:
            log.warning("figures_unread", error=type(error).__name__, sqlstate=getattr(error, "sqlstate", None))
            return None

    def collect(self) -> Iterator[Metric]:
        """What prometheus_client asks of a collector."""
        read = self._read
        yield _gauge("database_answers", "Whether the database told the figures of all.", {(): read is not None})
        if read is None:
            return
        by_status = {(status,): number for status, number in read.open.items()}
        yield _gauge(
            "deliveries_open", f"Deliveries to which something is owed, up to {figures.MOST}.", by_status, "status"
        )
        overdue = {(status,): seconds for status, seconds in read.oldest_due.items()}
        yield _gauge(
            "deliveries_oldest_due_seconds", "For how long the most overdue one is overdue.", overdue, "status"
        )
        yield _gauge("jobs", f"Jobs in the queue, up to {figures.MOST}.", read.jobs, "entrypoint", "state")
        yield _gauge("pacing_installations_held", "Installations whose limit GitHub has named.", {(): read.held})
        yield _gauge("pacing_installations_planned", "Installations with writes planned for later.", {(): read.planned})
        yield _gauge("pacing_longest_plan_seconds", "How far off the last planned write is.", {(): read.longest_plan})
        yield _gauge("reconcile_gaps_open", f"Events known to be missing, up to {figures.MOST}.", {(): read.gaps})
        yield _gauge(
            "reconcile_webhooks_owed", f"Failed webhooks that are to come again, up to {figures.MOST}.", {(): read.owed}
        )
        ends = {(name,): at for name, at in read.schedules.items()}
        yield _gauge(
            "schedule_last_run_timestamp_seconds", "When a scheduled job last came to its end.", ends, "schedule"
        )


class OfThis:
    """A collector of this process's connections to the database, and of what GitHub has told it of its budgets."""

    def __init__(self, pools: Mapping[str, Database], budgets: Budgets, clock: Clock, reserve: int) -> None:
        self._pools, self._budgets, self._clock, self._reserve = pools, budgets, clock, reserve

    def collect(self) -> Iterator[Metric]:
        """What prometheus_client asks of a collector."""
        told = {(name,): db.pool() for name, db in self._pools.items()}
        connections = {
            (*pool, state): number
            for pool, stats in told.items()
            for idle in [stats.get("pool_available", 0)]
            for state, number in (("idle", idle), ("used", stats.get("pool_size", 0) - idle))
        }
        yield _gauge("database_connections", "Connections of a pool, by state.", connections, "pool", "state")
        most, waiting, refused, waited = (
            {pool: stats.get(name, 0) for pool, stats in told.items()}
            for name in ("pool_max", "requests_waiting", "requests_errors", "requests_wait_ms")
        )
        yield _gauge("database_connections_max", "Most connections of a pool.", most, "pool")
        yield _gauge("database_waiting", "Who waits for a connection now.", waiting, "pool")
        yield _counter("database_refusals", "Who has waited for a connection in vain.", refused, "pool")
        seconds = {pool: milliseconds / 1000 for pool, milliseconds in waited.items()}
        yield _counter("database_wait_seconds", "Time that was spent waiting for connections.", seconds, "pool")
        outlook = self._budgets.outlook(self._clock.now(), self._reserve)
        lowest = {} if outlook.lowest is None else {(): outlook.lowest}
        yield _gauge("github_budget_lowest", "Requests left this hour to whoever has the fewest.", lowest)
        yield _gauge("github_budgets", "Installations, and the app, whose budget is known here.", {(): outlook.known})
        yield _gauge(
            "github_budgets_reserved", "Those with no more left than is kept for dispatches.", {(): outlook.below}
        )


def install(
    metrics: Metrics, db: Database, work_db: Database, budgets: Budgets, *, clock: Clock, reserve: int
) -> OfAll:
    """Both beside the instruments; gives back the one that wants to look before it is asked."""
    of_all = OfAll(db, clock)
    metrics.registry.register(of_all)
    metrics.registry.register(OfThis({"requests": db, "work": work_db}, budgets, clock, reserve))
    return of_all
