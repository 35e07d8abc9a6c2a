"""A process's HTTP: uvicorn on a socket that the process listens on."""

import asyncio
import socket
from collections.abc import Iterator
from contextlib import contextmanager

import uvicorn

from zekt_backend import routes
from zekt_backend.api.connection import Connection
from zekt_backend.app import create_app
from zekt_backend.broker import Broker


class _Server(uvicorn.Server):
    """Signals are the process's business, not the server's."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


async def serve(broker: Broker, listening: socket.socket, stopping: asyncio.Event, *, api: bool) -> None:
    """Answer on this socket until `stopping` is set: the whole API, or what watches the process alone."""
    config = uvicorn.Config(
        create_app(broker, routes.TABLE if api else routes.WATCHED),
        http=Connection,
        ws="none",
        log_config=None,
        access_log=False,
        lifespan="off",
        server_header=False,
        timeout_graceful_shutdown=10,
        limit_concurrency=1000,
    )
    server = _Server(config)
    stopper = asyncio.create_task(_stop(server, stopping))
    try:
        await server.serve(sockets=[listening])
    finally:
        stopper.cancel()


async def _stop(server: uvicorn.Server, stopping: asyncio.Event) -> None:
    await stopping.wait()
    server.should_exit = True
