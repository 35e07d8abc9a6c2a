"""Accounts: GitHub owners, what each is here for, and who its people are."""

from collections.abc import Sequence
from typing import Any

from psycopg import sql

from zekt_backend.store.database import Listing, Tx, changed, many, one, page_of

_SHOWN = sql.SQL("a.id, a.login, a.kind, a.provider, a.consumer, a.verified, a.version")


async def id_of(tx: Tx, login: str) -> int | None:
    """By login, in any case."""
    row = await one(tx, "SELECT id FROM accounts WHERE lower(login) = lower(%s)", (login,))
    return row["id"] if row else None


async def lock(tx: Tx, login: str) -> dict[str, Any] | None:
    """The row as it stands, and as nobody else changes it until this transaction ends."""
    query = sql.SQL("SELECT {} FROM accounts a WHERE lower(a.login) = lower(%s) FOR NO KEY UPDATE").format(_SHOWN)
    return await one(tx, query, (login,))


async def of_github(tx: Tx, *, github_id: int, login: str, kind: str, installation_id: int) -> int | None:
    """The account of this GitHub owner.

    A setup file knows logins alone, and a login that an owner gave up may have become somebody else's. So a row without
    GitHub's id is taken for the owner's only if its repositories are where the owner's installation is; or if it has
    none, and there is nothing to take.
    """
    row = await one(tx, "SELECT id FROM accounts WHERE github_id = %s", (github_id,))
    row = row or await one(
        tx,
        """UPDATE accounts a SET github_id = %(github_id)s, kind = %(kind)s, version = a.version + 1
           WHERE a.github_id IS NULL AND lower(a.login) = lower(%(login)s)
             AND (NOT EXISTS (SELECT 1 FROM repositories r WHERE r.account_id = a.id)
                  OR EXISTS (SELECT 1 FROM repositories r
                             WHERE r.account_id = a.id AND r.installation_id = %(installation_id)s)
                  OR EXISTS (SELECT 1 FROM installations i WHERE i.account_id = a.id AND i.id = %(installation_id)s))
           RETURNING id""",
        {"github_id": github_id, "login": login, "kind": kind, "installation_id": installation_id},
    )
    return row["id"] if row else None


async def github_id(tx: Tx, account_id: int) -> int | None:
    """GitHub's id of it, where it is known; nobody else learns it until this transaction ends."""
    row = await one(tx, "SELECT github_id FROM accounts WHERE id = %s FOR NO KEY UPDATE", (account_id,))
    return row["github_id"] if row else None


async def identify(tx: Tx, account_id: int, github_id: int) -> bool:
    """It is this GitHub owner's from now on. False: its owner is known already, or has another account."""
    return await changed(
        tx,
        """UPDATE accounts SET github_id = %(github)s, version = version + 1
           WHERE id = %(id)s AND github_id IS NULL
             AND NOT EXISTS (SELECT 1 FROM accounts o WHERE o.github_id = %(github)s)""",
        {"id": account_id, "github": github_id},
    )


async def create(tx: Tx, *, github_id: int, login: str, kind: str) -> int | None:
    """None: the login is another account's here, or somebody was first."""
    row = await one(
        tx,
        "INSERT INTO accounts (login, github_id, kind) VALUES (%s, %s, %s) ON CONFLICT DO NOTHING RETURNING id",
        (login, github_id, kind),
    )
    return row["id"] if row else None


async def find(tx: Tx, account_id: int) -> dict[str, Any] | None:
    """The account alone, without its people."""
    return await one(tx, sql.SQL("SELECT {} FROM accounts a WHERE a.id = %s").format(_SHOWN), (account_id,))


async def upgrade(tx: Tx, account_id: int, version: int, *, provider: bool, consumer: bool) -> bool:
    """Add a persona. Nothing here takes one away. False: somebody was first."""
    return await changed(
        tx,
        """UPDATE accounts SET provider = provider OR %s, consumer = consumer OR %s, version = version + 1
           WHERE id = %s AND version = %s""",
        (provider, consumer, account_id, version),
    )


async def infer(tx: Tx) -> None:
    """Who has a workflow here provides, and who has a subscription consumes, whether it was said or not."""
    await tx.execute(
        """UPDATE accounts a SET provider = a.provider OR f.provides, consumer = a.consumer OR f.consumes,
               version = a.version + 1
           FROM (SELECT id,
                        EXISTS (SELECT 1 FROM repositories r JOIN workflows w ON w.repository_id = r.id
                                WHERE r.account_id = o.id) AS provides,
                        EXISTS (SELECT 1 FROM repositories r JOIN subscriptions s ON s.repository_id = r.id
                                WHERE r.account_id = o.id) AS consumes
                 FROM accounts o) f
           WHERE f.id = a.id AND ((f.provides AND NOT a.provider) OR (f.consumes AND NOT a.consumer))"""
    )


async def several(tx: Tx, account_ids: Sequence[int]) -> dict[int, dict[str, Any]]:
    """These accounts, by id, without their people; in the order of their logins."""
    rows = await many(
        tx,
        sql.SQL("SELECT {} FROM accounts a WHERE a.id = ANY(%s) ORDER BY lower(a.login)").format(_SHOWN),
        (list(account_ids),),
    )
    return {row["id"]: _readable(row) for row in rows}


async def shown(tx: Tx, account_id: int) -> dict[str, Any] | None:
    """One account with its people."""
    row = await find(tx, account_id)
    return {**_readable(row), "members": await _members(tx, account_id)} if row else None


async def _members(tx: Tx, account_id: int) -> list[dict[str, Any]]:
    return await many(
        tx,
        """SELECT p.login, m.role FROM members m JOIN people p ON p.id = m.person_id
           WHERE m.account_id = %s ORDER BY m.role DESC, lower(p.login)""",
        (account_id,),
    )


async def page(tx: Tx, *, accounts: Sequence[int] | None, before: int | None, limit: int) -> Listing:
    """Of these accounts (None: of all) the newest first, and the cursor of the next page."""
    rows = await many(
        tx,
        sql.SQL(
            """SELECT {} FROM accounts a
               WHERE (%(accounts)s::bigint[] IS NULL OR a.id = ANY(%(accounts)s))
                 AND (%(before)s::bigint IS NULL OR a.id < %(before)s)
               ORDER BY a.id DESC LIMIT %(limit)s"""
        ).format(_SHOWN),
        {"accounts": None if accounts is None else list(accounts), "before": before, "limit": limit + 1},
    )
    found, following = page_of(rows, limit)
    return [_readable(row) for row in found], following


def _readable(row: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in row.items() if name != "id"}
