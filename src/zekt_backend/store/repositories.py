"""Repositories, as GitHub identifies them: by id, which survives a rename."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from psycopg import sql
from pydantic.alias_generators import to_camel

from zekt_backend.rules import reach
from zekt_backend.store.database import Listing, Tx, changed, many, one, page_of


@dataclass(frozen=True, slots=True)
class Repository:
    id: int
    full_name: str
    enabled: bool
    provider: bool
    consumer: bool
    installation_id: int | None
    completion_tracking: bool
    allow_pull_request_target: bool


async def find(tx: Tx, repository_id: int) -> Repository | None:
    row = await one(
        tx,
        """SELECT id, full_name, enabled, provider, consumer, installation_id, completion_tracking,
                  allow_pull_request_target
           FROM repositories WHERE id = %s""",
        (repository_id,),
    )
    return Repository(**row) if row else None


_STATE = sql.SQL(
    """SELECT r.id, r.full_name, r.account_id, a.login AS account, a.github_id AS owner_id, r.installation_id,
              r.enabled, r.provider, r.consumer, r.completion_tracking, r.hook_id, r.hook_generation, r.removed_at,
              r.removed_why, i.suspended_at, i.removed_at AS uninstalled_at, r.version
       FROM repositories r JOIN accounts a ON a.id = r.account_id
       LEFT JOIN installations i ON i.id = r.installation_id"""
)
_UNSHOWN = ("account_id", "owner_id", "hook_generation", "suspended_at", "uninstalled_at")


@dataclass(frozen=True, slots=True)
class State:
    """All that people may set of a repository, and what follows from it."""

    id: int
    full_name: str
    account_id: int
    account: str
    owner_id: int | None
    """GitHub's id of the account, where it is known."""
    installation_id: int | None
    enabled: bool
    provider: bool
    consumer: bool
    completion_tracking: bool
    hook_id: int | None
    hook_generation: int
    removed_at: datetime | None
    removed_why: str | None
    suspended_at: datetime | None
    uninstalled_at: datetime | None
    """Both of the installation."""
    version: int

    def shown(self) -> dict[str, Any]:
        """As the management API has it."""
        told = {name: getattr(self, name) for name in State.__slots__ if name not in _UNSHOWN}
        told["removed_at"] = self.removed_at.isoformat() if self.removed_at else None
        told["barrier"] = self._barrier()
        return {to_camel(name): value for name, value in told.items()}

    def _barrier(self) -> dict[str, str] | None:
        """What keeps the app out, in two sentences: what it is, and who mends it."""
        names = ("full_name", "installation_id", "removed_at", "removed_why", "suspended_at", "uninstalled_at")
        found = reach.barrier(reach.Reach(**{name: getattr(self, name) for name in names}))
        if found is None:
            return None
        return {"kind": found.kind, "what": f"{self.full_name} {found.what}.", "advice": found.advice}


async def state(tx: Tx, repository_id: int) -> State | None:
    row = await one(tx, _STATE + sql.SQL(" WHERE r.id = %s"), (repository_id,))
    return State(**row) if row else None


async def named(tx: Tx, full_name: str) -> State | None:
    """By its name, in any case."""
    row = await one(tx, _STATE + sql.SQL(" WHERE lower(r.full_name) = lower(%s)"), (full_name,))
    return State(**row) if row else None


async def page(
    tx: Tx, *, accounts: Sequence[int] | None, before: int | None, limit: int, side: str | None = None
) -> Listing:
    """Of these accounts (None: of all), the highest of GitHub's ids first, and the cursor of the next page.

    `side`: only of accounts that are `provider` or `consumer`.
    """
    rows = await many(
        tx,
        _STATE
        + sql.SQL(
            """ WHERE (%(accounts)s::bigint[] IS NULL OR r.account_id = ANY(%(accounts)s))
                  AND (%(before)s::bigint IS NULL OR r.id < %(before)s)
                  AND CASE %(side)s::text WHEN 'provider' THEN a.provider WHEN 'consumer' THEN a.consumer ELSE true END
                ORDER BY r.id DESC LIMIT %(limit)s"""
        ),
        {"accounts": None if accounts is None else list(accounts), "before": before, "limit": limit + 1, "side": side},
    )
    found, following = page_of(rows, limit)
    return [State(**row).shown() for row in found], following


async def create(tx: Tx, repository_id: int, account_id: int, full_name: str, installation_id: int) -> bool:
    """A new one, not enabled as anything. False: it has a row. `make_room` comes first."""
    return await changed(
        tx,
        """INSERT INTO repositories (id, account_id, full_name, installation_id) VALUES (%s, %s, %s, %s)
           ON CONFLICT (id) DO NOTHING""",
        (repository_id, account_id, full_name, installation_id),
    )


async def change(tx: Tx, seen: State, fields: Mapping[str, Any]) -> bool:
    """Write these columns, if it is still as it was seen. False: somebody was first."""
    columns = sql.SQL(", ").join(sql.SQL("{} = {}").format(sql.Identifier(c), sql.Placeholder(c)) for c in fields)
    query = sql.SQL(
        "UPDATE repositories SET {}, version = version + 1 WHERE id = %(seen_id)s AND version = %(seen_version)s"
    )
    return await changed(tx, query.format(columns), {**fields, "seen_id": seen.id, "seen_version": seen.version})


async def make_room(tx: Tx, repository_id: int, full_name: str, installation_id: int | None) -> int | None:
    """What must be before a row is written: its installation, and its name free.

    Gives the id of the repository that had the name until now, and has lost it at GitHub.
    """
    if installation_id is not None:
        await tx.execute("INSERT INTO installations (id) VALUES (%s) ON CONFLICT DO NOTHING", (installation_id,))
    row = await one(
        tx,
        """UPDATE repositories SET full_name = full_name || '#' || id, enabled = false, version = version + 1
           WHERE lower(full_name) = lower(%s) AND id <> %s RETURNING id""",
        (full_name, repository_id),
    )
    return row["id"] if row else None


async def hook_generation(tx: Tx, repository_id: int) -> int:
    """Which secret its webhook has; 0, too, for one that nobody knows, so that a stranger sees no difference."""
    row = await one(tx, "SELECT hook_generation FROM repositories WHERE id = %s", (repository_id,))
    return int(row["hook_generation"]) if row else 0


async def identities(tx: Tx) -> dict[str, tuple[int, int | None]]:
    """(id, installation id) of all, by name in lower case."""
    rows = await many(tx, "SELECT lower(full_name) AS name, id, installation_id FROM repositories")
    return {row["name"]: (row["id"], row["installation_id"]) for row in rows}


async def accounts_of(tx: Tx, *repository_ids: int) -> list[int | None]:
    """The account of each, in their order; None for one that is not known here."""
    rows = await many(tx, "SELECT id, account_id FROM repositories WHERE id = ANY(%s)", (list(repository_ids),))
    known = {row["id"]: row["account_id"] for row in rows}
    return [known.get(repository_id) for repository_id in repository_ids]


async def of_accounts(tx: Tx, accounts: Sequence[int] | None) -> list[int] | None:
    """The ids of these accounts' repositories; None, which stands for all, remains None."""
    if accounts is None:
        return None
    rows = await many(tx, "SELECT id FROM repositories WHERE account_id = ANY(%s)", (list(accounts),))
    return [row["id"] for row in rows]
