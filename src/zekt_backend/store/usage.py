"""What each account has used, per day and workflow: counted from the rows; of closed days, as it was counted then.

Of the open day, what its older rows come to is kept, too (`usage_open`), so that a reader counts its newest ones alone.
It is of no more use when the day is closed, which counts all of its rows for the last time.
"""

from datetime import UTC, date, datetime, time
from typing import Any

from psycopg import sql

from zekt_backend.rules.usage import COUNTS
from zekt_backend.store import readings
from zekt_backend.store.database import Tx, changed, many, one
from zekt_backend.store.readings import Reading

# Everything is counted for the workflow that caused it, on the day (UTC) on which it happened. Strangers' events are
# nobody's. Each part reads the rows of its time alone, by an index on it, and of the accounts that are asked about
# (null: all) before it counts them. `since` is no later than `begin` and known to the planner, who else takes few rows
# for tens of thousands, and starts processes and compiles for them.
_THEIRS = sql.SQL("theirs AS (SELECT id FROM repositories WHERE account_id = ANY(%(accounts)s))")
_HAPPENED = sql.SQL(
    """SELECT (m.received_at AT TIME ZONE 'UTC')::date AS day, m.repository_id, m.workflow_path, count(*) AS messages,
              0 AS events, 0 AS blocked, 0 AS dispatches, 0 AS retries, 0 AS confirms, 0 AS completes,
              sum(coalesce(m.payload_bytes, octet_length(m.payload))) AS bytes, 0 AS refused
       FROM messages m
       WHERE m.received_at >= %(since)s::timestamptz AND m.received_at >= {begin} AND m.received_at < {end}
         AND (%(accounts)s::bigint[] IS NULL OR m.repository_id IN (SELECT id FROM theirs)) GROUP BY 1, 2, 3
       UNION ALL
       SELECT (e.received_at AT TIME ZONE 'UTC')::date, e.repository_id, coalesce(e.workflow_path, ''),
              0, count(*), count(*) FILTER (WHERE c.outcome = 'blocked'), 0, 0, 0, 0, 0, 0
       FROM events e LEFT JOIN decisions c ON c.event_guid = e.guid AND c.event_id IS NULL
       WHERE e.received_at >= %(since)s::timestamptz AND e.received_at >= {begin} AND e.received_at < {end}
         AND (%(accounts)s::bigint[] IS NULL OR e.repository_id IN (SELECT id FROM theirs)) GROUP BY 1, 2, 3
       UNION ALL
       SELECT (a.started_at AT TIME ZONE 'UTC')::date, e.repository_id, coalesce(e.workflow_path, ''),
              0, 0, 0, count(*) FILTER (WHERE a.accepted), count(*) FILTER (WHERE a.number > 1), 0, 0, 0, 0
       FROM attempts a JOIN deliveries d ON d.id = a.delivery_id JOIN events e ON e.guid = d.event_guid
       WHERE a.started_at >= %(since)s::timestamptz AND a.started_at >= {begin} AND a.started_at < {end}
         AND (%(accounts)s::bigint[] IS NULL OR d.provider_id IN (SELECT id FROM theirs)) GROUP BY 1, 2, 3
       UNION ALL
       SELECT (h.at AT TIME ZONE 'UTC')::date, e.repository_id, coalesce(e.workflow_path, ''), 0, 0, 0, 0, 0,
              count(*) FILTER (WHERE h.fact = 'confirmed'), count(*) FILTER (WHERE h.fact <> 'confirmed'), 0, 0
       FROM history h JOIN deliveries d ON d.id = h.delivery_id JOIN events e ON e.guid = d.event_guid
       WHERE h.at >= %(since)s::timestamptz AND h.at >= {begin} AND h.at < {end}
         AND h.fact IN ('confirmed', 'completed', 'run_failed')
         AND (%(accounts)s::bigint[] IS NULL OR d.provider_id IN (SELECT id FROM theirs))
       GROUP BY 1, 2, 3"""
)
# One that is refused again counts in the row of the first time, whenever that was: these are read anew all day.
_REFUSED = sql.SQL(
    """SELECT (f.at AT TIME ZONE 'UTC')::date, f.repository_id, f.workflow_path, 0, 0, 0, 0, 0, 0, 0, 0, sum(f.times)
       FROM refusals f WHERE f.at >= {begin} AND f.at < {end} GROUP BY 1, 2, 3"""
)
_SO_FAR = sql.SQL(
    """SELECT o.day, o.repository_id, o.workflow_path, o.messages, o.events, o.blocked, o.dispatches, o.retries,
              o.confirms, o.completes, o.bytes, 0
       FROM usage_open o WHERE o.day >= ({opened}) AND o.day <= %(last)s::date"""
)
_SUMS = sql.SQL(", ").join(sql.SQL("sum({0})::bigint AS {0}").format(sql.Identifier(count)) for count in COUNTS)
_COUNTED = sql.SQL(
    """WITH {theirs} SELECT u.day, r.account_id, u.repository_id, u.workflow_path, {sums}
       FROM ({parts}) u JOIN repositories r ON r.id = u.repository_id GROUP BY 1, 2, 3, 4"""
)
_COLUMNS = sql.SQL(", ").join(map(sql.Identifier, ("day", "account_id", "repository_id", "workflow_path", *COUNTS)))


