"""What could not be recovered: found once, open until it was recovered after all or somebody accepted it."""

from datetime import datetime

from zekt_backend.rules.reconciliation import Gap
from zekt_backend.store.database import Tx, many


async def open_(tx: Tx, gap: Gap) -> None:
    """Open it, or keep it open with its newest detail. One that was accepted stays so until it has been recovered."""
    await tx.execute(
        """INSERT INTO gaps (kind, subject, detail, found_at) VALUES (%s, %s, %s, %s)
           ON CONFLICT (kind, subject) DO UPDATE SET detail = excluded.detail, closed_at = NULL,
               found_at = CASE WHEN gaps.closed_at IS NULL THEN gaps.found_at ELSE excluded.found_at END
               WHERE NOT gaps.accepted""",
        (gap.kind, gap.subject, gap.detail, gap.found_at),
    )


async def close(tx: Tx, kind: str, subject: str, now: datetime) -> None:
    """It is a gap no more, if it was one."""
    await tx.execute(
        """UPDATE gaps SET closed_at = %s, accepted = false
           WHERE kind = %s AND subject = %s AND (closed_at IS NULL OR accepted)""",
        (now, kind, subject),
    )


async def close_known(tx: Tx, now: datetime) -> None:
    """Webhooks whose event has come after all, because somebody pressed `Redeliver`, say; what was uninstalled."""
    await tx.execute(
        """UPDATE gaps g SET closed_at = %s
           WHERE closed_at IS NULL
             AND (kind = 'webhook' AND (SELECT true FROM events e WHERE e.guid = g.subject)
                  OR kind = 'installation' AND (SELECT true FROM installations i WHERE i.removed_at IS NOT NULL
                                                AND 'installation ' || i.id = g.subject))""",
        (now,),
    )


async def accept(tx: Tx, now: datetime) -> list[str]:
    """Somebody has seen those that are open, and can live with them; which, as `KIND SUBJECT`."""
    rows = await many(
        tx, "UPDATE gaps SET closed_at = %s, accepted = true WHERE closed_at IS NULL RETURNING kind, subject", (now,)
    )
    return sorted(f"{row['kind']} {row['subject']}" for row in rows)


async def all_open(tx: Tx) -> list[Gap]:
    """Oldest first."""
    rows = await many(
        tx, "SELECT kind, subject, detail, found_at FROM gaps WHERE closed_at IS NULL ORDER BY found_at, kind, subject"
    )
    return [Gap(**row) for row in rows]
