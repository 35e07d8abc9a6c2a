"""Does the database answer, and does it take writes?"""

import psycopg

from zekt_backend.store.database import Database, one


async def ping(db: Database) -> None:
    """Pass, or raise.

    Raises:
        psycopg.Error: one of trouble; ReadOnlySqlTransaction when the server answers and takes no writes.
    """
    async with db.reading() as connection:
        row = await one(connection, "SELECT current_setting('transaction_read_only') = 'on' AS read_only")
        if row is None or row["read_only"]:
            raise psycopg.errors.ReadOnlySqlTransaction("the database takes no writes")