def _counted(*parts: sql.SQL | sql.Composed) -> sql.Composed:
    return _COUNTED.format(theirs=_THEIRS, sums=_SUMS, parts=sql.SQL(" UNION ALL ").join(parts))


def _midnight(day: sql.SQL) -> sql.Composed:
    """The moment at which a day begins."""
    return sql.SQL("({})::timestamp AT TIME ZONE 'UTC'").format(day)


# The first day of those from `first` on that is not closed, and what of it readers count row by row.
_OPENED = sql.SQL("SELECT greatest(%(first)s::date, max(day) + 1) FROM usage_closed")
_UNCOUNTED = sql.SQL("(SELECT greatest({}, (SELECT read_until FROM readings WHERE kind = 'usage' AND id = 0)))").format(
    _midnight(_OPENED)
)


def _begin(day: date) -> datetime:
    return datetime.combine(day, time.min, UTC)


async def first_open_day(tx: Tx) -> date | None:
    """The one after the newest closed day; else that of the oldest row; None while there is none."""
    row = await one(
        tx,
        """SELECT coalesce((SELECT max(day) + 1 FROM usage_closed),
                           (least((SELECT min(received_at) FROM events), (SELECT min(received_at) FROM messages),
                                  (SELECT min(at) FROM refusals))
                            AT TIME ZONE 'UTC')::date) AS day""",
    )
    return row["day"] if row else None


async def close_day(tx: Tx, day: date) -> bool:
    """Count it for the last time, and keep that. False: it was closed before."""
    if not await changed(tx, "INSERT INTO usage_closed (day) VALUES (%s) ON CONFLICT DO NOTHING", (day,)):
        return False
    begin, end = _midnight(sql.SQL("%(day)s::date")), _midnight(sql.SQL("%(day)s::date + 1"))
    counted = _counted(_HAPPENED.format(begin=begin, end=end), _REFUSED.format(begin=begin, end=end))
    await tx.execute(
        sql.SQL("INSERT INTO usage_days ({columns}) SELECT {columns} FROM ({counted}) counted").format(
            columns=_COLUMNS, counted=counted
        ),
        {"day": day, "since": _begin(day), "accounts": None},
    )
    await tx.execute("DELETE FROM usage_open WHERE day <= %s", (day,))
    return True


