"""Finished runs as GitHub told them, and what was decided about each."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields, replace
from datetime import datetime
from typing import Any

from zekt_backend.rules.records import RunEvent, RunKey
from zekt_backend.store.database import Listing, Tx, many, page_of
from zekt_backend.store.runs import TAKE_TURNS, turns

_COLUMNS = [f.name for f in fields(RunEvent) if f.name != "key"]
_KEY = [f.name for f in fields(RunKey)]


async def save_new(tx: Tx, events: Sequence[RunEvent], now: datetime, *, patience: float | None = None) -> set[RunKey]:
    """Take their runs' turns, and store them, but for run attempts and webhooks that were stored before.

    What was written in the turns before is seen by the statements that follow, and not by this one.

    Returns:
        The attempts that are new.
    """
    values = {name: [getattr(event, name) for event in events] for name in _COLUMNS}
    values |= {name: [getattr(event.key, name) for event in events] for name in _KEY}
    rows = await many(
        tx,
        # No row goes in before the last turn is taken, for all are counted first: else two who store the same run,
        # with others, could wait for each other.
        f"""WITH turn AS MATERIALIZED ({TAKE_TURNS})
           INSERT INTO events (guid, repository_id, repository, run_id, run_attempt, workflow_id, workflow_path,
               workflow_name, conclusion, head_branch, head_sha, event, actor, html_url, started_at,
               completed_at, received_at)
           SELECT new.*, %(now)s
           FROM (SELECT count(*) FROM turn) AS taken,
               unnest(%(guid)b::text[], %(repository_id)b::bigint[], %(repository)b::text[], %(run_id)b::bigint[],
                   %(run_attempt)b::int[], %(workflow_id)b::bigint[], %(workflow_path)b::text[],
                   %(workflow_name)b::text[], %(conclusion)b::text[], %(head_branch)b::text[], %(head_sha)b::text[],
                   %(event)b::text[], %(actor)b::text[], %(html_url)b::text[], %(started_at)b::text[],
                   %(completed_at)b::text[]) AS new
           ON CONFLICT DO NOTHING RETURNING repository_id, run_id, run_attempt""",  # noqa: S608 — a constant
        values | {"now": now} | turns([event.key for event in events], patience=patience),
    )
    return {RunKey(**row) for row in rows}


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which events a listing shows; None: any."""

    run_id: int | None = None
    repository: str | None = None
    outcome: str | None = None


async def page(tx: Tx, wanted: Wanted, *, mine: list[int] | None, before: int | None, limit: int) -> Listing:
    """The newest events of these repositories (None: of all), and the cursor of the next page.

    Each was decided in the transaction that stored it, so that the decision's number is a cursor without ties. The
    outcome is the event's own: a message that came after it has another decision.
    """
    rows = await many(
        tx,
        """SELECT d.id, e.guid, e.repository, e.run_id::text AS "runId", e.run_attempt AS "runAttempt",
                  e.workflow_path AS "workflowPath", e.conclusion, e.head_branch AS "headBranch",
                  e.received_at AS "receivedAt", d.outcome
           FROM events e JOIN decisions d ON d.event_guid = e.guid AND d.event_id IS NULL
           WHERE (%(mine)s::bigint[] IS NULL OR e.repository_id = ANY(%(mine)s))
             AND (%(run_id)s::bigint IS NULL OR e.run_id = %(run_id)s)
             AND (%(repository)s::text IS NULL OR lower(e.repository) = lower(%(repository)s))
             AND (%(outcome)s::text IS NULL OR d.outcome = %(outcome)s)
             AND (%(before)s::bigint IS NULL OR d.id < %(before)s)
           ORDER BY d.id DESC LIMIT %(limit)s""",
        {**asdict(wanted), "mine": mine, "before": before, "limit": limit + 1},
    )
    found, following = page_of(rows, limit)
    return [_readable(row) for row in found], following


async def blocked(tx: Tx, repository_id: int, *, since: datetime, most: int) -> tuple[dict[str, dict[str, Any]], bool]:
    """By workflow path ("" where the event names none) what ended since then and nobody got, and whether that is all.

    Looks at the `most` newest runs, by GitHub's ids, which the key of events has in order.
    """
    rows = await many(
        tx,
        """WITH looked AS MATERIALIZED (
               SELECT guid, run_id, coalesce(workflow_path, '') AS path, html_url, received_at FROM events
               WHERE repository_id = %(repository)s ORDER BY run_id DESC LIMIT %(most)s),
           stopped AS (
               SELECT l.path, l.run_id, l.html_url, l.received_at, d.id,
                      d.reasons @> '{"provider": [{"name": "whitelist", "passed": false}]}' AS unlisted
               FROM looked l JOIN decisions d ON d.event_guid = l.guid AND d.event_id IS NULL
               WHERE l.received_at >= %(since)s AND d.outcome = 'blocked'),
           counted AS (
               SELECT path, count(*) AS blocked, count(*) FILTER (WHERE unlisted) AS unlisted, max(id) AS last
               FROM stopped GROUP BY path)
           SELECT c.path, c.blocked, c.unlisted, s.received_at AS at, s.run_id, s.html_url, d.reasons,
                  (SELECT count(*) < %(most)s OR min(received_at) < %(since)s FROM looked) AS complete
           FROM counted c JOIN stopped s ON s.id = c.last JOIN decisions d ON d.id = c.last""",
        {"repository": repository_id, "since": since, "most": most},
    )
    return {row["path"]: row for row in rows}, all(row["complete"] for row in rows)


def _readable(row: dict[str, Any]) -> dict[str, Any]:
    return {**{name: row[name] for name in row if name != "id"}, "receivedAt": row["receivedAt"].isoformat()}


async def since(tx: Tx, key: RunKey) -> list[RunEvent]:
    """The ends that have come of this attempt of a run and of later ones, in the attempts' order."""
    rows = await many(
        tx,
        """SELECT run_attempt, guid, repository, workflow_id, workflow_path, workflow_name, conclusion, head_branch,
                  head_sha, event, actor, html_url, started_at, completed_at
           FROM events WHERE repository_id = %s AND run_id = %s AND run_attempt >= %s ORDER BY run_attempt""",
        (key.repository_id, key.run_id, key.run_attempt),
    )
    return [RunEvent(key=replace(key, run_attempt=row.pop("run_attempt")), **row) for row in rows]
