"""Fixtures that every folder has: a real PostgreSQL, a real broker on a real socket, the sandbox as GitHub."""

import itertools
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg import sql

from zekt_backend.store import schema
from zekt_backend.store.embedded import Embedded
from zekt_sandbox.server import SandboxServer
from zekt_testing import setup
from zekt_testing.broker import SECRET, Running, Zekt, settings_for

_numbers = itertools.count(1)

_MEMORY = Path("/dev/shm")
_ROOM = 4 << 30
"""Bytes."""


@pytest.fixture(scope="session")
def postgres() -> Iterator[str]:
    """The URL of a server that these tests own."""
    # A short path: PostgreSQL's socket must fit into 107 bytes.
    with tempfile.TemporaryDirectory(prefix="zekt-", dir=_in_memory(), ignore_cleanup_errors=True) as folder:
        embedded = Embedded.start(Path(folder), as_root_allowed=os.environ.get("ZEKT_EMBEDDED_AS_ROOT") == "1")
        # Nothing here outlives the session: no test pays for a disk that would.
        for setting in ("fsync", "synchronous_commit", "full_page_writes"):
            _execute(embedded.url, sql.SQL("ALTER SYSTEM SET {} = off").format(sql.Identifier(setting)))
        _execute(embedded.url, sql.SQL("SELECT pg_reload_conf()"))
        try:
            yield embedded.url
        finally:
            embedded.stop()


def _in_memory() -> Path | None:
    """Where the copy of a database costs a tenth of what it costs on a disk; None where that has too little room.

    In a container it has 64 MB unless asked for more, and a database of a million deliveries takes one gigabyte.
    """
    return _MEMORY if _MEMORY.is_dir() and shutil.disk_usage(_MEMORY).free > _ROOM else None


@pytest.fixture(scope="session")
def template(postgres: str) -> str:
    """A migrated database that each test gets a copy of."""
    _execute(postgres, sql.SQL("CREATE DATABASE zekt_template"))
    schema.migrate(database_url(postgres, "zekt_template"))
    return "zekt_template"


@pytest.fixture
def new_database(postgres: str, template: str) -> Iterator[Callable[[], str]]:
    """Makes an own, migrated database and gives its URL."""
    with _databases(postgres) as make:
        yield lambda: make(template)


@pytest.fixture
def empty_database(postgres: str) -> Iterator[str]:
    """The URL of a database without tables."""
    with _databases(postgres) as make:
        yield make("template0")


@contextmanager
def _databases(server: str) -> Iterator[Callable[[str], str]]:
    """Makes databases like the one that is named, and gives their URLs.

    They go when the block ends: each is 300 files, and whoever left all of them to the end would wait a minute there.
    """
    made: list[sql.Identifier] = []

    def make(template: str) -> str:
        name = f"zekt_{next(_numbers)}"
        made.append(sql.Identifier(name))
        # A copy of its files, since nothing needs them in the log.
        query = sql.SQL("CREATE DATABASE {} TEMPLATE {} STRATEGY file_copy")
        _execute(server, query.format(made[-1], sql.Identifier(template)))
        return database_url(server, name)

    yield make
    for name in made:
        _execute(server, sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(name))


def database_url(server: str, name: str) -> str:
    return psycopg.conninfo.make_conninfo(server, dbname=name)


def _execute(url: str, query: sql.Composable) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(sql.SQL("{}").format(query))


@pytest.fixture
def github() -> Iterator[SandboxServer]:
    with SandboxServer() as server:
        yield server


@pytest.fixture
def start(github: SandboxServer, new_database: Callable[[], str]) -> Iterator[Callable[..., Zekt]]:
    """Starts a broker: `start(durable=False, settings={"confirm_timeout": …}, work=False)`."""
    running: list[Running] = []

    def make(
        *,
        wanted: dict[str, Any] | None = None,
        settings: dict[str, Any] | None = None,
        work: bool = True,
        **subscription: Any,
    ) -> Zekt:
        github.add_repository("shop-team/orders", id=1001, installation_id=51)
        github.add_repository("infra-team/platform", id=2002, installation_id=52)
        url = new_database()
        setup.apply(url, wanted or setup.directory(**subscription))
        chosen = settings_for(github, **(settings or {}))
        started = Running(chosen, url, work=work)
        running.append(started)
        assert started.broker is not None

        def also_work() -> None:
            running.append(Running(chosen, url, api=False))

        zekt = Zekt(started.broker.settings.address, url, github, chosen, also_work)
        for repository in ("shop-team/orders", "infra-team/platform"):
            zekt.hooks.append(github.add_hook(repository, url=f"{zekt.url}/api/github/webhooks", secret=SECRET))
        return zekt

    yield make
    for one in running:
        one.stop()


@pytest.fixture
def directory() -> Callable[..., dict[str, Any]]:
    """Makes the setup file's contents; its arguments change the subscription."""
    return setup.directory


@pytest.fixture
def zekt(start: Callable[..., Zekt]) -> Zekt:
    """A broker with one durable subscription."""
    return start()
