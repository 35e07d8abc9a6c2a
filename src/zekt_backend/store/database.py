"""The pool, transactions on it, and which of its errors pass by themselves."""

import asyncio
import random
from collections.abc import AsyncIterator, Awaitable, Callable, Collection
from contextlib import asynccontextmanager
from functools import partial
from typing import Any, LiteralString, Self, TypeVar

import psycopg
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from psycopg.rows import DictRow, dict_row
from psycopg.sql import SQL, Composed
from psycopg_pool import AsyncConnectionPool

from zekt_backend.errors import ZektError
from zekt_backend.rules.happenings import Happening
from zekt_backend.rules.records import RunKey
from zekt_backend.store import idle
from zekt_backend.store.plans import BY_INDEX
from zekt_backend.store.share import PATIENCE, Share

Result = TypeVar("Result")

_AT_ODDS = ("40001", "40P01")
"""Serialisation failure and deadlock: somebody else got through, and the same again at once succeeds."""
_ODDS_TRIES = 5

_TROUBLE = ("08", "25006", "25P03", "25P04", "28", "40", "53", "55", "57", "58", "F0", "XX")
"""SQLSTATEs (and their classes) that tell of the server and not of the statement: connection, read-only, time-outs of
sessions, login, rollback, out of disk, memory or connections, locks, shutting down, I/O, configuration, corruption.
https://www.postgresql.org/docs/current/errcodes-appendix.html"""

_FIRST_WAIT, _LONGEST_WAIT = 0.05, 2.0
"""Seconds between tries: doubling, spread at random."""

_LOCK_TIMEOUT = "5s"
"""A lock that somebody forgot becomes a 503 that can be sent again, before GitHub's patience of 10 seconds ends."""

_DIALLING: dict[str, Any] = {
    "connect_timeout": 10,
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 4,
    "tcp_user_timeout": 30_000,
}
"""A machine that vanishes says no goodbye. Left alone, TCP believes in it for a quarter of an hour, and while nothing
is sent for two hours; so either side gives it up after 30 seconds. For a socket file all this is ignored.
https://www.postgresql.org/docs/current/libpq-connect.html#LIBPQ-KEEPALIVES"""

PATIENCE_OF_THE_SERVER: LiteralString = """
SELECT set_config('tcp_keepalives_idle', '10', false), set_config('tcp_keepalives_interval', '5', false),
       set_config('tcp_keepalives_count', '4', false), set_config('tcp_user_timeout', '30s', false)"""
"""Whoever connects says so: what a machine has locked is free half a minute after it has vanished."""


class Tx(psycopg.AsyncConnection[DictRow]):
    """A connection inside a transaction: what is written through it commits or rolls back as one."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.happenings: list[Happening] = []
        """What this transaction has brought about: told when it is committed."""

    @asynccontextmanager
    async def transaction(
        self, savepoint_name: str | None = None, force_rollback: bool = False
    ) -> AsyncIterator[psycopg.AsyncTransaction]:
        """As psycopg has it; what is rolled back, up to a savepoint too, has brought about nothing."""
        before = len(self.happenings)
        undone = True
        try:
            async with super().transaction(savepoint_name, force_rollback) as transaction:
                yield transaction
            undone = force_rollback
        finally:
            if undone:
                del self.happenings[before:]


def is_trouble(error: BaseException) -> bool:
    """Whether the server's state is to blame, so that the same call may succeed later.

    Without a SQLSTATE it is the client's side that has seen a connection break, or found none in time.
    """
    if not isinstance(error, psycopg.Error):
        return False
    if error.sqlstate is None:
        return isinstance(error, psycopg.OperationalError | psycopg.InterfaceError)
    return error.sqlstate.startswith(_TROUBLE)


def _words(error: psycopg.Error) -> str:
    """What may stand in a log: PostgreSQL adds the row that it refused, and with it somebody's message."""
    if error.sqlstate is None:
        return str(error)
    # Of class 22 (data) even the first line repeats the value.
    words = None if error.sqlstate.startswith("22") else error.diag.message_primary
    return f"{words or 'a value does not fit'} (SQLSTATE {error.sqlstate})"


