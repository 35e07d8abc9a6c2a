"""The job engine's queue, seen from a transaction: a job commits or rolls back with the rows it serves."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import cast

from pgqueuer.queries import Queries
from psycopg import AsyncConnection

from zekt_backend.store.database import Tx, many
from zekt_backend.store.plans import in_index_order

DELIVER = "deliver"
SETTLE = "settle"
INSTALLATION = "installation"
REPOSITORY = "repository"
NOTIFY = "notify"
REPLAY = "replay"
ENTRYPOINTS = (DELIVER, SETTLE, INSTALLATION, REPOSITORY, NOTIFY, REPLAY)
"""All that a worker installs: /metrics counts their jobs."""


@dataclass(frozen=True, slots=True)
class Wake:
    """Look at this (an id) after this long. `key` keeps a second live job for the same step out."""

    entrypoint: str
    subject: str
    key: str
    after: timedelta


def deliver(delivery_id: str, dispatches: int, after: timedelta) -> Wake:
    """One live job per delivery and round: the row is the truth, the job only wakes. `unwoken` asks for this key."""
    return Wake(DELIVER, delivery_id, f"{DELIVER}:{delivery_id}:{dispatches}", max(after, timedelta(0)))


def settle(delivery_id: str) -> Wake:
    return Wake(SETTLE, delivery_id, f"{SETTLE}:{delivery_id}", timedelta(0))


def replay(replay_id: int) -> Wake:
    """The next of many replays."""
    return Wake(REPLAY, str(replay_id), f"{REPLAY}:{replay_id}", timedelta(0))


def notify(slot: int) -> Wake:
    """Look for notices that are due. There are few slots, so that no rush of notices takes the dispatches' place."""
    return Wake(NOTIFY, str(slot), f"{NOTIFY}:{slot}", timedelta(0))


def read_installation(installation_id: int, after: timedelta = timedelta(0)) -> Wake:
    """As GitHub has it then. A job that is at work already reads again, if something was told since it began."""
    return _read(INSTALLATION, str(installation_id), after)


def read_repository(installation_id: int, repository_id: int, after: timedelta = timedelta(0)) -> Wake:
    """The same, of a repository that this installation has or had."""
    return _read(REPOSITORY, f"{installation_id}:{repository_id}", after)


def _read(entrypoint: str, subject: str, after: timedelta) -> Wake:
    # One that is planned for later keeps no other from being made at once.
    key = f"{entrypoint}:{subject}:later" if after else f"{entrypoint}:{subject}"
    return Wake(entrypoint, subject, key, after)


async def enqueue(tx: Tx, wakes: Sequence[Wake]) -> int:
    """Queue them; those whose step has a live job already are skipped. Returns how many are new."""
    if not wakes:
        return 0
    # The engine reads its rows with a row factory of its own, whatever the connection's is.
    connection = cast("AsyncConnection", tx)
    ids = await Queries.from_psycopg_connection(connection).enqueue(
        [wake.entrypoint for wake in wakes],
        [wake.subject.encode() for wake in wakes],
        [0] * len(wakes),
        execute_after=[wake.after for wake in wakes],
        dedupe_key=[wake.key for wake in wakes],
        on_conflict="skip",
    )
    return sum(1 for job_id in ids if job_id is not None)


async def hasten(tx: Tx, delivery_id: str, dispatches: int) -> bool:
    """Wake this delivery now instead of later. False: its job is at work this moment, and is left alone."""
    wake = deliver(delivery_id, dispatches, timedelta(0))
    return await replace(tx, wake)


async def replace(tx: Tx, wake: Wake) -> bool:
    """Wake at this time and not at the one planned before. False: its job is at work this moment."""
    # A new row and not another time in the old one: the engine tells its workers of nothing else.
    await tx.execute("DELETE FROM pgqueuer WHERE dedupe_key = %s AND status = 'queued'", (wake.key,))
    return await enqueue(tx, [wake]) == 1


# OFFSET 0 keeps each delivery's job a question of its own: a join, planned while the queue is empty, reads all of the
# queue for each delivery.
_UNWOKEN = """
SELECT d.id, d.dispatches
FROM (SELECT id FROM deliveries WHERE status = 'pending' AND due_at <= %s ORDER BY due_at LIMIT %s) AS owed
JOIN deliveries d ON d.id = owed.id
WHERE (d.status = 'pending' AND d.due_at <= %s) IS TRUE
  AND NOT EXISTS (SELECT FROM pgqueuer q WHERE q.dedupe_key = concat_ws(':', %s::text, d.id, d.dispatches)
                    AND q.status IN ('queued', 'picked') OFFSET 0)
FOR UPDATE OF d SKIP LOCKED"""


async def unwoken(tx: Tx, before: datetime, limit: int) -> list[Wake]:
    """Of the `limit` deliveries that owe a try since longest, those owed since `before` that have no live job.

    Their rows are held. Those that have one are left to it: held here, they would be in their own try's way.
    """
    async with in_index_order(tx):
        rows = await many(tx, _UNWOKEN, (before, limit, before, DELIVER))
    return [deliver(row["id"], row["dispatches"], timedelta(0)) for row in rows]


async def forget(tx: Tx, before: datetime, limit: int) -> int:
    """Delete up to `limit` rows of each of the engine's log tables that are older; returns how many went."""
    log = await tx.execute(
        """DELETE FROM pgqueuer_log WHERE id IN
               (SELECT id FROM pgqueuer_log WHERE created < %s ORDER BY id LIMIT %s FOR UPDATE SKIP LOCKED)""",
        (before, limit),
    )
    statistics = await tx.execute(
        """DELETE FROM pgqueuer_statistics WHERE id IN
               (SELECT id FROM pgqueuer_statistics WHERE created < %s ORDER BY id LIMIT %s FOR UPDATE SKIP LOCKED)""",
        (before, limit),
    )
    return log.rowcount + statistics.rowcount
