"""Does the database answer?"""

from zekt_backend.store.database import Database, one


async def ping(db: Database) -> None:
    async with db.reading() as connection:
        await one(connection, "SELECT 1")
