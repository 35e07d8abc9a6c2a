"""Older tables are migrated, newer ones refused, and only one process at a time does either."""

import asyncio
import time
from itertools import chain, repeat

import psycopg
import sqlalchemy
import structlog
from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from pgqueuer.queries import Queries
from psycopg.sql import SQL, Identifier, Literal

from zekt_backend.errors import ZektError
from zekt_backend.store.database import PATIENCE_OF_THE_SERVER, dialled
from zekt_backend.store.schema import MIGRATIONS, engine_version

log = structlog.get_logger()

# Any constant does, as long as every process of every version takes the same one.
_MIGRATION_LOCK = 0x5A454B54

_LOCK_TIMEOUT = "500ms"
"""How long everybody may be held up; less than PostgreSQL's deadlock_timeout, so that it is us who give way."""
_PAUSES = (0.5, 1.0, 2.0, 5.0)
"""Seconds for the others; the last one repeats."""
_LOOK_AGAIN = 0.1
"""Seconds between two looks whether another process still migrates."""
_IN_THE_WAY = (psycopg.errors.LockNotAvailable, psycopg.errors.DeadlockDetected)

_UNREAD = (
    "pgqueuer_log_status",
    "pgqueuer_log_not_aggregated",
    "pgqueuer_updated_id_id1_idx",
    "pgqueuer_priority_id_id1_idx",
)
"""Indexes of the engine's that only its dashboard and its counts read, which do not run here; each job would write them
eight times. Its own upgrade makes them anew."""


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    return config


def upgrade(url: str) -> None:
    """Bring the database to this program's schema, while others go on working on the one before.

    A change of a table waits for whoever uses it, and while it waits, everybody after it waits too. So it never waits
    longer than `_LOCK_TIMEOUT`: it lets the others pass and comes again, as often as it takes.

    Raises:
        ZektError: `schema_newer` when a newer program has migrated it already.
    """
    engine = sqlalchemy.create_engine(
        "postgresql+psycopg://", creator=lambda: psycopg.connect(dialled(url)), poolclass=sqlalchemy.NullPool
    )
    with engine.connect() as connection:
        connection.exec_driver_sql(PATIENCE_OF_THE_SERVER)
        for pause in chain(_PAUSES, repeat(_PAUSES[-1])):
            try:
                _take_turn(connection)
                _refuse_newer(connection)
                _upgrade(connection, url)
            except (sqlalchemy.exc.OperationalError, psycopg.OperationalError) as error:
                connection.rollback()
                if not isinstance(getattr(error, "orig", error), _IN_THE_WAY):
                    raise
                # The one in the way may be waiting for this very lock, as the first version does in a transaction.
                connection.exec_driver_sql("SELECT pg_advisory_unlock_all()")
                connection.commit()
                log.warning("migration_waits", why="a table is in use by a long transaction", again_in=pause)
                time.sleep(pause)
            else:
                return


def _take_turn(connection: sqlalchemy.Connection) -> None:
    """Wait until no other process migrates, in no transaction: an index that is being built waits for those."""
    connection.exec_driver_sql(f"SET lock_timeout = '{_LOCK_TIMEOUT}'")
    while not connection.exec_driver_sql("SELECT pg_try_advisory_lock(%s)", (_MIGRATION_LOCK,)).scalar_one():
        connection.commit()
        time.sleep(_LOOK_AGAIN)
    connection.commit()


def _upgrade(connection: sqlalchemy.Connection, url: str) -> None:
    """What was done before is not done again: each step commits by itself and may be repeated, the engine's too."""
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
    async with await psycopg.AsyncConnection.connect(dialled(url), autocommit=True) as connection:
        await connection.execute(f"SET lock_timeout = '{_LOCK_TIMEOUT}'")
        queries = Queries.from_psycopg_connection(connection)
        if await queries.schema_is_installed():
            await queries.upgrade()
        else:
            await queries.install()
        for index in _UNREAD:
            await connection.execute(SQL("DROP INDEX IF EXISTS {}").format(Identifier(index)))
        await connection.execute(SQL("COMMENT ON TABLE pgqueuer IS {}").format(Literal(engine_version())))
