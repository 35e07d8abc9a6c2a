"""Workflows of a repository: which are whitelisted, and what is published from them."""

from datetime import datetime
from typing import Any

from zekt_backend.store.database import Tx, many, one


async def of(tx: Tx, repository_id: int) -> list[dict[str, Any]]:
    """All that have a row, with their services, by path."""
    return await many(
        tx,
        """SELECT w.path, w.whitelisted, w.version,
                  coalesce(array_agg(v.slug ORDER BY v.slug) FILTER (WHERE v.id IS NOT NULL), '{}') AS services
           FROM workflows w LEFT JOIN services v ON v.workflow_id = w.id
           WHERE w.repository_id = %s GROUP BY w.id ORDER BY w.path""",
        (repository_id,),
    )


async def lock(tx: Tx, repository_id: int, path: str) -> dict[str, Any] | None:
    """The row as it stands, and as nobody else changes it until this transaction ends."""
    return await one(
        tx,
        "SELECT whitelisted, version FROM workflows WHERE repository_id = %s AND path = %s FOR NO KEY UPDATE",
        (repository_id, path),
    )


async def whitelist(tx: Tx, repository_id: int, path: str, now: datetime, *, allowed: bool) -> None:
    """Put it on the whitelist, or take it off; runs that ended before `now` are not looked for afterwards."""
    await tx.execute(
        """INSERT INTO workflows AS w (repository_id, path, whitelisted, whitelisted_at)
           VALUES (%(repository)s, %(path)s, %(allowed)s, %(now)s)
           ON CONFLICT (repository_id, path) DO UPDATE SET whitelisted = excluded.whitelisted,
               whitelisted_at = CASE WHEN w.whitelisted THEN w.whitelisted_at ELSE excluded.whitelisted_at END,
               version = w.version + 1
           WHERE w.whitelisted <> excluded.whitelisted""",
        {"repository": repository_id, "path": path, "allowed": allowed, "now": now},
    )
