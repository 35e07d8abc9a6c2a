"""What one transaction makes of an installation, its account and repositories, row by row, for the audit trail."""

from collections.abc import Collection

from zekt_backend.rules.news import Owner
from zekt_backend.store.database import Tx, many
from zekt_backend.store.directory_changes import Rows

_ROWS = """
WITH touched AS (
    SELECT r.* FROM repositories r
    WHERE r.installation_id = %(installation)s OR r.id = ANY(%(ids)s) OR lower(r.full_name) = ANY(%(names)s)
)
SELECT 'account' AS noun, a.id AS key, a.login AS name, a.id AS account_id, NULL::bigint AS other_account_id,
       to_jsonb(a) AS fields, a.xmin = pg_current_xact_id()::xid AS ours
FROM accounts a
WHERE a.github_id = %(owner)s OR lower(a.login) = lower(%(login)s) OR a.id IN (SELECT account_id FROM touched)
UNION ALL
SELECT 'installation', i.id, i.id::text, i.account_id, NULL,
       jsonb_build_object('account_id', i.account_id, 'permissions', i.permissions, 'suspended_at', i.suspended_at,
                          'removed_at', i.removed_at),
       i.xmin = pg_current_xact_id()::xid
FROM installations i WHERE i.id = %(installation)s
UNION ALL
SELECT 'repository', t.id, t.full_name, t.account_id, NULL, to_jsonb(t), r.xmin = pg_current_xact_id()::xid
FROM touched t JOIN repositories r ON r.id = t.id
UNION ALL
SELECT 'workflow', w.id, t.full_name || '/' || w.path, t.account_id, NULL, to_jsonb(w),
       w.xmin = pg_current_xact_id()::xid
FROM touched t JOIN workflows w ON w.repository_id = t.id
UNION ALL
SELECT 'subscription', s.id, v.slug || '@' || c.full_name, p.account_id, nullif(c.account_id, p.account_id),
       to_jsonb(s), s.xmin = pg_current_xact_id()::xid
FROM subscriptions s
JOIN repositories c ON c.id = s.repository_id
JOIN services v ON v.id = s.service_id
JOIN workflows w ON w.id = v.workflow_id
JOIN repositories p ON p.id = w.repository_id
WHERE s.id IN (SELECT u.id FROM touched t JOIN subscriptions u ON u.repository_id = t.id
               UNION
               SELECT u.id FROM touched t JOIN workflows x ON x.repository_id = t.id
                           JOIN services y ON y.workflow_id = x.id JOIN subscriptions u ON u.service_id = y.id)
"""


async def read(
    tx: Tx,
    installation_id: int | None,
    *,
    owner: Owner | None = None,
    repository_ids: Collection[int] = (),
    names: Collection[str] = (),
) -> Rows:
    """The rows that news of these may change."""
    rows = await many(
        tx,
        _ROWS,
        {
            "installation": installation_id,
            "owner": owner.id if owner else None,
            "login": owner.login if owner else None,
            "ids": list(repository_ids),
            "names": [name.lower() for name in names],
        },
    )
    return {(row["noun"], row["key"]): row for row in rows}
