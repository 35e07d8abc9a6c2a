"""Every try at GitHub, written before the call and finished after it."""

from dataclasses import dataclass
from datetime import datetime

from zekt_backend.rules.happenings import Tried
from zekt_backend.rules.records import Answer
from zekt_backend.store.database import Tx, changed, one


@dataclass(frozen=True, slots=True)
class Open:
    """An attempt that was started and not heard of again."""

    number: int
    job_id: int | None


async def unfinished(tx: Tx, delivery_id: str) -> Open | None:
    row = await one(
        tx,
        """SELECT number, job_id FROM attempts WHERE delivery_id = %s AND finished_at IS NULL
           ORDER BY number DESC LIMIT 1""",
        (delivery_id,),
    )
    return Open(**row) if row else None


async def count_lost(tx: Tx, delivery_id: str) -> int:
    """Attempts whose maker died, and whose answer nobody heard."""
    row = await one(
        tx, "SELECT count(*) AS n FROM attempts WHERE delivery_id = %s AND category = 'lost'", (delivery_id,)
    )
    return int(row["n"]) if row else 0


async def limited_since(tx: Tx, delivery_id: str) -> datetime | None:
    """When GitHub's limit was first met in this round, which is since the last dispatch; None: not yet."""
    row = await one(
        tx,
        """SELECT min(finished_at) AS at FROM attempts
           WHERE delivery_id = %(id)s AND category = 'rate_limit'
             AND number > (SELECT coalesce(max(number), 0) FROM attempts WHERE delivery_id = %(id)s AND accepted)""",
        {"id": delivery_id},
    )
    return row["at"] if row else None


async def start(tx: Tx, delivery_id: str, number: int, *, job_id: int | None, now: datetime) -> None:
    await tx.execute(
        "INSERT INTO attempts (delivery_id, number, job_id, started_at) VALUES (%s, %s, %s, %s)",
        (delivery_id, number, job_id, now),
    )


async def finish(tx: Tx, delivery_id: str, number: int, answer: Answer, now: datetime) -> bool:
    """Write the answer down.

    One that is heard after all replaces 'lost'; the attempt stays ambiguous, since another was made because of it.
    """
    written = await changed(
        tx,
        """UPDATE attempts SET finished_at = %s, accepted = %s,
               ambiguous = %s OR category IS NOT DISTINCT FROM 'lost',
               http_status = %s, github_request_id = %s, category = %s, detail = %s
           WHERE delivery_id = %s AND number = %s AND (finished_at IS NULL OR category = 'lost')""",
        (
            now,
            answer.accepted,
            answer.ambiguous,
            answer.http_status,
            answer.request_id,
            answer.category,
            answer.text,
            delivery_id,
            number,
        ),
    )
    if written:
        tx.happenings.append(Tried(answer.category))
    return written
