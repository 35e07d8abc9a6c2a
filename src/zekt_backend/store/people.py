"""People, and what each is in which account."""

from datetime import datetime
from typing import Any

from psycopg import sql

from zekt_backend.rules.people import Found
from zekt_backend.store.database import Tx, many

# Who administers one is a member. One that has merely come with the app gives nobody anything: on GitHub any member of
# an organisation may make a repository, and administers it.
_COUNTS = sql.SQL("removed_at IS NULL AND enabled AND (provider OR consumer OR completion_tracking)")


async def save(tx: Tx, person_id: int, login: str) -> None:
    """By GitHub's id: a login changes, and may become somebody else's."""
    await tx.execute(
        """INSERT INTO people (id, login) VALUES (%s, %s)
           ON CONFLICT (id) DO UPDATE SET login = excluded.login WHERE people.login <> excluded.login""",
        (person_id, login),
    )


async def seats(tx: Tx, person_id: int) -> list[dict[str, Any]]:
    """Every role of a person, with the account it is in."""
    return await many(
        tx,
        """SELECT m.account_id, m.role, m.checked_at, m.asked_at, m.installation_id, m.repository_id, p.login AS person,
                  a.login, a.kind, a.github_id, a.provider, a.consumer, a.verified, a.version
           FROM members m JOIN accounts a ON a.id = m.account_id JOIN people p ON p.id = m.person_id
           WHERE m.person_id = %s ORDER BY lower(a.login)""",
        (person_id,),
    )


async def seat(
    tx: Tx, *, account_id: int, person_id: int, found: Found, installation_id: int | None, now: datetime
) -> None:
    """Give a role that GitHub has just told of, or take it away."""
    if found.role is None:
        await tx.execute("DELETE FROM members WHERE account_id = %s AND person_id = %s", (account_id, person_id))
        return
    await tx.execute(
        """INSERT INTO members (account_id, person_id, role, checked_at, installation_id, repository_id)
           VALUES (%s, %s, %s, %s, %s, %s)
           ON CONFLICT (account_id, person_id) DO UPDATE SET role = excluded.role, checked_at = excluded.checked_at,
               installation_id = excluded.installation_id, repository_id = excluded.repository_id, asked_at = NULL""",
        (account_id, person_id, found.role, now, installation_id, found.repository_id),
    )


async def note_silence(tx: Tx, *, account_id: int, person_id: int, now: datetime) -> None:
    """GitHub was asked, and could not tell."""
    await tx.execute(
        "UPDATE members SET asked_at = %s WHERE account_id = %s AND person_id = %s", (now, account_id, person_id)
    )


async def repositories(tx: Tx, account_id: int, first: int | None, limit: int) -> tuple[int, ...]:
    """The ids of an account's repositories that count and that the app sees, `first` before all others."""
    rows = await many(
        tx,
        sql.SQL(
            """SELECT id FROM repositories WHERE account_id = %s AND installation_id IS NOT NULL AND {}
               ORDER BY id = %s DESC NULLS LAST, id LIMIT %s"""
        ).format(_COUNTS),
        (account_id, first, limit),
    )
    return tuple(row["id"] for row in rows)


async def counting(tx: Tx, account_id: int) -> list[int]:
    """The ids of an account's repositories by which somebody is a member."""
    rows = await many(
        tx, sql.SQL("SELECT id FROM repositories WHERE account_id = %s AND {}").format(_COUNTS), (account_id,)
    )
    return [row["id"] for row in rows]