class Database:
    """Connections for flows. Autocommit outside transactions, as the job engine's driver requires.

    `tell` hears what each committed transaction has brought about. Where the answer to a commit is lost it hears
    nothing of it: good for figures and logs, and for nothing that must not be missed. `by_index`, as `plans` has it, is
    for a worker, which acts on single rows.
    """

    def __init__(
        self,
        url: str,
        *,
        size: int = 10,
        tell: Callable[[Happening], None] = lambda _: None,
        by_index: bool = False,
    ) -> None:
        self.url = url
        self._tell = tell
        self._renewed = 0.0
        self._share = Share(size)
        self._pool: AsyncConnectionPool[Tx] = AsyncConnectionPool(
            dialled(url),
            connection_class=Tx,
            min_size=min(2, size),
            max_size=size,
            timeout=PATIENCE,
            # The pool doubles its waits between tries to connect. After this long it starts anew when it is next asked,
            # so that it finds a server which is back within seconds, however long that was away.
            reconnect_timeout=3.0,
            open=False,
            kwargs={"autocommit": True, "row_factory": dict_row, "application_name": "zekt"},
            configure=partial(_configure, by_index=by_index),
            check=idle.check,
        )

    async def open(self) -> Self:
        await self._pool.open(wait=True, timeout=30.0)
        return self

    async def close(self) -> None:
        await self._pool.close()

    @asynccontextmanager
    async def transaction(self, *, undo: bool = False) -> AsyncIterator[Tx]:
        """One transaction, once; with `undo`, nothing of it stays. Prefer `run`, which makes it again if that helps."""
        async with self.reading() as connection:
            connection.happenings.clear()
            async with connection.transaction(force_rollback=undo):
                yield connection
            for happening in connection.happenings:
                self._tell(happening)

    async def run(
        self, work: Callable[[Tx], Awaitable[Result]], *, patience: float = 0.0, undo: bool = False
    ) -> Result:
        """One transaction; made again when it lost against another, and for `patience` seconds in any other trouble.

        With `undo` it is rolled back in the end: the result tells what would have been.

        `work` may run several times, and the run before may have been committed although its answer was lost: it must
        find its own writes and take them for done. Only the last run's writes stand otherwise.

        Raises:
            psycopg.Error: one that `is_trouble` when it outlasted the patience; any other at once.
        """
        loop = asyncio.get_running_loop()
        deadline = loop.time() + patience
        wait, number = _FIRST_WAIT, 0
        while True:
            number += 1
            try:
                async with self.transaction(undo=undo) as tx:
                    return await work(tx)
            except psycopg.Error as error:
                at_odds = error.sqlstate in _AT_ODDS and number < _ODDS_TRIES
                if not at_odds and (not is_trouble(error) or loop.time() + wait > deadline):
                    raise
            # Two that met once meet again if they wait equally long.
            await asyncio.sleep(wait * random.uniform(0.5, 1.0))  # noqa: S311 — spreads load, guards nothing
            wait = min(2 * wait, _LONGEST_WAIT)

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[Tx]:
        """A connection without a transaction, for single SELECTs."""
        try:
            async with self._share.turn(), self._pool.connection() as connection:
                yield connection
        except psycopg.Error as error:
            error.args = (_words(error),)
            if isinstance(error, psycopg.errors.ReadOnlySqlTransaction):
                await self._renew()
            raise

    def pool(self) -> dict[str, int]:
        """The pool's own figures: https://www.psycopg.org/psycopg3/docs/advanced/pool.html#pool-stats ."""
        return self._pool.get_stats()

    async def _renew(self) -> None:
        """A session that began read-only stays so when the server takes writes again: let go of all of them.

        At most once a second, so that callers who fail together do not connect over and over.
        """
        now = asyncio.get_running_loop().time()
        if now > self._renewed + 1.0:
            self._renewed = now
            await self._pool.drain()


@asynccontextmanager
async def bounded(tx: Tx, seconds: float) -> AsyncIterator[None]:
    """For whoever may ask too much: no statement of this transaction takes longer from here on.

    Raises:
        ZektError: `query_too_long`; the transaction is of no more use then.
    """
    await tx.execute("SELECT set_config('statement_timeout', %s, true)", (f"{round(1000 * seconds)}ms",))
    try:
        yield
    except psycopg.errors.QueryCanceled as error:
        raise ZektError(
            "query_too_long",
            f"The database had {seconds:g} seconds for it and did not get through. Ask for less, fewer days or fewer"
            " events say; or ask again when it has less to do.",
            retry_after=60,
        ) from error


async def _configure(connection: Tx, *, by_index: bool) -> None:
    plans = f", {BY_INDEX}" if by_index else ""
    await connection.execute(
        f"{PATIENCE_OF_THE_SERVER}, set_config('lock_timeout', %s, false){plans}", (_LOCK_TIMEOUT,)
    )


def dialled(url: str) -> str:
    """The address with when to give up on its machine; what the address says itself about that holds."""
    return make_conninfo(**{**_DIALLING, **conninfo_to_dict(url)})


@asynccontextmanager
async def one_connection(url: str) -> AsyncIterator[Tx]:
    """For a command that asks once: no pool, and no waiting for a server that is not there."""
    connection = await Tx.connect(dialled(url), autocommit=True, row_factory=dict_row, application_name="zekt")
    async with connection:
        await connection.execute(PATIENCE_OF_THE_SERVER)
        yield connection


def columns_of(keys: Collection[RunKey]) -> tuple[list[int], list[int], list[int]]:
    """Repositories, runs and attempts, to be unnested together."""
    return [key.repository_id for key in keys], [key.run_id for key in keys], [key.run_attempt for key in keys]


async def one(tx: Tx, query: LiteralString | SQL | Composed, params: Any = None) -> DictRow | None:
    """The row, or None. `query` is always a constant: values travel as parameters."""
    cursor = await tx.execute(query, params)
    return await cursor.fetchone()


async def many(tx: Tx, query: LiteralString | SQL | Composed, params: Any = None) -> list[DictRow]:
    """All rows. `query` is always a constant: values travel as parameters."""
    cursor = await tx.execute(query, params)
    return await cursor.fetchall()


Listing = tuple[list[DictRow], int | None]
"""One page, the newest first, and the `before` of the next one; None on the last."""


def page_of(rows: list[DictRow], limit: int, cursor: str = "id") -> Listing:
    """One page of rows that were read with `LIMIT limit + 1`: the one more says that there is a next page."""
    return rows[:limit], rows[limit - 1][cursor] if len(rows) > limit else None


async def changed(tx: Tx, query: LiteralString | SQL | Composed, params: Any = None) -> bool:
    """Run a write that touches at most one row, and say whether it did. Nought rows: somebody was first."""
    cursor = await tx.execute(query, params)
    return cursor.rowcount == 1
