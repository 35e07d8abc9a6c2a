"""Runs whose end nobody told us: those of waiting messages, and those that GitHub's list shows.

Events are looked for by scalar subqueries: PostgreSQL makes of EXISTS a join, and of a join over a table that has just
been empty a scan of all events; a subquery goes by their index, row by row.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from zekt_backend.rules.records import RunKey
from zekt_backend.store.database import Tx, many, one
from zekt_backend.store.readings import Place


@dataclass(frozen=True, slots=True)
class AwaitedRun:
    key: RunKey
    place: Place
    asked: int


@dataclass(frozen=True, slots=True)
class Position:
    """A message's place in the order of their receipt."""

    received_at: datetime
    seq: int


async def of_messages(tx: Tx, after: Position, before: datetime, now: datetime, limit: int) -> Position | None:
    """Look through the next `limit` messages received up to `before`, and await each run of which no event came.

    Returns:
        The last one's position; None when there was none.
    """
    row = await one(
        tx,
        """WITH slice AS (SELECT repository_id, run_id, run_attempt, closed_at, received_at, seq FROM messages
                          WHERE (received_at, seq) > (%(after)s, %(seq)s) AND received_at <= %(before)s
                          ORDER BY received_at, seq LIMIT %(limit)s),
                new AS (INSERT INTO awaited_runs (repository_id, run_id, run_attempt, ask_at)
                        SELECT DISTINCT repository_id, run_id, run_attempt, %(now)s::timestamptz FROM slice s
                        WHERE closed_at IS NULL
                          AND (SELECT true FROM events e
                               WHERE (e.repository_id, e.run_id, e.run_attempt)
                                   = (s.repository_id, s.run_id, s.run_attempt)) IS NULL
                        ON CONFLICT DO NOTHING RETURNING 1)
           SELECT received_at, seq FROM slice
           ORDER BY received_at DESC, seq DESC LIMIT 1""",
        {"after": after.received_at, "seq": after.seq, "before": before, "now": now, "limit": limit},
    )
    return Position(**row) if row else None


async def unknown(tx: Tx, keys: Sequence[RunKey]) -> set[RunKey]:
    """Those of which no event came. All of one repository."""
    rows = await many(
        tx,
        """SELECT repository_id, run_id, run_attempt
           FROM events WHERE repository_id = ANY(%s) AND run_id = ANY(%s)""",
        ([key.repository_id for key in keys[:1]], [key.run_id for key in keys]),
    )
    return set(keys) - {RunKey(**row) for row in rows}


async def add(tx: Tx, key: RunKey, ask_at: datetime) -> None:
    """Await this one too; one that is awaited already keeps its time."""
    await tx.execute(
        """INSERT INTO awaited_runs (repository_id, run_id, run_attempt, ask_at) VALUES (%s, %s, %s, %s)
           ON CONFLICT DO NOTHING""",
        (key.repository_id, key.run_id, key.run_attempt, ask_at),
    )


async def drop_known(tx: Tx, now: datetime) -> None:
    """Those that are due and whose event has come meanwhile."""
    await tx.execute(
        """DELETE FROM awaited_runs a
           WHERE ask_at <= %s AND (SELECT true FROM events e
                                   WHERE (e.repository_id, e.run_id, e.run_attempt)
                                       = (a.repository_id, a.run_id, a.run_attempt))""",
        (now,),
    )


async def first_due(tx: Tx, now: datetime, *, but: Sequence[int]) -> AwaitedRun | None:
    """The one longest due, but for these installations' and those of repositories that are switched off."""
    row = await one(
        tx,
        """SELECT a.run_id, a.run_attempt, a.asked, r.id, r.full_name, r.installation_id
           FROM awaited_runs a
           JOIN repositories r ON r.id = a.repository_id AND r.enabled AND r.installation_id <> ALL(%s)
           WHERE a.ask_at <= %s ORDER BY a.ask_at, a.run_id LIMIT 1""",
        (list(but), now),
    )
    if row is None:
        return None
    return AwaitedRun(
        key=RunKey(row["id"], row["run_id"], row["run_attempt"]),
        place=Place(row["id"], row["full_name"], row["installation_id"]),
        asked=row["asked"],
    )


async def postpone(tx: Tx, key: RunKey, ask_at: datetime, *, asked: int) -> None:
    await tx.execute(
        """UPDATE awaited_runs SET asked = %s, ask_at = %s
           WHERE repository_id = %s AND run_id = %s AND run_attempt = %s""",
        (asked, ask_at, key.repository_id, key.run_id, key.run_attempt),
    )


async def postpone_all(tx: Tx, repository_id: int, ask_at: datetime) -> None:
    """Everything of this repository: GitHub would not tell now."""
    await tx.execute(
        "UPDATE awaited_runs SET ask_at = greatest(ask_at, %s) WHERE repository_id = %s", (ask_at, repository_id)
    )


async def drop(tx: Tx, key: RunKey) -> None:
    """It is awaited no more."""
    await tx.execute(
        "DELETE FROM awaited_runs WHERE repository_id = %s AND run_id = %s AND run_attempt = %s",
        (key.repository_id, key.run_id, key.run_attempt),
    )


async def count(tx: Tx) -> int:
    row = await one(tx, "SELECT count(*) AS n FROM awaited_runs")
    return int(row["n"]) if row else 0
