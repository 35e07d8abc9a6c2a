"""Messages that were turned away at the door: that they were, where from and why. Nothing of them is kept."""

from datetime import datetime
from typing import Any

from psycopg.types.json import Jsonb

from zekt_backend.rules.records import SignedClaims
from zekt_backend.store.database import Tx, changed, one


async def record(
    tx: Tx,
    claims: SignedClaims,
    *,
    service_id: int | None,
    code: str,
    reasons: dict[str, Any],
    size: int,
    now: datetime,
) -> None:
    """One row for each reason of a run's attempt; the same again is counted in it."""
    of = (claims.repository_id, claims.run_id, claims.run_attempt, claims.workflow_path, service_id, code)
    again = await changed(
        tx,
        """UPDATE refusals SET times = times + 1
           WHERE (repository_id, run_id, run_attempt, workflow_path, code) = (%s, %s, %s, %s, %s)
             AND service_id IS NOT DISTINCT FROM %s AND reasons = %s AND bytes = %s""",
        (*of[:4], code, service_id, Jsonb(reasons), size),
    )
    if not again:
        await tx.execute(
            """INSERT INTO refusals (repository_id, run_id, run_attempt, workflow_path, service_id, code, reasons,
                   bytes, at)
               VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s)""",
            (*of, Jsonb(reasons), size, now),
        )


async def forget(tx: Tx, before: datetime, limit: int) -> int:
    """Drop those of before then, the oldest first. Returns how many went."""
    cursor = await tx.execute(
        "DELETE FROM refusals WHERE id IN (SELECT id FROM refusals WHERE at < %s ORDER BY at LIMIT %s)", (before, limit)
    )
    return cursor.rowcount


async def count_of_run(tx: Tx, claims: SignedClaims) -> int:
    """How often this attempt of a run was turned away."""
    row = await one(
        tx,
        """SELECT coalesce(sum(times), 0)::bigint AS n FROM refusals
           WHERE repository_id = %s AND run_id = %s AND run_attempt = %s""",
        (claims.repository_id, claims.run_id, claims.run_attempt),
    )
    return int(row["n"]) if row else 0
