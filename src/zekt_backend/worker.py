"""The job table: what the engine runs, and when. Any number of processes may run it on one database."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict
from datetime import timedelta
from functools import partial
from typing import TypeVar

import psycopg
import structlog
from pgqueuer import PgQueuer
from pgqueuer.errors import FailingListenerError, RetryRequested
from pgqueuer.models import Job, Schedule

from zekt_backend.broker import Broker, dice
from zekt_backend.errors import ZektError
from zekt_backend.flows import replay_many
from zekt_backend.flows.close_days import close_days
from zekt_backend.flows.deliver import Deliverer
from zekt_backend.flows.replay import Terms
from zekt_backend.flows.retain import Kept, retain
from zekt_backend.flows.settle import settle
from zekt_backend.flows.sweep import sweep
from zekt_backend.flows.tidy import tidy
from zekt_backend.github.metered import SetAsideError
from zekt_backend.ids import new_delivery_id
from zekt_backend.log import milliseconds
from zekt_backend.store import engine as engine_connection
from zekt_backend.store import jobs
from zekt_backend.store.database import is_trouble
from zekt_backend.store.looks import Looks

log = structlog.get_logger()

_MINUTE = 60

_AHEAD = 2
"""Jobs that a look at the queue takes up, for each try that may be on its way: the next are there when those end."""

_RECONNECT = (0.2, 0.5, 1.0, 2.0)
"""Seconds between tries to reach the database again; the last one repeats."""

Woken = TypeVar("Woken", Job, Schedule)

_TROUBLE_WAIT = timedelta(seconds=2)
_ASIDE = timedelta(minutes=1)
"""Until GitHub is asked again that did not answer, or has little left for us."""


async def run(broker: Broker, stopping: asyncio.Event) -> None:
    """Work until told to stop. A database that goes away is waited for, as often as it takes."""
    failures = 0

    def connected() -> None:
        nonlocal failures
        failures = 0

    while not stopping.is_set():
        try:
            await _run_once(broker, stopping, connected)
        except (OSError, psycopg.Error, FailingListenerError) as error:
            wait = _RECONNECT[min(failures, len(_RECONNECT) - 1)]
            failures += 1
            log.warning("worker_lost_database", error=type(error).__name__, retry_in=wait)
            with suppress(TimeoutError):
                await asyncio.wait_for(stopping.wait(), wait)


async def _run_once(broker: Broker, stopping: asyncio.Event, connected: Callable[[], None]) -> None:
    async with engine_connection.connect(broker.db.url) as driver:
        connected()
        engine = PgQueuer(driver, queries=Looks(driver))
        log.info("worker_connected", queue_manager=str(engine.qm.queue_manager_id))
        running: set[asyncio.Task[None]] = set()
        _install(engine, broker, running)
        watchers = [asyncio.create_task(_stop(engine, stopping)), asyncio.create_task(_let_go(driver.lost, running))]
        try:
            heartbeat = broker.settings.worker_heartbeat
            await engine.run(
                # A dead worker's jobs are noticed at a look at the queue: look often enough.
                dequeue_timeout=heartbeat / 3,
                batch_size=_AHEAD * broker.settings.worker_threads,
                max_concurrent_tasks=2 * _AHEAD * broker.settings.worker_threads,
                heartbeat_timeout=heartbeat,
                shutdown_on_listener_failure=True,
                # It would write each line of its log once more, into counts that nobody here reads.
                log_aggregation_interval=timedelta(0),
            )
        finally:
            for watcher in watchers:
                watcher.cancel()


async def _stop(engine: PgQueuer, stopping: asyncio.Event) -> None:
    await stopping.wait()
    engine.shutdown.set()


def _install(engine: PgQueuer, broker: Broker, running: set[asyncio.Task[None]]) -> None:
    deliver = partial(_deliver, broker=broker, tries=deliverer(broker))
    engine.entrypoint(jobs.DELIVER)(_noted(deliver, running))
    engine.entrypoint(jobs.SETTLE)(_noted(partial(_settle, broker=broker), running))
    engine.entrypoint(jobs.INSTALLATION)(_noted(partial(_read, read=broker.read_installation), running))
    engine.entrypoint(jobs.REPOSITORY)(_noted(partial(_read, read=broker.read_repository), running))
    engine.entrypoint(jobs.NOTIFY)(_noted(partial(_notify, broker=broker), running))
    engine.entrypoint(jobs.REPLAY)(_noted(partial(_replay, broker=broker), running))
    # The sixth field of the engine's cron expressions is seconds.
    every = f"* * * * * */{broker.settings.sweep_seconds}"
    engine.schedule("sweep", every)(_noted(partial(_sweep, broker=broker), running))
    engine.schedule("notices", every)(_noted(partial(_gather_notices, broker=broker), running))
    engine.schedule("criticals", "*/5 * * * *")(_noted(partial(_tell_critical, broker=broker), running))
    if broker.settings.reconcile_seconds:
        round_ = partial(_reconcile, broker=broker, stopped=engine.shutdown.is_set)
        engine.schedule("reconcile", _every(broker.settings.reconcile_seconds))(_noted(round_, running))
    engine.schedule("tidy", "7,17,27,37,47,57 * * * *")(_noted(partial(_tidy, broker=broker), running))
    engine.schedule("retain", "22,52 * * * *")(_noted(partial(_retain, broker=broker), running))
    engine.schedule("close_days", "2,12,22,32,42,52 * * * *")(_noted(partial(_close_days, broker=broker), running))


def _noted(
    work: Callable[[Woken], Awaitable[None]], running: set[asyncio.Task[None]]
) -> Callable[[Woken], Awaitable[None]]:
    async def run(woken: Woken) -> None:
        task = asyncio.current_task()
        if task is None:
            raise AssertionError("the engine runs each job as a task")
        running.add(task)
        try:
            await work(woken)
        finally:
            running.discard(task)

    return run


async def _let_go(lost: asyncio.Event, running: set[asyncio.Task[None]]) -> None:
    """Cancel the jobs when the engine's connection breaks: it waits for all of them before it ends.

    One may wait for GitHub, another for the database, and meanwhile nobody here would take over from a worker that
    died. Nothing is written down of what is cancelled, so all of it is picked up again.
    """
    await lost.wait()
    for task in running:
        task.cancel()


def _every(seconds: int) -> str:
    """As a cron expression: so many seconds, or from a minute on so many whole minutes."""
    return f"* * * * * */{seconds}" if seconds < _MINUTE else f"*/{seconds // _MINUTE} * * * *"


def _delivery_id(job: Job) -> str:
    return (job.payload or b"").decode()


async def _deliver(job: Job, broker: Broker, tries: Deliverer) -> None:
    # The engine cancels its jobs when it loses the database; what was asked of GitHub is still written down. Woken
    # again meanwhile, the job waits for the try that it began, which would be taken for a dead worker's otherwise.
    delivery_id = _delivery_id(job)
    trying = broker.under_way.get(delivery_id) or _try(delivery_id, job.id, broker, tries)
    with _kept_in_trouble():
        wait = await asyncio.shield(trying)
    if wait is not None:
        raise RetryRequested(delay=max(wait, timedelta(0)), reason="the next try is owed later")


def deliverer(broker: Broker) -> Deliverer:
    """Makes tries, on the jobs' own connections."""
    return Deliverer(
        db=broker.work_db,
        clock=broker.clock,
        send=broker.send,
        dice=dice,
        pace=broker.pace,
        shipping=broker.shipping,
        at_once=broker.settings.worker_threads,
    )


