"""A consumer's run has ended: end the deliveries it confirmed, also when its runner died before it could say so."""

from datetime import datetime

from zekt_backend.rules.lifecycle import Fact
from zekt_backend.rules.records import RunEvent
from zekt_backend.store import deliveries, repositories
from zekt_backend.store.database import Tx


async def complete_run(tx: Tx, event: RunEvent, now: datetime) -> int:
    """How many deliveries this run ended. Nought unless the repository has completion tracking on."""
    repository = await repositories.find(tx, event.key.repository_id)
    if repository is None or not repository.completion_tracking:
        return 0
    confirmed = await deliveries.lock_confirmed_by(
        tx, consumer_id=repository.id, run_id=event.key.run_id, run_attempt=event.key.run_attempt
    )
    for delivery in confirmed:
        await end(tx, delivery.id, event.conclusion, now, source="the consumer's workflow_run webhook")
    return len(confirmed)


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
