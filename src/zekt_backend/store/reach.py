"""How the app stands at repositories: what stands between it and them, as GitHub last told."""

from collections.abc import Collection

from zekt_backend.rules.reach import Reach
from zekt_backend.store.database import Tx, many


async def of(tx: Tx, repository_ids: Collection[int]) -> dict[int, Reach]:
    """By id, of those that have a row."""
    rows = await many(
        tx,
        """SELECT r.id, r.full_name, r.installation_id, r.removed_at, r.removed_why, i.suspended_at,
                  i.removed_at AS uninstalled_at
           FROM repositories r LEFT JOIN installations i ON i.id = r.installation_id WHERE r.id = ANY(%s)""",
        (list(repository_ids),),
    )
    return {row.pop("id"): Reach(**row) for row in rows}
