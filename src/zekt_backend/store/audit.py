"""The audit trail: who changed what, when, from what to what. Written in the change's own transaction."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from psycopg.types.json import Jsonb

from zekt_backend.store.database import Tx, many


async def record(
    tx: Tx,
    *,
    now: datetime,
    actor: str,
    account_id: int | None,
    action: str,
    subject: str,
    before: Mapping[str, Any] | None = None,
    after: Mapping[str, Any] | None = None,
) -> None:
    """One line. `action` is `noun.verb` (`subscription.approve`); neither side may hold a secret."""
    await tx.execute(
        """INSERT INTO audit (at, actor, account_id, action, subject, before, after)
           VALUES (%s, %s, %s, %s, %s, %s, %s)""",
        (now, actor, account_id, action, subject, _json(before), _json(after)),
    )


def _json(side: Mapping[str, Any] | None) -> Jsonb | None:
    return None if side is None else Jsonb(dict(side))


async def page(
    tx: Tx, *, accounts: list[int] | None, before: int | None, limit: int
) -> tuple[list[dict[str, Any]], int | None]:
    """The newest lines of these accounts (None: of all), and the cursor of the next page."""
    rows = await many(
        tx,
        """SELECT u.id, u.at, u.actor, a.login AS account, u.action, u.subject, u.before, u.after
           FROM audit u LEFT JOIN accounts a ON a.id = u.account_id
           WHERE (%(accounts)s::bigint[] IS NULL OR u.account_id = ANY(%(accounts)s))
             AND (%(before)s::bigint IS NULL OR u.id < %(before)s)
           ORDER BY u.id DESC LIMIT %(limit)s""",
        {"accounts": accounts, "before": before, "limit": limit + 1},
    )
    found = [{**row, "at": row["at"].isoformat()} for row in rows[:limit]]
    return found, rows[limit - 1]["id"] if len(rows) > limit else None
