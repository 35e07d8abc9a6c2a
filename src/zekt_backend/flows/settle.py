"""A confirmed delivery whose completion is overdue: ask GitHub how the consumer's run ended, before giving up."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from zekt_backend.clock import Clock
from zekt_backend.flows.complete_run import end
from zekt_backend.rules.lifecycle import Fact, Status
from zekt_backend.rules.records import RunState
from zekt_backend.store import deliveries
from zekt_backend.store.database import Database, Tx
from zekt_backend.store.deliveries import Delivery

Ask = Callable[[int, str, int], Awaitable[RunState | None]]
"""(installation id, consumer's repository, run id) → the run, or None when GitHub does not know it."""

# GitHub cancels a job after 6 hours on its own runners and a workflow run after 35 days:
# https://docs.github.com/en/actions/reference/limits. A run that is still going is asked about again.
_ASK_AGAIN = timedelta(minutes=10)


@dataclass(frozen=True, slots=True)
class _Owed:
    delivery: Delivery
    run_id: int


async def settle(delivery_id: str, *, db: Database, clock: Clock, ask: Ask) -> None:
    """End the delivery by its run's own conclusion, or fail it when there is no such run."""
    async with db.transaction() as tx:
        owed = await _owed(tx, delivery_id)
    if owed is None:
        return
    run = await ask(owed.delivery.installation_id, owed.delivery.consumer, owed.run_id)
    async with db.transaction() as tx:
        if await _owed(tx, delivery_id) is not None:
            await _write(tx, delivery_id, run, clock.now())


async def _owed(tx: Tx, delivery_id: str) -> _Owed | None:
    delivery = await deliveries.lock(tx, delivery_id)
    if delivery is None or delivery.status is not Status.CONFIRMED or delivery.consumer_run_id is None:
        return None
    return _Owed(delivery, delivery.consumer_run_id)


async def _write(tx: Tx, delivery_id: str, run: RunState | None, now: datetime) -> None:
    if run is not None and run.status != "completed":
        await deliveries.keep(tx, delivery_id, Status.CONFIRMED, due_at=now + _ASK_AGAIN)
        return
    if run is not None:
        await end(tx, delivery_id, run.conclusion, now, source="asking GitHub, after no completion came")
        return
    await deliveries.advance(
        tx,
        delivery_id,
        Fact.OVERDUE,
        now,
        detail="no completion came, and GitHub does not know the run",
        completed_at=now,
        due_at=None,
        failure="overdue",
        advice="End the consumer's job with the complete action, `if: always()`, or switch completion tracking on.",
    )