def _try(delivery_id: str, job_id: int, broker: Broker, tries: Deliverer) -> "asyncio.Future[timedelta | None]":
    trying = asyncio.ensure_future(tries.deliver(delivery_id, job_id))
    broker.under_way[delivery_id] = trying
    trying.add_done_callback(lambda _: broker.under_way.pop(delivery_id, None))
    return trying


@contextmanager
def _kept_in_trouble() -> Iterator[None]:
    """The engine forgets a job that failed. One that the database failed is owed, and woken again soon."""
    try:
        yield
    except psycopg.Error as error:
        if not is_trouble(error):
            raise
        raise RetryRequested(delay=_TROUBLE_WAIT, reason=f"the database: {type(error).__name__}") from error


async def _settle(job: Job, broker: Broker) -> None:
    try:
        with _kept_in_trouble():
            await settle(_delivery_id(job), db=broker.work_db, clock=broker.clock, ask=broker.ask)
    except ZektError as error:
        # GitHub did not say; the row's own due time brings this delivery back.
        log.warning("settle_postponed", delivery_id=_delivery_id(job), code=error.code)


async def _notify(_job: Job, broker: Broker) -> None:
    with _kept_in_trouble():
        wait = await broker.notifier.notify()
    if wait is not None:
        raise RetryRequested(delay=wait, reason="more may be due")


