"""The job engine's way to the database."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Self

import psycopg
from pgqueuer.db import PsycopgDriver
from pgqueuer.ports.driver import NotifyCallback

from zekt_backend.store.database import PATIENCE_OF_THE_SERVER, dialled
from zekt_backend.store.plans import BY_INDEX

# What was queued is dead within moments, and stays in the indexes until autovacuum comes by, a minute later or more. A
# bitmap scan visits all of it each time; a plain one marks what it finds dead, and the next passes it over.
_PLAIN_SCANS = "set_config('enable_bitmapscan', 'off', false)"
# The engine asks the same few things over and over.
_ONCE = "set_config('plan_cache_mode', 'force_generic_plan', false)"


class SplitDriver(PsycopgDriver):
    """Queries on one connection, LISTEN on another.

    psycopg holds a connection's lock while it waits for notifications, and the engine's own driver waits for a
    second at a time: on one connection every look at the queue would wait with it.
    """

    def __init__(self, queries: psycopg.AsyncConnection, listening: psycopg.AsyncConnection) -> None:
        super().__init__(queries)
        self._ears = PsycopgDriver(listening)
        self.lost = asyncio.Event()
        """Set when the connection for queries has broken: nothing is read or written through it any more."""
        self.heard = 0
        """Notifications that have come."""
        self.listening = asyncio.Event()
        """Set when notifications come in: what is sent before that is heard by nobody."""
        self._told: list[NotifyCallback] = []

    async def fetch(self, query: str, *args: object) -> list[dict[str, object]]:
        try:
            return await super().fetch(query, *args)
        finally:
            self._look()

    async def execute(self, query: str, *args: object) -> str:
        try:
            return await super().execute(query, *args)
        finally:
            self._look()

    def _look(self) -> None:
        if self._connection.broken:
            self.lost.set()

    async def add_listener(self, channel: str, callback: NotifyCallback) -> None:
        await self._ears.add_listener(channel, self._count)
        await self._ears.add_listener(channel, callback)
        self._told.append(callback)
        self.listening.set()

    def _count(self, _payload: str | bytes | bytearray) -> None:
        self.heard += 1

    async def remove_listener(self, channel: str, callback: NotifyCallback) -> None:
        await self._ears.remove_listener(channel, self._count)
        await self._ears.remove_listener(channel, callback)
        self._told.remove(callback)

    def tell(self, payload: str) -> None:
        """To the listeners of this process, as if the database had."""
        for callback in self._told:
            callback(payload)

    async def __aenter__(self) -> Self:
        await self._ears.__aenter__()
        return await super().__aenter__()

    async def __aexit__(self, *error: object) -> None:
        # Whoever stops does not wait for the second to pass.
        for task in list(self._ears.tm.tasks):
            task.cancel()
        await self._ears.__aexit__(*error)
        await super().__aexit__(*error)


@asynccontextmanager
async def connect(url: str) -> AsyncIterator[SplitDriver]:
    """A driver for one worker, on two connections of its own."""
    async with await connection(url) as queries, await connection(url) as listening:
        yield SplitDriver(queries, listening)


async def connection(url: str) -> psycopg.AsyncConnection:
    """One of the two."""
    made = await psycopg.AsyncConnection.connect(dialled(url), autocommit=True, application_name="zekt-worker")
    await made.execute(f"{PATIENCE_OF_THE_SERVER}, {_PLAIN_SCANS}, {_ONCE}, {BY_INDEX}")
    return made
