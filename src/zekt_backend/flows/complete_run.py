"""A consumer's run has ended: end the deliveries it confirmed, also when its runner died before it could say so."""

from collections import Counter
from collections.abc import Collection
from datetime import datetime

from zekt_backend.rules.lifecycle import Fact
from zekt_backend.rules.records import RunEvent, RunKey
from zekt_backend.store import deliveries
from zekt_backend.store.database import Tx


async def complete_runs(tx: Tx, ended: Collection[RunEvent], now: datetime) -> Counter[RunKey]:
    """How many deliveries each of these runs ended: of repositories that have completion tracking on.

    No two of them are of the same run.
    """
    counts: Counter[RunKey] = Counter()
    if not ended:
        return counts
    runs = {(event.key.repository_id, event.key.run_id): event for event in ended}
    for delivery in await deliveries.lock_confirmed_by(tx, [event.key for event in ended]):
        event = runs[delivery.consumer_id, delivery.consumer_run_id or 0]
        await end(tx, delivery.id, event.conclusion, now, source="the consumer's workflow_run webhook")
        counts[event.key] += 1
    return counts


async def end(tx: Tx, delivery_id: str, conclusion: str | None, now: datetime, *, source: str) -> bool:
    """Completed when GitHub says success, failed for every other conclusion. False: it has ended meanwhile."""
    fact = Fact.COMPLETED if conclusion == "success" else Fact.RUN_FAILED
    return await deliveries.advance(
        tx,
        delivery_id,
        fact,
        now,
        detail=f"{conclusion}, by {source}",
        completed_at=now,
        due_at=None,
        consumer_conclusion=conclusion,
        **({} if fact is Fact.COMPLETED else {"failure": "run_failed", "advice": "Look at the consumer's run."}),
    )
