"""Many tries at once, where nothing is in their way: each statement does for all of them what is done for one.

Nobody is waited for here: a row that somebody else holds is left out, so that one delivery's trouble is not the
others'. What is left out is tried by itself (`flows/claim.py`, `flows/deliver.py`), where every case has its place.
"""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from datetime import datetime, timedelta
from typing import Any

from psycopg import sql

from zekt_backend.rules.happenings import Moved, Tried
from zekt_backend.rules.lifecycle import Fact, Status, sources, target
from zekt_backend.rules.pace import Pace
from zekt_backend.rules.reach import Reach
from zekt_backend.rules.records import Answer
from zekt_backend.store.database import Tx, many
from zekt_backend.store.deliveries import Delivery
from zekt_backend.store.directory import STOPPED

_COLUMNS = [field.name for field in fields(Delivery)]


@dataclass(frozen=True, slots=True)
class Candidate:
    """A delivery that is held and owes a try now: none is in flight, and no limit or turn is in its way.

    With a pace its installation is held as well, but what else it has planned, and written lately, is not looked at.
    """

    delivery: Delivery
    stopped: str | None
    """As `directory.stopped_by` has it."""
    provider: Reach
    consumer: Reach
    limited: bool
    """As of `installations.Outlook`."""


# Whoever changed a delivery while its row was waited for has started or ended an attempt, and that is seen too late
# here: then the last attempt is not the one that the row names. What has moved elsewhere is not for here, either.
# OFFSET 0 keeps the parts apart: planned as one join of nine tables this took 6 ms, many times what it takes to run.
# And it keeps the order: where the planner knew of few deliveries it began at the subscriptions, and read all that each
# of them ever had.
# What a delivery can be given anew is compared outside of the parts, where it is looked at again once the row is held.
# IS TRUE, here and below, keeps the planner from the indexes of status and due time: it knows how many waited when
# autovacuum came by last, often none, and would read all that wait now to find the few that are named.
_CANDIDATES = """
SELECT {row}, {stopped} AS stopped, i.limits_in_row > 0 AS limited, i.suspended_at, i.removed_at AS uninstalled_at,
       consumer.removed_at, consumer.removed_why,
       provider.full_name AS p_name, provider.installation_id AS p_installation, provider.removed_at AS p_removed_at,
       provider.removed_why AS p_removed_why, provider.suspended_at AS p_suspended_at,
       provider.uninstalled_at AS p_uninstalled_at
FROM deliveries d
JOIN installations i ON i.id = d.installation_id
CROSS JOIN LATERAL (SELECT r.* FROM repositories r
                    WHERE r.id = d.consumer_id OFFSET 0) AS consumer
CROSS JOIN LATERAL (SELECT t.service_id, t.status FROM subscriptions t
                    WHERE t.id = d.subscription_id AND t.repository_id = d.consumer_id OFFSET 0) AS s
CROSS JOIN LATERAL (SELECT v.retired_at FROM services v JOIN workflows w ON w.id = v.workflow_id
                    WHERE v.id = s.service_id AND w.repository_id = d.provider_id OFFSET 0) AS v
CROSS JOIN LATERAL (SELECT r.*, ip.suspended_at, ip.removed_at AS uninstalled_at
                    FROM repositories r LEFT JOIN installations ip ON ip.id = r.installation_id
                    WHERE r.id = d.provider_id OFFSET 0) AS provider
CROSS JOIN LATERAL (SELECT coalesce(max(number), 0) AS last, count(*) FILTER (WHERE finished_at IS NULL) AS open
                    FROM attempts WHERE delivery_id = d.id) AS a
WHERE d.id = ANY(%(ids)s) AND (d.status = 'pending' AND d.due_at <= %(due)s) IS TRUE
  AND consumer.installation_id = d.installation_id AND consumer.full_name = d.consumer
  AND a.open = 0 AND a.last = d.attempt AND i.blocked_until <= %(now)s {free}
ORDER BY d.seq FOR UPDATE OF d {turn} SKIP LOCKED"""

