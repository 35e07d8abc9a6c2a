"""A confirmed delivery whose completion is overdue: ask GitHub how the consumer's run ended, before giving up."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from zekt_backend.clock import Clock
from zekt_backend.errors import ZektError
from zekt_backend.flows.complete_run import end
from zekt_backend.rules.lifecycle import Fact, Status
from zekt_backend.rules.records import RunState
from zekt_backend.store import deliveries, reach
from zekt_backend.store.database import Database, Tx
from zekt_backend.store.deliveries import Delivery

Ask = Callable[[int, str, int], Awaitable[RunState | None]]
"""(installation id, consumer's repository, run id) → the run, or None when GitHub does not know it."""

# GitHub cancels a job after 6 hours on its own runners and a workflow run after 35 days:
# https://docs.github.com/en/actions/reference/limits. A run that is still going is asked about again.
_ASK_AGAIN = timedelta(minutes=10)

_END_IT = "End the consumer's job with the complete action, `if: always()`, or switch completion tracking on."


@dataclass(frozen=True, slots=True)
class _Owed:
    """Asked about as the consumer is now: since the dispatch it may have been renamed, or the app installed anew."""

    delivery: Delivery
    run_id: int
    repository: str
    installation_id: int


async def settle(delivery_id: str, *, db: Database, clock: Clock, ask: Ask) -> None:
    """End the delivery by its run's own conclusion, or fail it when there is no such run.

    Raises:
        ZektError: `github_unavailable`, when GitHub did not answer this time.
    """
    owed = await db.run(lambda tx: _owed(tx, delivery_id))
    if owed is None:
        return
    try:
        run, refusal = await ask(owed.installation_id, owed.repository, owed.run_id), None
    except ZektError as error:
        if error.code != "github_refused":
            raise
        run, refusal = None, error.detail
    delivery = owed.delivery

    async def work(tx: Tx) -> None:
        if await _confirmed(tx, delivery_id) is not None:
            await _write(tx, delivery, run, clock.now(), refusal=refusal)

    await db.run(work)


async def _confirmed(tx: Tx, delivery_id: str) -> Delivery | None:
    delivery = await deliveries.lock(tx, delivery_id)
    if delivery is None or delivery.status is not Status.CONFIRMED or delivery.consumer_run_id is None:
        return None
    return delivery


async def _owed(tx: Tx, delivery_id: str) -> _Owed | None:
    delivery = await _confirmed(tx, delivery_id)
    if delivery is None or delivery.consumer_run_id is None:
        return None
    now = (await reach.of(tx, {delivery.consumer_id}))[delivery.consumer_id]
    installation_id = now.installation_id or delivery.installation_id
    return _Owed(delivery, delivery.consumer_run_id, now.full_name, installation_id)


async def _write(tx: Tx, delivery: Delivery, run: RunState | None, now: datetime, *, refusal: str | None) -> None:
    if run is not None and (run.status != "completed" or run.run_attempt < (delivery.consumer_run_attempt or 1)):
        await deliveries.keep(tx, delivery.id, Status.CONFIRMED, due_at=now + _ASK_AGAIN)
        return
    if run is not None:
        await end(tx, delivery.id, run.conclusion, now, source="asking GitHub, after no completion came")
        return
    await deliveries.advance(
        tx,
        delivery.id,
        Fact.OVERDUE,
        now,
        detail="no completion came, and GitHub " + ("does not know the run" if refusal is None else "would not say"),
        completed_at=now,
        due_at=None,
        failure="overdue",
        advice=refusal or _END_IT,
    )