async def count_until(tx: Tx, day: date, until: datetime) -> None:
    """Count what has happened since the last time, and before then, on this day, which is open. One at a time."""
    await tx.execute("LOCK TABLE usage_open IN SHARE ROW EXCLUSIVE MODE")
    counted_until = (await readings.of(tx, "usage", 0)).read_until
    if counted_until >= until:
        return
    kept = [count for count in COUNTS if count != "refused"]
    added = sql.SQL(", ").join(sql.SQL("{0} = o.{0} + excluded.{0}").format(sql.Identifier(count)) for count in kept)
    sums = sql.SQL(", ").join(sql.SQL("sum({0})::bigint").format(sql.Identifier(count)) for count in kept)
    columns = sql.SQL(", ").join(map(sql.Identifier, ("day", "repository_id", "workflow_path", *kept)))
    await tx.execute(
        sql.SQL(
            """INSERT INTO usage_open AS o ({columns})
               WITH {theirs} SELECT day, repository_id, workflow_path, {sums} FROM ({happened}) u GROUP BY 1, 2, 3
               ON CONFLICT (day, repository_id, workflow_path) DO UPDATE SET {added}"""
        ).format(
            columns=columns,
            theirs=_THEIRS,
            sums=sums,
            happened=_HAPPENED.format(begin=_UNCOUNTED, end=sql.SQL("%(until)s")),
            added=added,
        ),
        {"first": day, "since": max(counted_until, _begin(day)), "until": until, "accounts": None},
    )
    await readings.save(tx, "usage", 0, Reading(until))


async def of_days(tx: Tx, *, first: date, last: date, accounts: list[int] | None, limit: int) -> list[dict[str, Any]]:
    """Per account and day, newest first."""
    grouped = sql.SQL("a.login AS account, u.day::text AS day")
    return await _lines(tx, grouped, sql.SQL("2 DESC, 1"), first=first, last=last, accounts=accounts, limit=limit)


async def of_workflows(
    tx: Tx, *, first: date, last: date, accounts: list[int] | None, limit: int
) -> list[dict[str, Any]]:
    """Per account and workflow, over all days."""
    grouped = sql.SQL(
        """a.login AS account, coalesce(r.full_name, u.repository_id::text) AS repository,
           u.workflow_path AS "workflowPath" """
    )
    return await _lines(tx, grouped, sql.SQL("1, 2, 3"), first=first, last=last, accounts=accounts, limit=limit)


async def _lines(
    tx: Tx, grouped: sql.SQL, order: sql.SQL, *, first: date, last: date, accounts: list[int] | None, limit: int
) -> list[dict[str, Any]]:
    """In one statement, so that a day that is being closed is counted once; it sees `since` where it was, or later."""
    end = _midnight(sql.SQL("%(last)s::date + 1"))
    live = _counted(
        _HAPPENED.format(begin=_UNCOUNTED, end=end),
        _REFUSED.format(begin=_midnight(_OPENED), end=end),
        _SO_FAR.format(opened=_OPENED),
    )
    query = sql.SQL(
        """SELECT {grouped}, {sums}
           FROM (SELECT {columns} FROM usage_days WHERE day >= %(first)s::date AND day <= %(last)s::date
                 UNION ALL SELECT {columns} FROM ({live}) live) u
           JOIN accounts a ON a.id = u.account_id LEFT JOIN repositories r ON r.id = u.repository_id
           WHERE %(accounts)s::bigint[] IS NULL OR u.account_id = ANY(%(accounts)s)
           GROUP BY {groups} ORDER BY {order} LIMIT %(limit)s"""
    ).format(
        grouped=grouped,
        sums=_SUMS,
        columns=_COLUMNS,
        live=live,
        groups=sql.SQL("1, 2, 3" if "workflowPath" in grouped.as_string() else "1, 2"),
        order=order,
    )
    # As text: what a day of the year 1 is in the session's time zone may be none that Python has.
    # In a transaction nobody is started to help: that takes longer than reading what is left.
    row = await one(
        tx,
        sql.SQL("SELECT {}::text AS since, set_config('max_parallel_workers_per_gather', '0', true)").format(
            _UNCOUNTED
        ),
        {"first": first},
    )
    since = row and row["since"]
    return await many(tx, query, {"first": first, "last": last, "since": since, "accounts": accounts, "limit": limit})