async def _gather_notices(_schedule: Schedule, broker: Broker) -> None:
    began = time.perf_counter()
    if made := await broker.notifier.gather():
        log.info("notices_made", notices=made, duration_ms=milliseconds(began))


async def _tell_critical(_schedule: Schedule, broker: Broker) -> None:
    began = time.perf_counter()
    if made := await broker.notifier.tell_critical():
        log.info("criticals_told", notices=made, duration_ms=milliseconds(began))


async def _read(job: Job, read: Callable[..., Awaitable[timedelta | None]]) -> None:
    """What GitHub does not tell now is asked for again later; what it refuses, by the next round of reconciling."""
    ids, began = [int(part) for part in (job.payload or b"").decode().split(":")], time.perf_counter()
    try:
        with _kept_in_trouble():
            wait = await read(*ids)
    except psycopg.errors.UniqueViolation:
        raise RetryRequested(delay=_TROUBLE_WAIT, reason="somebody else wrote the same") from None
    except SetAsideError:
        raise RetryRequested(delay=_ASIDE, reason="GitHub's limit is near") from None
    except ZektError as error:
        log.warning(
            "installation_unread", ids=ids, code=error.code, detail=error.detail, duration_ms=milliseconds(began)
        )
        if error.code != "github_unavailable":
            return
        raise RetryRequested(delay=_ASIDE, reason=error.code) from error
    log.info("installation_read", ids=ids, again=wait is not None, duration_ms=milliseconds(began))
    if wait is not None:
        raise RetryRequested(delay=wait, reason="something was told meanwhile")


async def _replay(job: Job, broker: Broker) -> None:
    replay_id, terms = int((job.payload or b"").decode()), Terms(broker.timings, broker.settings.payload_retention)
    with _kept_in_trouble():
        wait = await replay_many.go_on(
            replay_id, db=broker.work_db, clock=broker.clock, new_id=new_delivery_id, terms=terms, ask=broker.ask_role
        )
    if wait is not None:
        raise RetryRequested(delay=wait, reason="the next of many replays")


async def _sweep(_schedule: Schedule, broker: Broker) -> None:
    began = time.perf_counter()
    swept = await sweep(db=broker.work_db, clock=broker.clock)
    if swept.unheard or swept.settling or swept.rearmed:
        log.info(
            "swept",
            unheard=swept.unheard,
            settling=swept.settling,
            rearmed=swept.rearmed,
            duration_ms=milliseconds(began),
        )


async def _reconcile(_schedule: Schedule, broker: Broker, stopped: Callable[[], bool]) -> None:
    # The broker tells how it went. None: somebody does it by hand just now.
    await broker.reconcile(stopped=stopped)


async def _tidy(_schedule: Schedule, broker: Broker) -> None:
    began = time.perf_counter()
    log.info("tidied", rows=await tidy(db=broker.work_db, clock=broker.clock), duration_ms=milliseconds(began))


async def _retain(_schedule: Schedule, broker: Broker) -> None:
    began = time.perf_counter()
    gone = await retain(Kept.of(broker.settings), db=broker.work_db, clock=broker.clock)
    log.info("retained", **asdict(gone), duration_ms=milliseconds(began))


async def _close_days(_schedule: Schedule, broker: Broker) -> None:
    began = time.perf_counter()
    if days := await close_days(db=broker.work_db, clock=broker.clock):
        log.info("days_closed", days=days, duration_ms=milliseconds(began))
