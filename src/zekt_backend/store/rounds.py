"""A round of reconciling: one process at a time, for real or only to see what it would do."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

from psycopg import OperationalError

from zekt_backend.store.database import Database, Tx, one, one_connection

# Any constant does, as long as every process of every version takes the same one.
_LOCK = 0x5A454B55


@asynccontextmanager
async def alone(url: str) -> AsyncIterator[bool]:
    """Whether this process is the only one that reconciles while the block runs; whoever dies lets go of it."""
    async with one_connection(url) as connection:
        row = await one(connection, "SELECT pg_try_advisory_lock(%s) AS mine", (_LOCK,))
        try:
            yield bool(row and row["mine"])
        finally:
            # The server lets go of it only when it has noticed that the connection is closed, and the next round may
            # be quicker. One that was lost has let go of everything.
            with suppress(OperationalError):
                await connection.execute("SELECT pg_advisory_unlock_all()")


@asynccontextmanager
async def rehearsal(url: str) -> AsyncIterator[Database]:
    """A database whose every transaction sees those before it, and of which nothing stays."""
    async with one_connection(url) as connection, connection.transaction(force_rollback=True):
        yield _Rehearsal(url, connection)


class _Rehearsal(Database):
    def __init__(self, url: str, connection: Tx) -> None:
        super().__init__(url)
        self._connection = connection

    @asynccontextmanager
    async def transaction(self, *, undo: bool = False) -> AsyncIterator[Tx]:
        async with self._connection.transaction(force_rollback=undo):
            yield self._connection
