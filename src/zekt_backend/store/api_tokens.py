"""API tokens: who holds one may act for its account. Of a token only the sha256 is kept."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from psycopg import sql

from zekt_backend.rules.access import Right
from zekt_backend.store.database import Listing, Tx, changed, many, one, page_of

_SHOWN = sql.SQL(
    """t.id, a.login AS account, t.name, t.scope, t.created_by AS "createdBy", t.created_at AS "createdAt",
       t.expires_at AS "expiresAt", t.last_used_at AS "lastUsedAt", t.revoked_at AS "revokedAt" """
)
_NOTED = timedelta(minutes=1)
"""How exact the last use is: a write for each request would cost more than it tells."""


async def create(
    tx: Tx,
    *,
    account_id: int,
    name: str,
    digest: bytes,
    scope: Right,
    created_by: str,
    now: datetime,
    expires_at: datetime,
) -> int:
    row = await one(
        tx,
        """INSERT INTO api_tokens (account_id, name, digest, scope, created_by, created_at, expires_at)
           VALUES (%s, %s, %s, %s, %s, %s, %s) RETURNING id""",
        (account_id, name, digest, scope, created_by, now, expires_at),
    )
    if row is None:
        raise LookupError("an insert returned no row")
    return int(row["id"])


async def valid(tx: Tx, digest: bytes, now: datetime) -> dict[str, Any] | None:
    """The token of this digest, neither expired nor revoked: id, account_id, name, scope; unnoted: see `note_use`."""
    return await one(
        tx,
        """SELECT id, account_id, name, scope, last_used_at IS NULL OR last_used_at < %s AS unnoted FROM api_tokens
           WHERE digest = %s AND revoked_at IS NULL AND expires_at > %s""",
        (now - _NOTED, digest, now),
    )


async def valid_by_id(tx: Tx, token_id: int, now: datetime) -> dict[str, Any] | None:
    """The same of a token that was shown before: account_id, scope."""
    return await one(
        tx,
        "SELECT account_id, scope FROM api_tokens WHERE id = %s AND revoked_at IS NULL AND expires_at > %s",
        (token_id, now),
    )


async def note_use(tx: Tx, token_id: int, now: datetime) -> None:
    """It was used, unless that was noted a moment ago."""
    await tx.execute(
        "UPDATE api_tokens SET last_used_at = %s WHERE id = %s AND (last_used_at IS NULL OR last_used_at < %s)",
        (now, token_id, now - _NOTED),
    )


async def revoke(tx: Tx, token_id: int, now: datetime) -> bool:
    """False: it was revoked before, or there is none."""
    return await changed(
        tx, "UPDATE api_tokens SET revoked_at = %s WHERE id = %s AND revoked_at IS NULL", (now, token_id)
    )


async def account_of(tx: Tx, token_id: int) -> int | None:
    row = await one(tx, "SELECT account_id FROM api_tokens WHERE id = %s", (token_id,))
    return row["account_id"] if row else None


async def shown(tx: Tx, token_id: int) -> dict[str, Any] | None:
    """As people read it: never its digest."""
    row = await one(
        tx,
        sql.SQL("SELECT {} FROM api_tokens t JOIN accounts a ON a.id = t.account_id WHERE t.id = %s").format(_SHOWN),
        (token_id,),
    )
    return _readable(row) if row else None


async def page(tx: Tx, *, accounts: Sequence[int] | None, before: int | None, limit: int) -> Listing:
    """These accounts' tokens (None: all), the newest first, and the cursor of the next page."""
    rows = await many(
        tx,
        sql.SQL(
            """SELECT {} FROM api_tokens t JOIN accounts a ON a.id = t.account_id
               WHERE (%(accounts)s::bigint[] IS NULL OR t.account_id = ANY(%(accounts)s))
                 AND (%(before)s::bigint IS NULL OR t.id < %(before)s)
               ORDER BY t.id DESC LIMIT %(limit)s"""
        ).format(_SHOWN),
        {"accounts": None if accounts is None else list(accounts), "before": before, "limit": limit + 1},
    )
    found, following = page_of(rows, limit)
    return [_readable(row) for row in found], following


def _readable(row: dict[str, Any]) -> dict[str, Any]:
    return {name: value.isoformat() if isinstance(value, datetime) else value for name, value in row.items()}
