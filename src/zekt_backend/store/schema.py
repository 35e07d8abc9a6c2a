"""The tables: older ones are migrated, newer ones refused, and only one process at a time does either."""

import asyncio
from pathlib import Path

import psycopg
import sqlalchemy
from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from pgqueuer.queries import Queries

from zekt_backend.errors import ZektError

# Any constant does, as long as every process of every version takes the same one.
_MIGRATION_LOCK = 0x5A454B54


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    return config


def migrate(url: str) -> None:
    """Bring the database to this program's schema.

    Raises:
        ZektError: `schema_newer` when a newer program has migrated it already.
    """
    engine = sqlalchemy.create_engine(
        "postgresql+psycopg://", creator=lambda: psycopg.connect(url), poolclass=sqlalchemy.NullPool
    )
    with engine.connect() as connection:
        connection.exec_driver_sql("SELECT pg_advisory_lock(%s)", (_MIGRATION_LOCK,))
        connection.commit()
        _refuse_newer(connection)
        config = _config()
        config.attributes["connection"] = connection
        command.upgrade(config, "head")
        connection.commit()
        # The engine's own tables follow the engine's own version, not ours.
        asyncio.run(_install_engine(url))


def _refuse_newer(connection: sqlalchemy.Connection) -> None:
    known = {revision.revision for revision in ScriptDirectory.from_config(_config()).walk_revisions()}
    found = MigrationContext.configure(connection).get_current_heads()
    connection.rollback()
    if strangers := sorted(set(found) - known):
        raise ZektError(
            "schema_newer",
            f"The database is at revision {', '.join(strangers)}, which this program does not know: a newer Zekt has"
            " migrated it. Start that version (or newer); going back needs a backup from before the upgrade.",
        )


async def _install_engine(url: str) -> None:
    async with await psycopg.AsyncConnection.connect(url, autocommit=True) as connection:
        queries = Queries.from_psycopg_connection(connection)
        if await queries.schema_is_installed():
            await queries.upgrade()
        else:
            await queries.install()