_ROW = ", ".join(f"d.{name}" for name in _COLUMNS)
_AT_ANY_PACE = sql.SQL(_CANDIDATES.format(row=_ROW, stopped=STOPPED, free="", turn=""))
_IN_TURN = sql.SQL(
    _CANDIDATES.format(
        row=_ROW,
        stopped=STOPPED,
        free="AND i.last_write_at + %(spacing)s <= %(now)s AND i.busy_with IS NULL",
        turn="SKIP LOCKED FOR NO KEY UPDATE OF i",
    )
)


async def candidates(
    tx: Tx, delivery_ids: Sequence[str], *, now: datetime, early: timedelta, pace: Pace
) -> list[Candidate]:
    """Those of these deliveries, the oldest first."""
    rows = await many(
        tx,
        _IN_TURN if pace.spacing else _AT_ANY_PACE,
        {"ids": list(delivery_ids), "now": now, "due": now + early, "spacing": pace.spacing},
    )
    return [_candidate(row) for row in rows]


def _candidate(row: dict[str, Any]) -> Candidate:
    delivery = Delivery(**{**{name: row[name] for name in _COLUMNS}, "status": Status(row["status"])})
    reached = (row[name] for name in ("removed_at", "removed_why", "suspended_at", "uninstalled_at"))
    provider = (row[f"p_{name}"] for name in ("removed_at", "removed_why", "suspended_at", "uninstalled_at"))
    return Candidate(
        delivery,
        row["stopped"],
        Reach(row["p_name"], row["p_installation"], *provider),
        Reach(delivery.consumer, delivery.installation_id, *reached),
        row["limited"],
    )


@dataclass(frozen=True, slots=True)
class Start:
    """An attempt that is about to be made."""

    delivery_id: str
    number: int
    job_id: int | None
    installation_id: int
    turn: str


# Each table is asked for its keys by themselves: where they are only joined, and there were few when it was planned, it
# is read whole.
_START = """
WITH begun AS (SELECT * FROM unnest(%(ids)s::text[], %(numbers)s::int[], %(jobs)s::bigint[]) AS b (id, number, job_id)),
     written AS (INSERT INTO attempts (delivery_id, number, job_id, started_at)
                 SELECT id, number, job_id, %(now)s FROM begun) {turns}
UPDATE deliveries d SET attempt = b.number, due_at = %(until)s, paced = false, failure = NULL, advice = NULL
FROM begun b WHERE d.id = b.id AND d.id = ANY(%(ids)s)"""
_START_AT_ANY_PACE = sql.SQL(_START.format(turns=""))
_START_IN_TURN = sql.SQL(
    _START.format(
        turns=""",
     turns AS (UPDATE installations i SET last_write_at = %(now)s, busy_until = %(until)s, busy_with = t.turn
               FROM unnest(%(installations)s::bigint[], %(turns)s::text[]) AS t (id, turn) WHERE i.id = t.id)"""
    )
)


async def start(tx: Tx, starts: Sequence[Start], now: datetime, pace: Pace) -> None:
    """Write them down and let them go out; of candidates only, and with a pace at most one of each installation."""
    await tx.execute(
        _START_IN_TURN if pace.spacing else _START_AT_ANY_PACE,
        {
            "ids": [each.delivery_id for each in starts],
            "numbers": [each.number for each in starts],
            "jobs": [each.job_id for each in starts],
            "installations": [each.installation_id for each in starts],
            "turns": [each.turn for each in starts],
            "now": now,
            "until": now + pace.lease,
        },
    )


