"""The pool, and transactions on it."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from itertools import chain, repeat
from typing import Any, LiteralString, Self, TypeVar

import psycopg
from psycopg.rows import DictRow, dict_row
from psycopg.sql import SQL, Composed
from psycopg_pool import AsyncConnectionPool, PoolTimeout

from zekt_backend.rules.records import RunKey

Result = TypeVar("Result")

_RETRY_SECONDS = (0.05, 0.2, 0.5, 1.0, 2.0)
"""Waits between tries; the last one repeats."""

Tx = psycopg.AsyncConnection[DictRow]
"""A connection inside a transaction: what is written through it commits or rolls back as one."""


class Database:
    """Connections for flows. Autocommit outside transactions, as the job engine's driver requires."""

    def __init__(self, url: str, *, size: int = 10) -> None:
        self.url = url
        self._pool: AsyncConnectionPool[Tx] = AsyncConnectionPool(
            url,
            connection_class=psycopg.AsyncConnection[DictRow],
            min_size=min(2, size),
            max_size=size,
            # A caller that waits longer is told so (503) instead of piling up.
            timeout=5.0,
            open=False,
            kwargs={"autocommit": True, "row_factory": dict_row, "application_name": "zekt"},
            check=AsyncConnectionPool.check_connection,
        )

    async def open(self) -> Self:
        await self._pool.open(wait=True, timeout=30.0)
        return self

    async def close(self) -> None:
        await self._pool.close()

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Tx]:
        async with self._pool.connection() as connection, connection.transaction():
            yield connection

    async def persistently(self, work: Callable[[Tx], Awaitable[Result]], *, patience: float) -> Result:
        """A transaction that is tried again, for up to `patience` seconds, while the database is away or at odds.

        `work` may run several times; only the last run's writes stand.

        Raises:
            psycopg.OperationalError: the trouble outlasted the patience. So does PoolTimeout.
        """
        loop = asyncio.get_running_loop()
        deadline = loop.time() + patience
        for wait in chain(_RETRY_SECONDS, repeat(_RETRY_SECONDS[-1])):
            try:
                async with self.transaction() as tx:
                    return await work(tx)
            except (psycopg.OperationalError, psycopg.InterfaceError, PoolTimeout):
                if loop.time() + wait > deadline:
                    raise
                await asyncio.sleep(wait)
        raise AssertionError("the waits never end")

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[Tx]:
        """A connection without a transaction, for single SELECTs."""
        async with self._pool.connection() as connection:
            yield connection


@asynccontextmanager
async def one_connection(url: str) -> AsyncIterator[Tx]:
    """For a command that asks once: no pool, and no waiting for a server that is not there."""
    connection = await psycopg.AsyncConnection.connect(
        url, autocommit=True, row_factory=dict_row, application_name="zekt", connect_timeout=10
    )
    async with connection:
        yield connection


async def lock_run(tx: Tx, key: RunKey) -> None:
    """Take turns per run: an event and its messages that arrive at the same moment must see each other."""
    name = f"run:{key.repository_id}:{key.run_id}:{key.run_attempt}"
    await tx.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", (name,))


async def one(tx: Tx, query: LiteralString | SQL | Composed, params: Any = None) -> DictRow | None:
    """The row, or None. `query` is always a constant: values travel as parameters."""
    cursor = await tx.execute(query, params)
    return await cursor.fetchone()


async def many(tx: Tx, query: LiteralString | SQL | Composed, params: Any = None) -> list[DictRow]:
    """All rows. `query` is always a constant: values travel as parameters."""
    cursor = await tx.execute(query, params)
    return await cursor.fetchall()


async def changed(tx: Tx, query: LiteralString | SQL | Composed, params: Any = None) -> bool:
    """Run a write that touches at most one row, and say whether it did. Nought rows: somebody was first."""
    cursor = await tx.execute(query, params)
    return cursor.rowcount == 1
