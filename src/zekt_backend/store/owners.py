"""Accounts by GitHub's id of their owner: a login may change, and may become somebody else's."""

from collections.abc import Collection

from zekt_backend.rules.news import Owner
from zekt_backend.store.database import Tx, one


async def known(tx: Tx, owner: Owner, *, repository_ids: Collection[int], installation_id: int | None) -> int:
    """The owner's account; made when there is none, and renamed when GitHub says so.

    A row that a setup file made has no id of GitHub's yet. It is taken for this owner's when one of its repositories is
    known to be in the owner's installation; or when it has this login and no repositories, or one of `repository_ids`,
    which are the owner's. A login alone proves nothing: it may have changed hands.
    """
    row = await one(tx, "SELECT id FROM accounts WHERE github_id = %s FOR NO KEY UPDATE", (owner.id,))
    found = row["id"] if row else await _nameless(tx, owner, repository_ids, installation_id)
    # Whoever has the login now, it is not the one that had it before.
    await tx.execute(
        """UPDATE accounts SET login = login || '#' || id, version = version + 1
           WHERE lower(login) = lower(%s) AND id IS DISTINCT FROM %s""",
        (owner.login, found),
    )
    if found is None:
        return await _make(tx, owner)
    await tx.execute(
        """UPDATE accounts SET github_id = %(github)s, login = %(login)s, kind = %(kind)s,
               verified = coalesce(%(verified)s, verified), version = version + 1
           WHERE id = %(id)s AND (github_id, login, kind, verified)
               IS DISTINCT FROM (%(github)s, %(login)s, %(kind)s, coalesce(%(verified)s, verified))""",
        {"id": found, "github": owner.id, "login": owner.login, "kind": owner.kind, "verified": owner.verified},
    )
    return found


async def _nameless(tx: Tx, owner: Owner, repository_ids: Collection[int], installation_id: int | None) -> int | None:
    row = await one(
        tx,
        """SELECT a.id FROM accounts a,
                  LATERAL (SELECT count(*) AS has, bool_or(r.installation_id = %(installation)s) AS installed,
                                  bool_or(r.id = ANY(%(ids)s)) AS owned
                           FROM repositories r WHERE r.account_id = a.id) AS its
           WHERE a.github_id IS NULL
             AND (its.installed OR (lower(a.login) = lower(%(login)s) AND (its.has = 0 OR its.owned)))
           ORDER BY its.installed DESC NULLS LAST, a.id LIMIT 1 FOR NO KEY UPDATE OF a""",
        {"login": owner.login, "ids": list(repository_ids), "installation": installation_id},
    )
    return row["id"] if row else None


async def _make(tx: Tx, owner: Owner) -> int:
    row = await one(
        tx,
        """INSERT INTO accounts (login, github_id, kind, verified) VALUES (%s, %s, %s, %s)
           ON CONFLICT (github_id) DO UPDATE SET login = excluded.login RETURNING id""",
        (owner.login, owner.id, owner.kind, owner.verified or False),
    )
    if row is None:
        raise LookupError("an insert returned no row")
    return int(row["id"])
