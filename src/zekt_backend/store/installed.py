"""Installations and their repositories, written as GitHub tells of them."""

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any

from psycopg.types.json import Jsonb

from zekt_backend.rules.access import GITHUB
from zekt_backend.rules.news import Owner
from zekt_backend.store.database import Tx, changed, many, one


async def count_news(tx: Tx, installation_id: int) -> datetime | None:
    """Something was told of it: what was read before is not written any more. Since when we know it as it stands."""
    row = await one(
        tx,
        """INSERT INTO installations (id, news) VALUES (%s, 1)
           ON CONFLICT (id) DO UPDATE SET news = installations.news + 1 RETURNING told_at""",
        (installation_id,),
    )
    return row["told_at"] if row else None


async def make(tx: Tx, installation_id: int) -> None:
    """A row of which nothing is known yet."""
    await tx.execute("INSERT INTO installations (id) VALUES (%s) ON CONFLICT DO NOTHING", (installation_id,))


async def news(tx: Tx, installation_id: int) -> int | None:
    """How much was told of it so far; None: there is no such row."""
    row = await one(tx, "SELECT news FROM installations WHERE id = %s", (installation_id,))
    return row["news"] if row else None


async def take(tx: Tx, installation_id: int, before: int) -> bool:
    """Hold the row, to write what was read. False: something was told since the reading began."""
    return await changed(
        tx, "UPDATE installations SET news = news + 1 WHERE id = %s AND news = %s", (installation_id, before)
    )


async def due(tx: Tx, before: datetime, now: datetime, limit: int) -> list[int] | None:
    """Those last told of before then and not put off, longest ago (or tried) first; None where nothing is due.

    An empty list where there is no installation at all: one may have come of which nobody told. The row 0 is none: by
    it the app's own writes are paced.
    """
    row = await one(tx, "SELECT EXISTS (SELECT 1 FROM installations WHERE id > 0 AND removed_at IS NULL) AS live")
    rows = await many(
        tx,
        """SELECT i.id FROM installations i LEFT JOIN readings g ON g.kind = 'installation' AND g.id = i.id
           WHERE i.id > 0 AND i.removed_at IS NULL AND coalesce(i.told_at, '-infinity') < %s
             AND coalesce(g.look_at, '-infinity') <= %s
           ORDER BY greatest(i.told_at, g.look_at) NULLS FIRST, i.id LIMIT %s""",
        (before, now, limit),
    )
    return None if not rows and row and row["live"] else [row["id"] for row in rows]


async def not_live(tx: Tx, installation_ids: Collection[int], now: datetime) -> list[int]:
    """Those of them that have no row, or one that says that they are gone; not those that are put off."""
    rows = await many(
        tx,
        """SELECT told.id FROM unnest(%s::bigint[]) AS told (id)
           WHERE NOT EXISTS (SELECT 1 FROM installations i WHERE i.id = told.id AND i.removed_at IS NULL)
             AND NOT EXISTS (SELECT 1 FROM readings g
                             WHERE g.kind = 'installation' AND g.id = told.id AND g.look_at > %s)
           ORDER BY told.id""",
        (list(installation_ids), now),
    )
    return [row["id"] for row in rows]


async def suspend(tx: Tx, installation_id: int, at: datetime) -> None:
    await tx.execute(
        """UPDATE installations SET suspended_at = coalesce(suspended_at, %(at)s), told_at = greatest(told_at, %(at)s)
           WHERE id = %(id)s""",
        {"id": installation_id, "at": at},
    )


async def uninstall(tx: Tx, installation_id: int, now: datetime) -> None:
    await tx.execute(
        "UPDATE installations SET removed_at = coalesce(removed_at, %(now)s), told_at = %(now)s WHERE id = %(id)s",
        {"id": installation_id, "now": now},
    )


async def keep(
    tx: Tx,
    installation_id: int,
    *,
    account_id: int,
    permissions: Mapping[str, str],
    suspended_at: datetime | None,
    read_at: datetime,
) -> None:
    """As it was read."""
    await tx.execute(
        """UPDATE installations SET account_id = %s, permissions = %s, suspended_at = %s, removed_at = NULL,
               told_at = %s
           WHERE id = %s""",
        (account_id, Jsonb(dict(permissions)), suspended_at, read_at, installation_id),
    )


async def deselect(tx: Tx, installation_id: int, repository_ids: Collection[int], now: datetime) -> None:
    """These are no longer among its repositories."""
    await tx.execute(
        """UPDATE repositories SET installation_id = NULL, removed_at = %s, removed_why = 'deselected',
               version = version + 1
           WHERE installation_id = %s AND id = ANY(%s)""",
        (now, installation_id, list(repository_ids)),
    )


