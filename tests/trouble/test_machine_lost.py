"""The server's machine vanishes: it answers nothing any more, not even that it is gone."""

import asyncio
import socket
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any

import psycopg
import pytest
import requests

from zekt_backend.store import engine
from zekt_backend.store.database import Database, one_connection
from zekt_testing.bench import Bench
from zekt_testing.broker import ADMIN_TOKEN
from zekt_testing.cable import cable_to

pytestmark = pytest.mark.long

linux = pytest.mark.skipif(sys.platform != "linux", reason="only Linux lets a socket drop what comes to it")
GIVEN_UP = 90
"""Seconds that are far more than half a minute, and far less than the quarter of an hour that TCP would take."""


def listed(bench: Bench) -> requests.Response:
    headers = {"Authorization": f"Bearer {ADMIN_TOKEN}"}
    return requests.get(f"{bench.zekt.url}/api/deliveries", headers=headers, timeout=GIVEN_UP)


@linux
def test_who_asks_is_told_and_once_the_machine_is_back_all_goes_on(bench: Bench) -> None:
    assert listed(bench).status_code == 200
    bench.cable.lose()
    assert listed(bench).status_code == 503
    # Others of the pool were lost with it, and each is found out when it is asked.
    assert any(listed(bench).status_code == 200 for _ in range(5))


@linux
async def test_the_engine_hears_that_the_machine_it_listens_to_is_gone(new_database: Callable[[], str]) -> None:
    """It sends nothing on that connection, so that only TCP itself can notice."""
    with cable_to(new_database()) as cable:
        async with await engine.connection(cable.url) as listening:
            await listening.execute("LISTEN anything")
            cable.lose()
            with pytest.raises(psycopg.OperationalError):
                async with asyncio.timeout(GIVEN_UP):
                    await anext(listening.notifies())


@asynccontextmanager
async def pooled(url: str) -> AsyncIterator[psycopg.AsyncConnection[Any]]:
    db = await Database(url).open()
    async with db.reading() as connection:
        yield connection
    await db.close()


@asynccontextmanager
async def of_the_engine(url: str) -> AsyncIterator[psycopg.AsyncConnection]:
    async with await engine.connection(url) as connection:
        yield connection


OPEN = {"the pool": pooled, "a single one": one_connection, "the engine": of_the_engine}


@linux
@pytest.mark.parametrize("open_", OPEN.values(), ids=OPEN)
async def test_both_ends_of_every_connection_know_when_to_give_up(
    new_database: Callable[[], str], open_: Callable[[str], AbstractAsyncContextManager[psycopg.AsyncConnection[Any]]]
) -> None:
    with cable_to(new_database()) as cable:
        async with open_(cable.url) as connection:
            with socket.socket(fileno=connection.fileno()) as ours:
                found = [ours.getsockopt(socket.IPPROTO_TCP, option) for option in OPTIONS]
                ours.detach()
            assert ours.fileno() == -1
            # The server that the tests have is at the other end of a socket file, where these read as 0.
            rows = await (await connection.execute(SETTINGS)).fetchall()
    assert found == [10, 5, 4, 30_000]
    assert len(rows) == 4


OPTIONS = (socket.TCP_KEEPIDLE, socket.TCP_KEEPINTVL, socket.TCP_KEEPCNT, socket.TCP_USER_TIMEOUT)
SETTINGS = (
    "SELECT name FROM pg_settings WHERE source = 'session' AND name IN"
    " ('tcp_keepalives_idle', 'tcp_keepalives_interval', 'tcp_keepalives_count', 'tcp_user_timeout')"
)


async def test_what_the_address_says_itself_holds(new_database: Callable[[], str]) -> None:
    with cable_to(new_database()) as cable:
        async with one_connection(psycopg.conninfo.make_conninfo(cable.url, keepalives_idle=77)) as connection:
            assert connection.info.get_parameters()["keepalives_idle"] == "77"
            assert connection.info.get_parameters()["keepalives_count"] == "4"
