"""What one transaction has changed in the directory, row by row: read before it writes, and again after."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from zekt_backend.store import audit
from zekt_backend.store.database import Tx, many

_ROWS = """
SELECT 'account' AS noun, a.id AS key, a.login AS name, a.id AS account_id, NULL::bigint AS other_account_id,
       to_jsonb(a) AS fields, a.xmin = pg_current_xact_id()::xid AS ours
FROM accounts a
UNION ALL
SELECT 'repository', r.id, r.full_name, r.account_id, NULL, to_jsonb(r), r.xmin = pg_current_xact_id()::xid
FROM repositories r
UNION ALL
SELECT 'workflow', w.id, r.full_name || '/' || w.path, r.account_id, NULL, to_jsonb(w),
       w.xmin = pg_current_xact_id()::xid
FROM workflows w JOIN repositories r ON r.id = w.repository_id
UNION ALL
SELECT 'service', v.id, v.slug, r.account_id, NULL, to_jsonb(v), v.xmin = pg_current_xact_id()::xid
FROM services v JOIN workflows w ON w.id = v.workflow_id JOIN repositories r ON r.id = w.repository_id
UNION ALL
SELECT 'subscription', s.id, v.slug || '@' || c.full_name, p.account_id, nullif(c.account_id, p.account_id),
       to_jsonb(s), s.xmin = pg_current_xact_id()::xid
FROM subscriptions s
JOIN services v ON v.id = s.service_id
JOIN workflows w ON w.id = v.workflow_id
JOIN repositories p ON p.id = w.repository_id
JOIN repositories c ON c.id = s.repository_id
"""

_UNTOLD = ("secret", "token", "digest", "password", "private", "requested_", "decided_")
"""A column with such a word in its name stands in no audit trail, whatever it holds. Who asked and who decided would
tell the other side a name that may be hidden from it; every line has its own actor and time."""


@dataclass(frozen=True, slots=True)
class Change:
    """One row that is new or other than it was; of a changed one only the columns that differ.

    Of one that went to another account there are two: for that account what it was and is, for the old one what it was.
    """

    noun: str
    name: str
    account_id: int | None
    other_account_id: int | None
    before: dict[str, Any] | None
    after: dict[str, Any] | None

    @property
    def action(self) -> str:
        return f"{self.noun}.{'create' if self.before is None else 'change'}"


Rows = dict[tuple[str, int], dict[str, Any]]


async def begin(tx: Tx) -> Rows:
    """The directory as it stands, and as nobody else changes it until this transaction ends; readers go on."""
    await tx.execute(
        "LOCK TABLE accounts, repositories, workflows, services, subscriptions IN SHARE ROW EXCLUSIVE MODE"
    )
    return await _read(tx)


async def since(tx: Tx, then: Rows) -> list[Change]:
    """What this transaction has made of it, in the order of `_ROWS`."""
    return between(then, await _read(tx))


def between(then: Rows, now: Rows) -> list[Change]:
    """What this transaction has made of rows that were read before it wrote, and again after."""
    return [change for key, row in now.items() if row["ours"] for change in _changes(then.get(key), row)]


async def _read(tx: Tx) -> Rows:
    return {(row["noun"], row["key"]): row for row in await many(tx, _ROWS)}


def _changes(old: dict[str, Any] | None, new: dict[str, Any]) -> list[Change]:
    was, now = _told(old["fields"]) if old else None, _told(new["fields"])
    if was is not None:
        differing = [name for name in now if name != "version" and was.get(name) != now[name]]
        if not differing:
            return []
        was, now = ({name: side.get(name) for name in differing} for side in (was, now))
    changes = [Change(new["noun"], new["name"], new["account_id"], new["other_account_id"], was, now)]
    if old and old["account_id"] not in {None, new["account_id"]}:
        # Where it went, and under which name, is for the two owners to tell each other.
        changes.append(Change(old["noun"], old["name"], old["account_id"], None, was, None))
    return changes


def _told(fields: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in fields.items() if not any(word in name for word in _UNTOLD)}


async def tell(tx: Tx, change: Change, *, actor: str, now: datetime) -> None:
    """The change's line of the audit trail."""
    await audit.record(
        tx,
        now=now,
        actor=actor,
        account_id=change.account_id,
        other_account_id=change.other_account_id,
        action=change.action,
        subject=change.name,
        before=change.before,
        after=change.after,
    )
