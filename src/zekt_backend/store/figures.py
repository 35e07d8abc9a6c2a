"""How the broker stands, true for all of its processes: each figure from an index, and counted to a bound."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from zekt_backend.rules.lifecycle import Status
from zekt_backend.store import jobs
from zekt_backend.store.database import Tx, many, one
from zekt_backend.store.plans import in_index_order

MOST = 10_000
"""Where counting ends: the figure says that many, and means that many or more."""

_OPEN = (Status.PENDING, Status.DISPATCHED, Status.CONFIRMED)


@dataclass(frozen=True, slots=True)
class Figures:
    """Durations in seconds, moments as seconds since 1970."""

    open: Mapping[str, int]
    """Deliveries to which something is owed, by status."""
    oldest_due: Mapping[str, float]
    """By status, for how long the next step of the one that has waited longest is overdue; 0 where none is."""
    jobs: Mapping[tuple[str, str], int]
    """By entrypoint and state: `due`, `parked` or `working`."""
    held: int
    """Installations that GitHub's limits hold."""
    planned: int
    """Installations with writes planned for later."""
    longest_plan: float
    """How far off the last of these is; 0 where none is."""
    gaps: int
    owed: int
    """Failed webhooks that are to come again."""
    schedules: Mapping[str, float]
    """When each last came to its end."""


async def read(tx: Tx, now: datetime) -> Figures:
    """All of them, in five statements."""
    async with in_index_order(tx):
        deliveries = await many(tx, _DELIVERIES, {"now": now, "most": MOST, "open": [status.value for status in _OPEN]})
        queued = await many(tx, _JOBS, {"most": MOST, "entrypoints": list(jobs.ENTRYPOINTS)})
    holds = await one(tx, _HOLDS, {"now": now}) or {}
    lost = await one(tx, _LOST, {"most": MOST}) or {}
    rounds = await many(tx, _ROUNDS)
    return Figures(
        open={row["status"]: row["open"] for row in deliveries},
        oldest_due={row["status"]: float(row["overdue"]) for row in deliveries},
        jobs={(row["entrypoint"], state): row[state] for row in queued for state in ("due", "parked", "working")},
        held=holds["held"],
        planned=holds["planned"],
        longest_plan=float(holds["longest_plan"]),
        gaps=lost["gaps"],
        owed=lost["owed"],
        schedules={row["entrypoint"]: float(row["at"]) for row in rounds},
    )


# The order asks for the index: for as many rows of any kind the planner would rather read the table from its beginning,
# and pass by all of history to find them.
_DELIVERIES = """
SELECT s.status, (SELECT count(*) FROM (SELECT FROM deliveries d WHERE d.status = s.status AND d.due_at IS NOT NULL
                                        ORDER BY d.due_at LIMIT %(most)s) AS few) AS open,
       greatest(extract(epoch FROM %(now)s - (SELECT min(due_at) FROM deliveries d
                                              WHERE d.status = s.status AND d.due_at IS NOT NULL)), 0) AS overdue
FROM unnest(%(open)s::text[]) AS s (status)"""

_JOBS = """
SELECT e.entrypoint,
       (SELECT count(*) FROM (SELECT FROM pgqueuer q WHERE q.entrypoint = e.entrypoint AND q.status = 'queued'
                              AND q.execute_after <= now() ORDER BY q.execute_after LIMIT %(most)s) AS few) AS due,
       (SELECT count(*) FROM (SELECT FROM pgqueuer q WHERE q.entrypoint = e.entrypoint AND q.status = 'queued'
                              AND q.execute_after > now() ORDER BY q.execute_after LIMIT %(most)s) AS few) AS parked,
       (SELECT count(*) FROM (SELECT FROM pgqueuer q WHERE q.entrypoint = e.entrypoint AND q.status = 'picked'
                              LIMIT %(most)s) AS few) AS working
FROM unnest(%(entrypoints)s::text[]) AS e (entrypoint)"""

_HOLDS = """
SELECT count(*) FILTER (WHERE blocked_until > %(now)s) AS held,
       count(*) FILTER (WHERE next_write_at > %(now)s) AS planned,
       greatest(extract(epoch FROM max(next_write_at) FILTER (WHERE next_write_at > %(now)s) - %(now)s), 0)
           AS longest_plan
FROM installations"""

_LOST = """
SELECT (SELECT count(*) FROM (SELECT FROM gaps WHERE closed_at IS NULL LIMIT %(most)s) AS few) AS gaps,
       (SELECT count(*) FROM (SELECT FROM lost_webhooks WHERE ask_at IS NOT NULL LIMIT %(most)s) AS few) AS owed"""

_ROUNDS = """
SELECT entrypoint, extract(epoch FROM max(last_run)) AS at FROM pgqueuer_schedules
WHERE last_run IS NOT NULL GROUP BY entrypoint"""
