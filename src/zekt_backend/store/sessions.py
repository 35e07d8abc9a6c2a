"""Sessions of people who signed in. Of a session only the sha256 is kept."""

from datetime import datetime
from typing import Any

from zekt_backend.store.database import Tx, changed, one


async def start(tx: Tx, *, digest: bytes, person_id: int, csrf: str, now: datetime, expires_at: datetime) -> None:
    await tx.execute(
        "INSERT INTO sessions (digest, person_id, csrf, created_at, expires_at) VALUES (%s, %s, %s, %s, %s)",
        (digest, person_id, csrf, now, expires_at),
    )


async def valid(tx: Tx, digest: bytes, now: datetime) -> dict[str, Any] | None:
    """The session of this digest, not expired: person_id, login, csrf, expires_at."""
    return await one(
        tx,
        """SELECT s.person_id, p.login, s.csrf, s.expires_at FROM sessions s JOIN people p ON p.id = s.person_id
           WHERE s.digest = %s AND s.expires_at > %s""",
        (digest, now),
    )


async def end(tx: Tx, digest: bytes) -> bool:
    """False: there was none."""
    return await changed(tx, "DELETE FROM sessions WHERE digest = %s", (digest,))


async def forget(tx: Tx, before: datetime, limit: int) -> int:
    """Drop those that expired before then. Returns how many went."""
    cursor = await tx.execute(
        """DELETE FROM sessions WHERE digest IN (SELECT digest FROM sessions WHERE expires_at < %s LIMIT %s)""",
        (before, limit),
    )
    return cursor.rowcount
