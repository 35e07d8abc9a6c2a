"""Webhooks that a hook's log shows as failed, and when GitHub is asked to send each again.

Events are looked for by scalar subqueries, as `awaited_runs` explains.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from zekt_backend.rules.reconciliation import LogLine
from zekt_backend.store.database import Tx, changed, many, one


@dataclass(frozen=True, slots=True)
class LostWebhook:
    guid: str
    hook_id: int
    delivery_id: int
    """Its newest line in that hook's log."""
    delivered_at: datetime
    asked: int
    installation_id: int | None
    """Of the hook's repository; None for the app's own hook."""
    repository: str | None


async def note(tx: Tx, hook_id: int, failed: Sequence[LogLine], now: datetime) -> int:
    """Keep those of which no event came; how many are new. One that is known keeps its count and its next time."""
    rows = await many(
        tx,
        """INSERT INTO lost_webhooks AS known (guid, hook_id, delivery_id, repository_id, delivered_at, ask_at)
           SELECT guid, %s, delivery_id, repository_id, delivered_at, %s
           FROM unnest(%s::text[], %s::bigint[], %s::bigint[], %s::timestamptz[])
                AS line (guid, delivery_id, repository_id, delivered_at)
           WHERE (SELECT true FROM events e WHERE e.guid = line.guid) IS NULL
           ON CONFLICT (guid) DO UPDATE SET delivery_id = greatest(known.delivery_id, excluded.delivery_id)
               WHERE known.hook_id = excluded.hook_id AND known.ask_at IS NOT NULL
           RETURNING xmax = 0 AS is_new""",
        (
            hook_id,
            now,
            [line.guid for line in failed],
            [line.id for line in failed],
            [line.repository_id for line in failed],
            [line.delivered_at for line in failed],
        ),
    )
    return sum(1 for row in rows if row["is_new"])


async def note_delivered(tx: Tx, hook_id: int, delivered: Sequence[LogLine], now: datetime) -> int:
    """Redeliveries that came through; how many of them were owed. Older lines of the same guid then open nothing."""
    rows = await many(
        tx,
        """WITH line AS (SELECT * FROM unnest(%(guids)s::text[], %(ids)s::bigint[], %(times)s::timestamptz[])
                         AS line (guid, delivery_id, delivered_at)),
                owed AS (UPDATE lost_webhooks l SET ask_at = NULL, settled_at = %(now)s FROM line
                         WHERE l.guid = line.guid AND l.ask_at IS NOT NULL RETURNING l.guid),
                unknown AS (INSERT INTO lost_webhooks (guid, hook_id, delivery_id, delivered_at, settled_at)
                            SELECT guid, %(hook)s, delivery_id, delivered_at, %(now)s FROM line
                            ON CONFLICT (guid) DO NOTHING)
           SELECT guid FROM owed""",
        {
            "guids": [line.guid for line in delivered],
            "ids": [line.id for line in delivered],
            "times": [line.delivered_at for line in delivered],
            "hook": hook_id,
            "now": now,
        },
    )
    return len(rows)


async def settle_known(tx: Tx, now: datetime) -> int:
    """Those that are owed and whose event has come meanwhile, by whatever way; how many."""
    cursor = await tx.execute(
        """UPDATE lost_webhooks l SET ask_at = NULL, settled_at = %(now)s
           WHERE ask_at <= %(now)s AND (SELECT true FROM events e WHERE e.guid = l.guid)""",
        {"now": now},
    )
    return cursor.rowcount


async def first_due(tx: Tx, now: datetime, *, but: Sequence[int]) -> LostWebhook | None:
    """The oldest webhook that is owed, but for what belongs to these owners (installations; 0 is the app)."""
    row = await one(
        tx,
        """SELECT l.guid, l.hook_id, l.delivery_id, l.delivered_at, l.asked,
                  r.installation_id, r.full_name AS repository
           FROM lost_webhooks l
           LEFT JOIN readings g ON g.kind = 'hook' AND g.id = l.hook_id
           LEFT JOIN repositories r ON r.id = g.repository_id
           WHERE l.ask_at <= %s AND coalesce(r.installation_id, 0) <> ALL(%s)
             AND (l.hook_id = 0 OR r.installation_id IS NOT NULL)
           ORDER BY l.delivered_at, l.guid LIMIT 1""",
        (now, list(but)),
    )
    return LostWebhook(**row) if row else None


async def settle_orphans(tx: Tx, now: datetime) -> list[LostWebhook]:
    """Those whose hook is gone, or sends elsewhere now: nobody can redeliver them."""
    rows = await many(
        tx,
        """UPDATE lost_webhooks l SET ask_at = NULL, settled_at = %(now)s
           WHERE ask_at <= %(now)s AND hook_id <> 0
             AND NOT EXISTS (SELECT 1 FROM readings g WHERE g.kind = 'hook' AND g.id = l.hook_id)
           RETURNING guid, hook_id, delivery_id, delivered_at, asked, NULL AS installation_id, NULL AS repository""",
        {"now": now},
    )
    return [LostWebhook(**row) for row in rows]


async def count_asked(tx: Tx, lost: LostWebhook, ask_at: datetime) -> bool:
    """A redelivery is about to be asked for; the next is owed at `ask_at`. False: somebody was first."""
    return await changed(
        tx,
        "UPDATE lost_webhooks SET asked = asked + 1, ask_at = %s WHERE guid = %s AND asked = %s AND ask_at IS NOT NULL",
        (ask_at, lost.guid, lost.asked),
    )


async def take_back(tx: Tx, lost: LostWebhook, ask_at: datetime) -> None:
    """GitHub did not take the request after all."""
    await tx.execute(
        "UPDATE lost_webhooks SET asked = %s, ask_at = %s WHERE guid = %s AND ask_at IS NOT NULL",
        (lost.asked, ask_at, lost.guid),
    )


async def postpone(tx: Tx, hook_id: int, ask_at: datetime) -> None:
    """Everything of this hook: GitHub would not take it now."""
    await tx.execute(
        "UPDATE lost_webhooks SET ask_at = %s WHERE hook_id = %s AND ask_at < %s", (ask_at, hook_id, ask_at)
    )


async def settle(tx: Tx, guid: str, now: datetime) -> None:
    await tx.execute(
        "UPDATE lost_webhooks SET ask_at = NULL, settled_at = %s WHERE guid = %s AND ask_at IS NOT NULL", (now, guid)
    )


async def owed(tx: Tx) -> int:
    """How many are not settled."""
    row = await one(tx, "SELECT count(*) AS n FROM lost_webhooks WHERE ask_at IS NOT NULL")
    return int(row["n"]) if row else 0


async def forget(tx: Tx, before: datetime) -> None:
    """Those settled before then: GitHub's own log has forgotten them, too, so they cannot come up again."""
    await tx.execute("DELETE FROM lost_webhooks WHERE settled_at < %s", (before,))
