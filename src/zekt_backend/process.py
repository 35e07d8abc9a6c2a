"""One process: the API, the worker, or both, until a signal ends it."""

import asyncio
import gc
import signal
import socket
import time
from collections.abc import Callable
from contextlib import ExitStack, suppress
from typing import TYPE_CHECKING

import structlog
from psycopg.conninfo import make_conninfo
from psycopg.pq import PGconn, Ping

from zekt_backend import worker
from zekt_backend.broker import Broker
from zekt_backend.errors import ZektError
from zekt_backend.settings import Settings
from zekt_backend.store import schema
from zekt_backend.store.server import External, hosted

if TYPE_CHECKING:
    from zekt_backend.store.embedded import Embedded

log = structlog.get_logger()


_LOOK_SECONDS = 2.0

_GARBAGE = 10_000
"""Objects made, and not gone, after which Python looks for those that hold each other."""

_START_PATIENCE = 10.0
"""Seconds that a server is waited for which is not there yet, or recovering from a crash.

Long enough that a supervisor which gives up on what ends five times in ten seconds (systemd's default) never does;
short enough that who wrote the address wrongly is told so while still looking.
"""


def run(settings: Settings, *, api: bool, work: bool) -> None:
    """Migrate, then serve and work until SIGINT or SIGTERM."""
    settings.require_public_url(api=api)
    if api and settings.webhook_secret is None:
        log.warning(
            "webhooks_off", why="ZEKT_WEBHOOK_SECRET is not set, and GitHub repeats no webhook it cannot deliver"
        )
    if api and settings.admin_token is None:
        log.warning("management_off", why="ZEKT_ADMIN_TOKEN is not set")
    with hosted(settings) as server:
        _await_server(server.url)
        schema.migrate(server.url)
        with asyncio.Runner(loop_factory=new_loop) as runner:
            runner.run(_until_signalled(settings, server, api=api, work=work))


def new_loop() -> asyncio.AbstractEventLoop:
    """uvloop's, which does the same for less, where there is one: not on Windows."""
    try:
        import uvloop  # noqa: PLC0415 — not for commands that serve nothing
    except ImportError:
        return asyncio.new_event_loop()
    loop: asyncio.AbstractEventLoop = uvloop.new_event_loop()
    return loop


def _await_server(url: str) -> None:
    """Return once it takes connections, or when it is for the connection itself to say what is wrong."""
    pinged = make_conninfo(url, connect_timeout=5).encode()
    deadline = time.monotonic() + _START_PATIENCE
    told = False
    while PGconn.ping(pinged) in (Ping.REJECT, Ping.NO_RESPONSE) and time.monotonic() < deadline:
        if not told:
            log.warning("waiting_for_database", seconds=_START_PATIENCE)
            told = True
        time.sleep(0.2)


async def _until_signalled(settings: Settings, server: "Embedded | External", *, api: bool, work: bool) -> None:
    stopping = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stopping.set)
    keeper = None if isinstance(server, External) else asyncio.create_task(_keep_alive(server, stopping))
    try:
        await run_until(stopping, settings, server.url, api=api, work=work, started=_settled)
    finally:
        if keeper is not None:
            keeper.cancel()
    log.info("stopped")


def _settled(_broker: Broker) -> None:
    """What is there now stays: modules, models, routes. To look through it for garbage took 0.1 s each time.

    And a batch makes more objects than the 700 after which Python looks: nearly all of them go by themselves.
    """
    gc.freeze()
    gc.set_threshold(_GARBAGE)


async def _keep_alive(embedded: "Embedded", stopping: asyncio.Event) -> None:
    """Nobody else looks after the embedded server: when it dies under us, start it again on the same socket."""
    while not stopping.is_set():
        with suppress(TimeoutError):
            await asyncio.wait_for(stopping.wait(), _LOOK_SECONDS)
        if stopping.is_set() or embedded.is_alive:
            continue
        log.warning("embedded_database_died", pid=embedded.pid)
        try:
            await asyncio.to_thread(embedded.revive)
            log.info("embedded_database_revived", pid=embedded.pid)
        except ZektError as error:
            log.warning("embedded_database_down", detail=error.detail)


async def run_until(
    stopping: asyncio.Event,
    settings: Settings,
    url: str,
    *,
    api: bool,
    work: bool,
    started: Callable[[Broker], None],
) -> None:
    """Serve and work on a migrated database until `stopping` is set; `started` hears when it can be used."""
    with ExitStack() as sockets:
        # Without an API there is a port for metrics alone, where one is set.
        port = settings.port if api else settings.metrics_port
        listening = None if port is None else sockets.enter_context(_listen(settings.host, port))
        if listening is not None:
            settings = settings.model_copy(update={"port": listening.getsockname()[1]})
        broker = Broker.build(settings, url)
        await broker.open()
        try:
            if work:
                broker.dispatcher.prepare()
            async with asyncio.TaskGroup() as tasks:
                if listening is not None:
                    # The API and the console: 7 MB, which a worker without a port has no use for.
                    from zekt_backend import serving  # noqa: PLC0415

                    tasks.create_task(serving.serve(broker, listening, stopping, api=api))
                if work:
                    tasks.create_task(worker.run(broker, stopping))
                log.info("started", api=api, worker=work, url=settings.address if listening else None)
                started(broker)
        finally:
            await broker.close()


def _listen(host: str, port: int) -> socket.socket:
    """Bound before anything starts, so that a taken port is one clear error and port 0 is known to all."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # Named as TCP, else asyncio leaves Nagle's algorithm on, and each answer after a connection's first waits 40 ms for
    # the client's delayed acknowledgement: https://github.com/python/cpython/blob/v3.11.0/Lib/asyncio/base_events.py
    listening = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((host, port))
        listening.listen(2048)
    except OSError as error:
        listening.close()
        raise ZektError(
            "settings_invalid",
            f"Cannot listen on {host}:{port}: {error.strerror}. Set ZEKT_HOST and ZEKT_PORT (or --host and --port) to"
            " an address that is free; for a worker, ZEKT_METRICS_PORT (or --metrics-port).",
        ) from None
    return listening