# What was asked for is found as the row itself says: still this attempt's, and still to be moved. The attempt is
# finished once, whoever asks how often.
_ACCEPT = """
WITH heard AS (SELECT * FROM unnest(%(ids)s::text[], %(numbers)s::int[], %(installations)s::bigint[], %(turns)s::text[],
                   %(statuses)s::int[], %(requests)s::text[], %(categories)s::text[], %(texts)s::text[],
                   %(ambiguous)s::boolean[], %(details)s::text[])
                   AS h (id, number, installation_id, turn, status, request, category, text, ambiguous, detail)),
     held AS (SELECT h.*, d.status AS before FROM heard h
              JOIN deliveries d ON d.id = h.id AND d.id = ANY(%(ids)s) AND d.attempt = h.number
                               AND (d.status = ANY(%(from)s)) IS TRUE
              {installations}
              FOR UPDATE OF d {turn} SKIP LOCKED),
     ended AS (UPDATE attempts a
               SET finished_at = %(now)s, accepted = true, ambiguous = h.ambiguous, http_status = h.status,
                   github_request_id = h.request, category = h.category, detail = h.text
               FROM held h WHERE a.delivery_id = h.id AND a.delivery_id = ANY(%(ids)s) AND a.number = h.number
                             AND a.finished_at IS NULL
               RETURNING h.*),
     told AS (INSERT INTO history (delivery_id, at, fact, from_status, to_status, detail)
              SELECT id, %(now)s, %(fact)s, before, %(to)s, detail FROM ended) {turns}
UPDATE deliveries d SET status = %(to)s, dispatched_at = %(now)s, dispatches = d.dispatches + 1, tries = 0,
       due_at = CASE WHEN d.durable THEN %(now)s + d.confirm_timeout END
WHERE d.id = ANY(ARRAY(SELECT id FROM ended))
RETURNING d.id, d.attempt, d.dispatches, d.created_at, d.correlation_id, d.consumer_id, d.failure"""
_ACCEPT_AT_ANY_PACE = sql.SQL(_ACCEPT.format(installations="", turn="", turns=""))
_ACCEPT_IN_TURN = sql.SQL(
    _ACCEPT.format(
        installations="JOIN installations i ON i.id = h.installation_id",
        turn="SKIP LOCKED FOR NO KEY UPDATE OF i",
        turns=""",
     turns AS (UPDATE installations i SET busy_until = '-infinity', busy_with = NULL
               FROM ended e WHERE i.id = e.installation_id AND i.busy_with = e.turn),
     past AS (DELETE FROM writes w USING (SELECT DISTINCT installation_id FROM ended) AS e
              WHERE w.installation_id = e.installation_id AND w.at < %(past)s),
     counted AS (INSERT INTO writes (installation_id, at) SELECT installation_id, %(now)s FROM ended)""",
    )
)


@dataclass(frozen=True, slots=True)
class Heard:
    """GitHub has accepted an attempt, and said nothing of limits."""

    delivery_id: str
    number: int
    installation_id: int
    turn: str
    answer: Answer
    detail: str


async def accept(tx: Tx, heard: Sequence[Heard], now: datetime, pace: Pace) -> set[tuple[str, int]]:
    """Move the deliveries on, finish their attempts and end their turns. Gives back (delivery id, number) of those.

    Left out, and untouched: what has moved on meanwhile, or was taken over, or written before.
    """
    rows = await many(
        tx,
        _ACCEPT_IN_TURN if pace.spacing else _ACCEPT_AT_ANY_PACE,
        {
            "ids": [each.delivery_id for each in heard],
            "numbers": [each.number for each in heard],
            "installations": [each.installation_id for each in heard],
            "turns": [each.turn for each in heard],
            "statuses": [each.answer.http_status for each in heard],
            "requests": [each.answer.request_id for each in heard],
            "categories": [each.answer.category for each in heard],
            "texts": [each.answer.text for each in heard],
            "ambiguous": [each.answer.ambiguous for each in heard],
            "details": [each.detail for each in heard],
            "from": sources(Fact.ACCEPTED),
            "to": target(Fact.ACCEPTED).value,
            "fact": Fact.ACCEPTED.value,
            "now": now,
            "past": now - pace.memory,
        },
    )
    categories = {each.delivery_id: each.answer.category for each in heard}
    for row in rows:
        tx.happenings.append(Tried(categories[row["id"]]))
        tx.happenings.append(
            Moved(
                row["id"],
                Fact.ACCEPTED,
                target(Fact.ACCEPTED),
                now - row["created_at"],
                correlation_id=row["correlation_id"],
                consumer_id=row["consumer_id"],
                failure=row["failure"],
                attempts=row["attempt"],
                dispatches=row["dispatches"],
            )
        )
    return {(row["id"], row["attempt"]) for row in rows}
