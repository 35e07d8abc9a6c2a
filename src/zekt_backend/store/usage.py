"""What each account has used, per day and workflow: counted from the rows; of closed days, as it was counted then."""

from datetime import date
from typing import Any

from psycopg import sql

from zekt_backend.rules.usage import COUNTS
from zekt_backend.store.database import Tx, changed, many, one

# Everything is counted for the workflow that caused it, on the day (UTC) on which it happened. Strangers' events are
# nobody's. Each part reads the rows of its days alone, by an index on their time, and of the accounts that are asked
# about (null: all) before it counts them.
_COUNTED = sql.SQL(
    """WITH theirs AS (SELECT id FROM repositories WHERE account_id = ANY(%(accounts)s))
       SELECT u.day, r.account_id, u.repository_id, u.workflow_path, sum(u.messages)::bigint AS messages,
              sum(u.events)::bigint AS events, sum(u.blocked)::bigint AS blocked,
              sum(u.dispatches)::bigint AS dispatches, sum(u.retries)::bigint AS retries,
              sum(u.confirms)::bigint AS confirms, sum(u.completes)::bigint AS completes, sum(u.bytes)::bigint AS bytes,
              sum(u.refused)::bigint AS refused
       FROM (SELECT (m.received_at AT TIME ZONE 'UTC')::date AS day, m.repository_id, m.workflow_path,
                    count(*) AS messages, 0 AS events, 0 AS blocked, 0 AS dispatches, 0 AS retries, 0 AS confirms,
                    0 AS completes, sum(coalesce(m.payload_bytes, octet_length(m.payload))) AS bytes, 0 AS refused
             FROM messages m WHERE m.received_at >= {begin} AND m.received_at < {end}
               AND (%(accounts)s::bigint[] IS NULL OR m.repository_id IN (SELECT id FROM theirs)) GROUP BY 1, 2, 3
             UNION ALL
             SELECT (e.received_at AT TIME ZONE 'UTC')::date, e.repository_id, coalesce(e.workflow_path, ''),
                    0, count(*), count(*) FILTER (WHERE c.outcome = 'blocked'), 0, 0, 0, 0, 0, 0
             FROM events e LEFT JOIN decisions c ON c.event_guid = e.guid AND c.event_id IS NULL
             WHERE e.received_at >= {begin} AND e.received_at < {end}
               AND (%(accounts)s::bigint[] IS NULL OR e.repository_id IN (SELECT id FROM theirs)) GROUP BY 1, 2, 3
             UNION ALL
             SELECT (a.started_at AT TIME ZONE 'UTC')::date, e.repository_id, coalesce(e.workflow_path, ''),
                    0, 0, 0, count(*) FILTER (WHERE a.accepted), count(*) FILTER (WHERE a.number > 1), 0, 0, 0, 0
             FROM attempts a JOIN deliveries d ON d.id = a.delivery_id JOIN events e ON e.guid = d.event_guid
             WHERE a.started_at >= {begin} AND a.started_at < {end}
               AND (%(accounts)s::bigint[] IS NULL OR d.provider_id IN (SELECT id FROM theirs)) GROUP BY 1, 2, 3
             UNION ALL
             SELECT (h.at AT TIME ZONE 'UTC')::date, e.repository_id, coalesce(e.workflow_path, ''), 0, 0, 0, 0, 0,
                    count(*) FILTER (WHERE h.fact = 'confirmed'), count(*) FILTER (WHERE h.fact <> 'confirmed'), 0, 0
             FROM history h JOIN deliveries d ON d.id = h.delivery_id JOIN events e ON e.guid = d.event_guid
             WHERE h.at >= {begin} AND h.at < {end} AND h.fact IN ('confirmed', 'completed', 'run_failed')
               AND (%(accounts)s::bigint[] IS NULL OR d.provider_id IN (SELECT id FROM theirs))
             GROUP BY 1, 2, 3
             UNION ALL
             SELECT (f.at AT TIME ZONE 'UTC')::date, f.repository_id, f.workflow_path, 0, 0, 0, 0, 0, 0, 0, 0,
                    sum(f.times)
             FROM refusals f WHERE f.at >= {begin} AND f.at < {end} GROUP BY 1, 2, 3) u
       JOIN repositories r ON r.id = u.repository_id
       GROUP BY 1, 2, 3, 4"""
)
_COLUMNS = sql.SQL(", ").join(map(sql.Identifier, ("day", "account_id", "repository_id", "workflow_path", *COUNTS)))
_SUMS = sql.SQL(", ").join(sql.SQL("sum({0})::bigint AS {0}").format(sql.Identifier(count)) for count in COUNTS)


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
    counted = _COUNTED.format(
        begin=sql.SQL("%(day)s::date::timestamp AT TIME ZONE 'UTC'"),
        end=sql.SQL("(%(day)s::date + 1)::timestamp AT TIME ZONE 'UTC'"),
    )
    await tx.execute(
        sql.SQL("INSERT INTO usage_days ({columns}) SELECT {columns} FROM ({counted}) counted").format(
            columns=_COLUMNS, counted=counted
        ),
        {"day": day, "accounts": None},
    )
    return True


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
    """In one statement, so that a day that is being closed is counted once."""
    live = _COUNTED.format(
        begin=sql.SQL(
            "(SELECT greatest(%(first)s::date, max(day) + 1)::timestamp AT TIME ZONE 'UTC' FROM usage_closed)"
        ),
        end=sql.SQL("(%(last)s::date + 1)::timestamp AT TIME ZONE 'UTC'"),
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
    return await many(tx, query, {"first": first, "last": last, "accounts": accounts, "limit": limit})
