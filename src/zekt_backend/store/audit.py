"""The audit trail: who changed what, when, from what to what. Written in the change's own transaction."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from psycopg.types.json import Jsonb
from pydantic.alias_generators import to_camel

from zekt_backend.rules.access import OPERATOR
from zekt_backend.rules.happenings import Managed
from zekt_backend.store.database import Listing, Tx, many, page_of


async def record(
    tx: Tx,
    *,
    now: datetime,
    actor: str,
    account_id: int | None,
    action: str,
    subject: str,
    before: Mapping[str, Any] | None = None,
    after: Mapping[str, Any] | None = None,
    other_account_id: int | None = None,
) -> None:
    """One line. `action` is `noun.verb` (`subscription.approve`); neither side may hold a secret.

    It is `account_id`'s change. `other_account_id` may read the line too, but not who it was: the other side of a
    subscription or of a delivery.
    """
    await tx.execute(
        """INSERT INTO audit (at, actor, account_id, other_account_id, action, subject, before, after)
           VALUES (%s, %s, %s, %s, %s, %s, %s, %s)""",
        (now, actor, account_id, other_account_id, action, subject, _json(before), _json(after)),
    )
    tx.happenings.append(Managed(actor, action, subject, account_id))


def _json(side: Mapping[str, Any] | None) -> Jsonb | None:
    return None if side is None else Jsonb(dict(side))


async def page(tx: Tx, *, accounts: Sequence[int] | None, before: int | None, limit: int) -> Listing:
    """The newest lines of these accounts (None: of all), and the cursor of the next page."""
    rows = await many(
        tx,
        """SELECT u.id, u.at, u.account_id, u.actor, a.login AS account, u.action, u.subject, u.before, u.after
           FROM audit u LEFT JOIN accounts a ON a.id = u.account_id
           WHERE (%(accounts)s::bigint[] IS NULL OR u.account_id = ANY(%(accounts)s)
                  OR u.other_account_id = ANY(%(accounts)s))
             AND (%(before)s::bigint IS NULL OR u.id < %(before)s)
           ORDER BY u.id DESC LIMIT %(limit)s""",
        {"accounts": None if accounts is None else list(accounts), "before": before, "limit": limit + 1},
    )
    found, following = page_of(rows, limit)
    return [_readable(row, accounts) for row in found], following


def _readable(row: dict[str, Any], accounts: Sequence[int] | None) -> dict[str, Any]:
    """Of the other side's doings one learns what changed, not who did it: they may be hidden from each other."""
    theirs = accounts is not None and row["account_id"] not in accounts
    return {
        "id": row["id"],
        "at": row["at"].isoformat(),
        "actor": "the other side" if theirs and row["actor"] != OPERATOR else row["actor"],
        "account": None if theirs else row["account"],
        "action": row["action"],
        "subject": row["subject"],
        "before": camel(row["before"]),
        "after": camel(row["after"]),
    }


def camel(side: dict[str, Any] | None) -> dict[str, Any] | None:
    """A row, or what differs in it, with the keys that our JSON has."""
    return None if side is None else {to_camel(name): value for name, value in side.items()}
