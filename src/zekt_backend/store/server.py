"""Which server the database is on: one that somebody else looks after, or an embedded one of ours."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import psycopg
import structlog
from psycopg.conninfo import conninfo_to_dict

from zekt_backend.errors import ZektError
from zekt_backend.settings import Settings

if TYPE_CHECKING:
    from zekt_backend.store.embedded import Embedded

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class External:
    """A server that somebody else looks after."""

    url: str = field(repr=False)


@contextmanager
def database(settings: Settings) -> Iterator[str]:
    """The URL of the database: the external one, or an embedded one that lives as long as this block."""
    with hosted(settings) as server:
        yield server.url


@contextmanager
def hosted(settings: Settings) -> "Iterator[Embedded | External]":
    """The server, for as long as this block.

    Raises:
        ZektError: `settings_invalid` for an address that cannot be read; `embedded_refused` when none can be started.
    """
    if settings.database_url is not None:
        yield External(_checked(settings.database_url.get_secret_value()))
        return
    # What starts servers is of no use to who has one.
    from zekt_backend.store.embedded import Embedded  # noqa: PLC0415

    embedded = Embedded.start(settings.data_dir, as_root_allowed=settings.embedded_as_root)
    log.info("embedded_database_ready", data_dir=str(settings.data_dir))
    try:
        yield embedded
    finally:
        embedded.stop()


def name_of(settings: Settings) -> str:
    """Which database a command works on, for people to read: neither its user nor the password is in it."""
    if settings.database_url is None:
        return f"the embedded database in {settings.data_dir}, since ZEKT_DATABASE_URL is not set"
    known = conninfo_to_dict(_checked(settings.database_url.get_secret_value()))
    return f"the database {known.get('dbname', '(by default)')} at {known.get('host', '(by default)')}"


def _checked(url: str) -> str:
    """The library's own complaint would repeat the URL, and with it the password."""
    try:
        conninfo_to_dict(url)
    except psycopg.ProgrammingError:
        text = "ZEKT_DATABASE_URL cannot be read. Write it as postgresql://user:password@host:5432/database."
        raise ZektError("settings_invalid", text) from None
    return url
