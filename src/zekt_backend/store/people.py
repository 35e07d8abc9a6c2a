"""People, and what each is in which account."""

from datetime import datetime
from typing import Any

from psycopg import sql

from zekt_backend.rules.people import Asked, Found
from zekt_backend.store.database import Tx, many, one

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


async def login_of(tx: Tx, person_id: int) -> str | None:
    row = await one(tx, "SELECT login FROM people WHERE id = %s", (person_id,))
    return row["login"] if row else None


async def seats(tx: Tx, person_id: int) -> list[dict[str, Any]]:
    """Every role of a person, with the account it is in."""
    return await many(
        tx,
        """SELECT m.account_id, m.role, m.checked_at, m.asked_at, m.installation_id, p.login AS person,
                  a.login, a.kind, a.github_id, a.provider, a.consumer, a.verified, a.version
           FROM members m JOIN accounts a ON a.id = m.account_id JOIN people p ON p.id = m.person_id
           WHERE m.person_id = %s ORDER BY lower(a.login)""",
        (person_id,),
    )


async def seat(
    tx: Tx, *, account_id: int, person_id: int, found: Found, installation_id: int | None, now: datetime
) -> None:
    """Give a role that GitHub has just told of, with the repositories of a member, or take all of it away."""
    if found.role is None:
        await tx.execute("DELETE FROM members WHERE account_id = %s AND person_id = %s", (account_id, person_id))
        return
    await tx.execute(
        """INSERT INTO members (account_id, person_id, role, checked_at, installation_id)
           VALUES (%s, %s, %s, %s, %s)
           ON CONFLICT (account_id, person_id) DO UPDATE SET role = excluded.role, checked_at = excluded.checked_at,
               installation_id = excluded.installation_id, asked_at = NULL""",
        (account_id, person_id, found.role, now, installation_id),
    )
    await tx.execute("DELETE FROM administered WHERE account_id = %s AND person_id = %s", (account_id, person_id))
    await tx.execute(
        """INSERT INTO administered (account_id, person_id, repository_id)
           SELECT %s, %s, told.id FROM unnest(%s::bigint[]) AS told (id) ON CONFLICT DO NOTHING""",
        (account_id, person_id, list(found.administers)),
    )


async def note_silence(tx: Tx, *, account_id: int, person_id: int, now: datetime) -> None:
    """GitHub was asked, and could not tell."""
    await tx.execute(
        "UPDATE members SET asked_at = %s WHERE account_id = %s AND person_id = %s", (now, account_id, person_id)
    )


async def asked(tx: Tx, account_id: int, person_id: int, limit: int) -> tuple[Asked, ...]:
    """An account's repositories that the app sees: those that the person administered first, then others that count."""
    rows = await many(
        tx,
        sql.SQL(
            """SELECT r.id, {counts} AS counts, d.person_id IS NOT NULL AS held
               FROM repositories r LEFT JOIN administered d
                   ON d.repository_id = r.id AND d.account_id = r.account_id AND d.person_id = %s
               WHERE r.account_id = %s AND r.installation_id IS NOT NULL AND ({counts} OR d.person_id IS NOT NULL)
               ORDER BY held DESC, counts DESC, r.id LIMIT %s"""
        ).format(counts=_COUNTS),
        (person_id, account_id, limit),
    )
    return tuple(Asked(**row) for row in rows)


async def administered(tx: Tx, person_id: int) -> frozenset[int]:
    """The ids of repositories that a person administers, each still in the account in which GitHub told of it."""
    rows = await many(
        tx,
        """SELECT d.repository_id FROM administered d
           JOIN repositories r ON r.id = d.repository_id AND r.account_id = d.account_id WHERE d.person_id = %s""",
        (person_id,),
    )
    return frozenset(row["repository_id"] for row in rows)


async def counting(tx: Tx, account_id: int) -> list[int]:
    """The ids of an account's repositories by which somebody is a member."""
    rows = await many(
        tx, sql.SQL("SELECT id FROM repositories WHERE account_id = %s AND {}").format(_COUNTS), (account_id,)
    )
    return [row["id"] for row in rows]
