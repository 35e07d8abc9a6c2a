"""How connections are doing, counted from their rows: `rules/health.py` says what it means."""

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime

from zekt_backend.rules import health
from zekt_backend.rules.health import Standing, State, Statistics
from zekt_backend.rules.lifecycle import Status
from zekt_backend.store.database import Tx, many
from zekt_backend.store.plans import in_index_order

_STANDINGS = """
SELECT s.id, newest.at AS last_event_at, g.status, g.durable, g.tried, g.unheard, g.overdue, g.count, g.retries
FROM unnest(%(ids)s::bigint[]) AS s (id)
LEFT JOIN LATERAL (SELECT d.created_at AS at FROM deliveries d WHERE d.subscription_id = s.id
                   ORDER BY d.created_at DESC LIMIT 1) newest ON true
LEFT JOIN LATERAL (
    SELECT r.status, r.durable,
           r.status = 'pending' AND (r.tries > 0 OR r.attempt > 1 OR (r.attempt = 1 AND r.paced)) AS tried,
           r.dispatches > CASE WHEN r.status = 'pending' THEN 0 ELSE 1 END AS unheard,
           coalesce(r.due_at <= %(now)s - CASE WHEN r.status = 'pending' THEN %(pick_up)s ELSE interval '0' END,
                    false) AS overdue,
           count(*) AS count, sum(greatest(r.attempt - 1, 0)) AS retries
    FROM (SELECT d.status, d.durable, d.tries, d.attempt, d.paced, d.dispatches, d.due_at FROM deliveries d
          WHERE d.subscription_id = s.id AND d.created_at >= %(since)s
          ORDER BY d.created_at DESC LIMIT %(most)s) r
    GROUP BY 1, 2, 3, 4, 5) g ON true
"""
# attempt = 1 AND paced: its first attempt met a limit of GitHub's, which uses up no try (`flows/deliver.py`).


async def statistics(tx: Tx, subscription_ids: Sequence[int], now: datetime) -> dict[int, Statistics]:
    """Of each of these subscriptions; reads at most `health.MOST` deliveries of each, by their index."""
    wanted = {"ids": list(subscription_ids), "since": now - health.WINDOW, "most": health.MOST}
    async with in_index_order(tx):
        rows = await many(tx, _STANDINGS, {**wanted, "now": now, "pick_up": health.PICK_UP})
    last: dict[int, datetime | None] = {}
    standings: dict[int, list[Standing]] = defaultdict(list)
    for row in rows:
        number = row.pop("id")
        last[number] = row.pop("last_event_at")
        if row["status"] is not None:
            standings[number].append(
                Standing(**{**row, "status": Status(row["status"]), "retries": int(row["retries"])})
            )
    return {number: health.statistics(standings[number], last[number]) for number in last}


async def states(tx: Tx, subscription_ids: Sequence[int], now: datetime) -> dict[int, State]:
    """The state of each of these subscriptions now, whether approved or not."""
    found = await statistics(tx, subscription_ids, now)
    return {number: health.state_of(each, now) for number, each in found.items()}