async def keep_only(tx: Tx, installation_id: int, repository_ids: Collection[int], now: datetime) -> None:
    """It has these repositories and no others."""
    rows = await many(
        tx,
        "SELECT id FROM repositories WHERE installation_id = %s AND id <> ALL(%s)",
        (installation_id, list(repository_ids)),
    )
    await deselect(tx, installation_id, [row["id"] for row in rows], now)


async def delete(tx: Tx, repository_id: int, now: datetime) -> None:
    """GitHub has no such repository any more; its id never comes back under another one."""
    await tx.execute(
        """UPDATE repositories SET installation_id = NULL, removed_at = %s, removed_why = 'deleted',
               version = version + 1
           WHERE id = %s AND removed_why IS DISTINCT FROM 'deleted'""",
        (now, repository_id),
    )


async def installation_of(tx: Tx, repository_id: int) -> int | None:
    row = await one(tx, "SELECT installation_id FROM repositories WHERE id = %s", (repository_id,))
    return row["installation_id"] if row else None


async def strangers(tx: Tx, repositories: Collection[int], owner: Owner, installation_id: int | None) -> list[int]:
    """Those of them that belong to somebody else so far: not to this owner, by id, or by name where no id is known.

    An installation has one owner: what was in it before has not changed hands.
    """
    rows = await many(
        tx,
        """SELECT r.id FROM repositories r JOIN accounts a ON a.id = r.account_id
           WHERE r.id = ANY(%s) AND a.github_id IS DISTINCT FROM %s
             AND (a.github_id IS NOT NULL OR lower(a.login) <> lower(%s))
             AND r.installation_id IS DISTINCT FROM %s::bigint""",
        (list(repositories), owner.id, owner.login, installation_id or 0),
    )
    return [row["id"] for row in rows]


async def keep_repositories(
    tx: Tx, repositories: Mapping[int, str], *, account_id: int, installation_id: int | None, now: datetime
) -> None:
    """By GitHub's id, new ones switched off. One that has taken another's old name pushes the old row's name aside."""
    given: dict[str, Any] = {
        "ids": list(repositories),
        "names": list(repositories.values()),
        "account": account_id,
        "installation": installation_id,
        "gone": now if installation_id is None else None,
        "why": "deselected" if installation_id is None else None,
    }
    await tx.execute(
        """UPDATE repositories r SET full_name = r.full_name || '#' || r.id, version = version + 1,
               enabled = r.enabled AND r.id = ANY(%(ids)s::bigint[])
           FROM unnest(%(ids)s::bigint[], %(names)s::text[]) AS told (id, name)
           WHERE lower(r.full_name) = lower(told.name) AND r.id <> told.id""",
        given,
    )
    await tx.execute(
        """INSERT INTO repositories (id, account_id, installation_id, full_name, enabled, removed_at, removed_why)
           SELECT told.id, %(account)s, %(installation)s, told.name, false, %(gone)s, %(why)s
           FROM unnest(%(ids)s::bigint[], %(names)s::text[]) AS told (id, name)
           ON CONFLICT (id) DO UPDATE SET account_id = excluded.account_id, full_name = excluded.full_name,
               installation_id = excluded.installation_id, removed_at = excluded.removed_at,
               removed_why = excluded.removed_why, version = repositories.version + 1
           WHERE (repositories.account_id, repositories.full_name, repositories.installation_id,
                  repositories.removed_why) IS DISTINCT FROM
                 (excluded.account_id, excluded.full_name, excluded.installation_id, excluded.removed_why)""",
        given,
    )


async def disown(tx: Tx, repository_ids: Collection[int], now: datetime) -> None:
    """They have another owner now: switched off, and whoever trusted the one before has not trusted this one.

    What consumers had of a provider that moved is revoked, requests included, which the new owner could approve. Where
    the consumer moved, the provider is asked anew. No workflow stays on the whitelist.
    """
    ids = list(repository_ids)
    await tx.execute(
        "UPDATE repositories SET enabled = false, version = version + 1 WHERE id = ANY(%s) AND enabled", (ids,)
    )
    await tx.execute(
        "UPDATE workflows SET whitelisted = false, version = version + 1 WHERE repository_id = ANY(%s) AND whitelisted",
        (ids,),
    )
    await tx.execute(
        """UPDATE subscriptions s SET status = 'revoked', answer = %s, decided_by = %s, decided_side = 'provider',
               decided_at = %s, version = s.version + 1
           FROM services v JOIN workflows w ON w.id = v.workflow_id
           WHERE v.id = s.service_id AND w.repository_id = ANY(%s) AND s.status IN ('requested', 'approved')""",
        (_MOVED, GITHUB, now, ids),
    )
    await tx.execute(
        """UPDATE subscriptions SET status = 'requested', version = version + 1
           WHERE repository_id = ANY(%s) AND status = 'approved'""",
        (ids,),
    )


_MOVED = "The provider's repository was transferred to another owner. Ask again if you trust that one."
