"""Runs: their turns; and what is known of them when they have ended, what they have sent and what caused them."""

from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Any, LiteralString

from zekt_backend.rules.correlation import Message
from zekt_backend.rules.records import RunKey
from zekt_backend.rules.trace import Cause
from zekt_backend.store.database import Tx, columns_of, many
from zekt_backend.store.plans import FEW_BY_KEY

TAKE_TURNS: LiteralString = f"""
SELECT set_config('lock_timeout', coalesce(%(patience)s, current_setting('lock_timeout')), true), {FEW_BY_KEY},
       pg_advisory_xact_lock(hashtextextended(name, 0)) FROM unnest(%(runs)s::text[]) AS name"""  # noqa: S608 — a constant
"""Take turns per run: its ends and its messages, of all attempts, must see each other if they come at once.

What follows in the transaction is planned as `plans` has it for `FEW_BY_KEY`."""


def turns(keys: Collection[RunKey], *, patience: float | None = None) -> dict[str, Any]:
    """What `TAKE_TURNS` is given: all take them in the same order.

    With `patience` no lock of this transaction, these and those that follow, is waited for longer than so many seconds.
    """
    return {
        "runs": sorted({f"run:{key.repository_id}:{key.run_id}" for key in keys}),
        "patience": None if patience is None else f"{round(1000 * patience)}ms",
    }


async def take_turn(tx: Tx, key: RunKey) -> None:
    """Take this run's turn, as `TAKE_TURNS` has it."""
    await tx.execute(TAKE_TURNS, turns([key]))


@dataclass(slots=True)
class Past:
    sent: list[Message] = field(default_factory=list)
    """Messages of this attempt or an earlier one, in the order they came."""
    cause: Cause | None = None
    """The first delivery that the run has confirmed; None: it has confirmed none."""


async def pasts(tx: Tx, keys: Collection[RunKey]) -> dict[RunKey, Past]:
    """The past of each of these runs.

    Messages are held: until the transaction ends nobody lets go of their bytes, which somebody may be given.
    """
    rows = await many(
        tx,
        """SELECT k.*, m.*, cause.*
           FROM unnest(%s::bigint[], %s::bigint[], %s::int[]) AS k (of_repository, of_run, of_attempt)
           LEFT JOIN LATERAL (
               SELECT m.event_id, m.event_type, m.workflow_path, m.run_attempt, m.job, m.step, m.leg,
                      m.check_run_id, m.traceparent, m.flushed_at IS NOT NULL AS gone, m.seq,
                      ARRAY(SELECT d.subscription_id FROM deliveries d WHERE d.event_id = m.event_id) AS carried_to
               FROM messages m
               WHERE m.repository_id = of_repository AND m.run_id = of_run AND m.run_attempt <= of_attempt
               FOR SHARE OF m) AS m ON true
           LEFT JOIN LATERAL (
               SELECT d.correlation_id, d.id AS delivery_id, d.attempt, d.envelope->>'traceparent' AS caused_by
               FROM deliveries d WHERE d.consumer_id = of_repository AND d.consumer_run_id = of_run
               ORDER BY d.seq LIMIT 1) AS cause ON true
           ORDER BY m.run_attempt, m.seq""",
        columns_of(keys),
    )
    found = {key: Past() for key in keys}
    for row in rows:
        past = found[RunKey(row["of_repository"], row["of_run"], row["of_attempt"])]
        if row["event_id"] is not None:
            same = {name: row[name] for name in _MESSAGE}
            past.sent.append(Message(carried_to=tuple(row["carried_to"]), **same))
        if row["delivery_id"] is not None:
            past.cause = Cause(row["correlation_id"], row["delivery_id"], row["attempt"], row["caused_by"])
    return found


_MESSAGE = (
    "event_id",
    "event_type",
    "workflow_path",
    "run_attempt",
    "job",
    "step",
    "leg",
    "check_run_id",
    "traceparent",
    "gone",
)
