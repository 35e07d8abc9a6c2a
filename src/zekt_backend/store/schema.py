"""The tables: are they this program's?"""

from importlib.metadata import version
from pathlib import Path

import psycopg

from zekt_backend.store.database import dialled

MIGRATIONS = Path(__file__).parent / "migrations"

_STANDS = "SELECT version_num, obj_description(to_regclass('pgqueuer')) FROM alembic_version"


def migrate(url: str) -> None:
    """Make them so, and leave them alone if they are: that is what nearly every start finds.

    Raises:
        ZektError: `schema_newer` when a newer program has migrated them already.
    """
    if is_current(url):
        return
    # A second and 25 MB, for once per version.
    from zekt_backend.store.upgrade import upgrade  # noqa: PLC0415

    upgrade(url)


def is_current(url: str) -> bool:
    """Whether neither our own tables nor the engine's need anything done; by one look, which locks nothing."""
    with psycopg.connect(dialled(url), autocommit=True) as connection:
        try:
            found = connection.execute(_STANDS).fetchall()
        except psycopg.errors.UndefinedTable:
            return False
    return found == [(newest(), engine_version())]


def newest() -> str:
    """The revision that this program's tables have; its file begins with it."""
    return max(file.name for file in (MIGRATIONS / "versions").glob("[0-9]*.py")).partition("_")[0]


def engine_version() -> str:
    """What the engine's tables follow: not our version, but its own."""
    return version("pgqueuer")
