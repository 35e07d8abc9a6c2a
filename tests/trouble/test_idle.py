"""A connection that died while it was idle is given to nobody, and one that lives is asked nothing."""

from collections.abc import AsyncIterator, Callable

import psycopg
import pytest

from zekt_backend.store.database import Database, one
from zekt_testing.cable import Cable, Cut, cable_to

NEVER = 1_000_000


@pytest.fixture
def url(new_database: Callable[[], str]) -> str:
    return new_database()


@pytest.fixture
async def db(url: str) -> AsyncIterator[Database]:
    database = Database(url, size=3)
    await database.open()
    yield database
    await database.close()


async def test_a_session_that_the_server_has_ended_is_given_to_nobody(url: str, db: Database) -> None:
    async with db.reading() as first, db.reading() as second:
        pids = [connection.info.backend_pid for connection in (first, second)]
    async with await psycopg.AsyncConnection.connect(url, autocommit=True) as killer:
        # Waits until they have ended.
        await killer.execute("SELECT pg_terminate_backend(pid, 10000) FROM unnest(%s::int[]) AS pid", (pids,))
    for _ in range(2):
        async with db.transaction() as tx:
            found = await one(tx, "SELECT pg_backend_pid() AS pid")
        assert found is not None
        assert found["pid"] not in pids


async def test_one_that_lives_costs_a_reader_its_own_statement_alone(url: str) -> None:
    cable: Cable
    with cable_to(url) as cable:
        database = Database(cable.url, size=2)
        await database.open()
        async with database.reading() as connection:
            await connection.execute("SELECT 1")
        cable.arm(NEVER, Cut.BEFORE)
        async with database.reading() as connection:
            await connection.execute("SELECT 1")
        cable.disarm()
        assert cable.executions == 1
        await database.close()
