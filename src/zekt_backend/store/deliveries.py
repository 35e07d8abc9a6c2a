"""Deliveries: changed only by compare-and-swap, each change with its line of history."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from psycopg import sql

from zekt_backend.rules import spans
from zekt_backend.rules.happenings import Moved
from zekt_backend.rules.lifecycle import Fact, Status, sources, target
from zekt_backend.rules.records import RunKey
from zekt_backend.store import notices
from zekt_backend.store.database import Tx, columns_of, many, one


@dataclass(frozen=True, slots=True)
class Delivery:
    """A row, as far as the flows need it."""

    id: str
    subscription_id: int
    provider_id: int
    consumer_id: int
    consumer: str
    installation_id: int
    correlation_id: str
    event_id: str | None
    envelope: dict[str, Any]
    durable: bool
    confirm_timeout: timedelta
    complete_timeout: timedelta
    max_dispatches: int
    status: Status
    due_at: datetime | None
    paced: bool
    attempt: int
    tries: int
    dispatches: int
    consumer_run_id: int | None
    consumer_run_attempt: int | None


_ROW = sql.SQL(
    """id, subscription_id, provider_id, consumer_id, consumer, installation_id, correlation_id, event_id, envelope,
       durable, confirm_timeout, complete_timeout, max_dispatches, status, due_at, paced, attempt, tries, dispatches,
       consumer_run_id, consumer_run_attempt"""
)


def _delivery(row: Mapping[str, Any]) -> Delivery:
    return Delivery(**{**row, "status": Status(row["status"])})


async def lock(tx: Tx, delivery_id: str) -> Delivery | None:
    """The row, held until the transaction ends, so that what is decided on it is still true when written."""
    row = await one(tx, sql.SQL("SELECT {} FROM deliveries WHERE id = %s FOR UPDATE").format(_ROW), (delivery_id,))
    return _delivery(row) if row else None


async def lock_for_consumer(
    tx: Tx, *, consumer_id: int, correlation_id: str, delivery_id: str | None, run_id: int
) -> Delivery | None:
    """The delivery a consumer's run speaks of.

    By id; else the one this run confirmed before; else the newest open one that no run has confirmed; else the newest.
    Only what was sent at least once, and to that very repository, is seen: not-yours and not-there look alike.
    """
    # Two runs that ask at the same moment take turns, so that each sees what the other took.
    name = f"consumer:{consumer_id}:{correlation_id}"
    await tx.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", (name,))
    row = await one(
        tx,
        sql.SQL(
            """SELECT {} FROM deliveries
               WHERE consumer_id = %(consumer)s AND correlation_id = %(correlation)s AND attempt > 0
                 AND (%(id)s::text IS NULL OR id = %(id)s)
               ORDER BY consumer_run_id IS NOT DISTINCT FROM %(run)s DESC,
                        consumer_run_id IS NULL AND status IN ('pending', 'dispatched') DESC, seq DESC
               LIMIT 1 FOR UPDATE"""
        ).format(_ROW),
        {"consumer": consumer_id, "correlation": correlation_id, "id": delivery_id, "run": run_id},
    )
    return _delivery(row) if row else None


# Asked for its keys by itself, and IS TRUE, here and below: as in `tries`, for the same reasons.
async def lock_confirmed_by(tx: Tx, runs: Collection[RunKey]) -> list[Delivery]:
    """Deliveries that these consumers' runs have confirmed, in this attempt or an earlier one, and not yet ended.

    Only of repositories that have completion tracking on.
    """
    rows = await many(
        tx,
        sql.SQL(
            """SELECT {} FROM deliveries d
               JOIN unnest(%(repositories)s::bigint[], %(runs)s::bigint[], %(attempts)s::int[])
                   AS k (of_repository, of_run, of_attempt)
                   ON consumer_id = of_repository AND consumer_run_id = of_run AND consumer_run_attempt <= of_attempt
               WHERE consumer_id = ANY(%(repositories)s) AND consumer_run_id = ANY(%(runs)s)
                 AND (status = 'confirmed') IS TRUE
                 AND EXISTS (SELECT 1 FROM repositories r WHERE r.id = of_repository AND r.completion_tracking)
               ORDER BY seq FOR UPDATE OF d"""
        ).format(_ROW),
        dict(zip(("repositories", "runs", "attempts"), columns_of(runs), strict=True)),
    )
    return [_delivery(row) for row in rows]


async def lock_due(tx: Tx, status: Status, before: datetime, limit: int) -> list[Delivery]:
    """What is owed since `before`, oldest first, leaving alone what somebody else holds."""
    rows = await many(
        tx,
        sql.SQL(
            """SELECT {} FROM deliveries WHERE status = %s AND due_at <= %s
               ORDER BY due_at LIMIT %s FOR UPDATE SKIP LOCKED"""
        ).format(_ROW),
        (status.value, before, limit),
    )
    return [_delivery(row) for row in rows]


async def lock_held(tx: Tx, installation_id: int, limit: int) -> list[tuple[Delivery, int]]:
    """What a suspension holds back of which an end lies here, and none is suspended any more; oldest first.

    Each with the installation through which its consumer is reached now.
    """
    rows = await many(
        tx,
        sql.SQL(
            """SELECT {}, coalesce((SELECT r.installation_id FROM repositories r WHERE r.id = d.consumer_id),
                                   d.installation_id) AS through
               FROM deliveries d WHERE status = 'pending' AND failure = 'suspended'
                 AND EXISTS (SELECT 1 FROM repositories r
                             WHERE r.id IN (d.consumer_id, d.provider_id) AND r.installation_id = %(id)s)
                 AND NOT EXISTS (SELECT 1 FROM repositories r JOIN installations i ON i.id = r.installation_id
                                 WHERE r.id IN (d.consumer_id, d.provider_id) AND i.suspended_at IS NOT NULL
                                   AND i.removed_at IS NULL)
               ORDER BY seq LIMIT %(limit)s FOR UPDATE OF d SKIP LOCKED"""
        ).format(_ROW),
        {"id": installation_id, "limit": limit},
    )
    through = [int(row.pop("through")) for row in rows]
    return list(zip(map(_delivery, rows), through, strict=True))


_SETTABLE = frozenset(
    {
        "consumer",
        "installation_id",
        "due_at",
        "paced",
        "attempt",
        "tries",
        "dispatches",
        "dispatched_at",
        "confirmed_at",
        "completed_at",
        "consumer_run_id",
        "consumer_run_attempt",
        "consumer_conclusion",
        "result",
        "failure",
        "advice",
    }
)


async def advance(tx: Tx, delivery_id: str, fact: Fact, now: datetime, *, detail: str = "", **columns: Any) -> bool:
    """Compare-and-swap along the transition table, with its line of history. False: somebody was first."""
    row = await one(
        tx,
        sql.SQL(
            """UPDATE deliveries d SET status = %(to)s{}
               FROM (SELECT id, status FROM deliveries WHERE id = %(id)s) AS old
               WHERE d.id = old.id AND (d.status = ANY(%(from)s)) IS TRUE
               RETURNING old.status AS before, d.created_at AS made_at, d.correlation_id, d.consumer_id, d.failure,
                   d.attempt AS attempts, d.dispatches, d.dispatched_at, d.confirmed_at,
                   d.envelope->>'traceparent' AS traceparent"""
        ).format(_assignments(columns)),
        {"id": delivery_id, "to": target(fact).value, "from": sources(fact), **columns},
    )
    if row is None:
        return False
    before, made_at = Status(row.pop("before")), row.pop("made_at")
    await note(tx, delivery_id, fact, now, before=before, after=target(fact), detail=detail)
    tx.happenings += spans.step(delivery_id, fact, row["attempts"], row, now)
    for name in ("dispatched_at", "confirmed_at", "traceparent"):
        del row[name]
    tx.happenings.append(Moved(delivery_id, fact, target(fact), now - made_at, **row))
    if target(fact) is Status.FAILED:
        await notices.note_failure(tx, delivery_id, now)
    return True


async def keep(tx: Tx, delivery_id: str, status: Status, **columns: Any) -> bool:
    """Change columns while the status stays `status`. False: it has changed meanwhile."""
    row = await one(
        tx,
        sql.SQL(
            "UPDATE deliveries SET status = status{} WHERE id = %(id)s AND (status = %(status)s) IS TRUE RETURNING id"
        ).format(_assignments(columns)),
        {"id": delivery_id, "status": status.value, **columns},
    )
    return row is not None


def _assignments(columns: Mapping[str, Any]) -> sql.Composable:
    if strangers := set(columns) - _SETTABLE:
        raise ValueError(f"not a settable column: {', '.join(sorted(strangers))}")
    return sql.SQL("").join(
        sql.SQL(", {} = {}").format(sql.Identifier(name), sql.Placeholder(name)) for name in columns
    )


async def note(
    tx: Tx, delivery_id: str, fact: Fact, now: datetime, *, before: Status | None, after: Status, detail: str
) -> None:
    """A line of history; facts that change no status have `before` equal to `after`."""
    await tx.execute(
        """INSERT INTO history (delivery_id, at, fact, from_status, to_status, detail)
           VALUES (%s, %s, %s, %s, %s, %s)""",
        (delivery_id, now, fact.value, before.value if before else None, after.value, detail),
    )


async def note_once(tx: Tx, delivery_id: str, now: datetime, *, status: Status, detail: str) -> None:
    """A call that changed nothing, told once however often it is repeated."""
    await tx.execute(
        """INSERT INTO history (delivery_id, at, fact, from_status, to_status, detail)
           SELECT %(id)s, %(now)s, %(fact)s, %(status)s, %(status)s, %(detail)s
           WHERE NOT EXISTS (SELECT 1 FROM history
                             WHERE delivery_id = %(id)s AND fact = %(fact)s AND detail = %(detail)s)""",
        {"id": delivery_id, "now": now, "fact": Fact.NOTED.value, "status": status.value, "detail": detail},
    )
