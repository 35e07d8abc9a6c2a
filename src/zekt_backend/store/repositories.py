"""Repositories, as GitHub identifies them: by id, which survives a rename."""

from collections.abc import Sequence
from dataclasses import dataclass

from zekt_backend.store.database import Tx, many, one


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


async def make_room(tx: Tx, repository_id: int, full_name: str, installation_id: int | None) -> None:
    """What must be before a row is written: its installation, and its name free. Who had that name has lost it."""
    if installation_id is not None:
        await tx.execute("INSERT INTO installations (id) VALUES (%s) ON CONFLICT DO NOTHING", (installation_id,))
    await tx.execute(
        """UPDATE repositories SET full_name = full_name || '#' || id, enabled = false, version = version + 1
           WHERE lower(full_name) = lower(%s) AND id <> %s""",
        (full_name, repository_id),
    )


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
