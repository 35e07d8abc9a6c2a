"""The directory of services, as those who look for one see it: never whose it is where that is hidden."""

from collections.abc import Sequence

from zekt_backend.store.database import Tx, one


async def is_visible(tx: Tx, slug: str, accounts: Sequence[int] | None) -> bool:
    """Whether who may read these accounts (None: all) may know of a service by its slug, and ask for it."""
    row = await one(
        tx,
        """SELECT 1 FROM services v JOIN workflows w ON w.id = v.workflow_id
           JOIN repositories r ON r.id = w.repository_id
           WHERE v.slug = %(slug)s
             AND (v.visibility <> 'organization' OR %(mine)s::bigint[] IS NULL OR r.account_id = ANY(%(mine)s))""",
        {"slug": slug, "mine": None if accounts is None else list(accounts)},
    )
    return row is not None
