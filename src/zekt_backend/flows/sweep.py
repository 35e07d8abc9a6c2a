"""What nobody woke up for: confirmations that did not come, ends that did not come, jobs that were lost."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from zekt_backend.clock import Clock
from zekt_backend.flows import replay_many
from zekt_backend.rules.lifecycle import Fact, Status
from zekt_backend.store import deliveries, jobs
from zekt_backend.store.database import Database, Tx
from zekt_backend.store.deliveries import Delivery

BATCH = 500

# A job is picked up within moments of its slot; a row this much overdue has none.
_GRACE = timedelta(seconds=5)
# A settle job that has not ended its delivery in this time is queued again.
_SETTLE_LEASE = timedelta(minutes=2)

_UNCONFIRMED = (
    "GitHub accepted every dispatch, but no run confirmed. `zekt doctor {}` tells whether any run started. The"
    " consumer's default branch needs a workflow with `on: repository_dispatch: types: [<event type>]` whose first step"
    " is the confirm action."
)


@dataclass(frozen=True, slots=True)
class Swept:
    unheard: int
    """Deliveries dispatched again, or given up, because no confirmation came in time."""
    settling: int
    """Confirmed deliveries whose run's end is now asked of GitHub."""
    rearmed: int
    """Pending deliveries, and replays of many, that had no live job."""


async def sweep(*, db: Database, clock: Clock, batch: int = BATCH) -> Swept:
    """One round of each, in batches; rows that somebody else holds are left for the next round."""
    now = clock.now()
    return Swept(
        unheard=await db.run(lambda tx: _unconfirmed(tx, now, batch)),
        settling=await db.run(lambda tx: _uncompleted(tx, now, batch)),
        rearmed=await db.run(lambda tx: _unwoken(tx, now, batch)) + await db.run(replay_many.rearm),
    )


async def _unconfirmed(tx: Tx, now: datetime, batch: int) -> int:
    due = await deliveries.lock_due(tx, Status.DISPATCHED, now, batch)
    for delivery in due:
        await _unheard(tx, delivery, now)
    return len(due)


async def _uncompleted(tx: Tx, now: datetime, batch: int) -> int:
    due = await deliveries.lock_due(tx, Status.CONFIRMED, now, batch)
    for delivery in due:
        await deliveries.keep(tx, delivery.id, Status.CONFIRMED, due_at=now + _SETTLE_LEASE)
    await jobs.enqueue(tx, [jobs.settle(delivery.id) for delivery in due])
    return len(due)


async def _unwoken(tx: Tx, now: datetime, batch: int) -> int:
    return await jobs.enqueue(tx, await jobs.unwoken(tx, now - _GRACE, batch))


async def _unheard(tx: Tx, delivery: Delivery, now: datetime) -> None:
    """Dispatch again with the same delivery id, until the last dispatch has gone unheard too."""
    if delivery.dispatches >= delivery.max_dispatches:
        await deliveries.advance(
            tx,
            delivery.id,
            Fact.GIVEN_UP,
            now,
            detail=f"not confirmed after {delivery.dispatches} dispatches",
            completed_at=now,
            due_at=None,
            failure="unconfirmed",
            advice=_UNCONFIRMED.format(f"{delivery.envelope['service']['slug']}@{delivery.consumer}"),
        )
        return
    await deliveries.advance(
        tx,
        delivery.id,
        Fact.UNHEARD,
        now,
        detail=f"not confirmed within {delivery.confirm_timeout}",
        due_at=now,
        paced=False,
        tries=0,
    )
    await jobs.enqueue(tx, [jobs.deliver(delivery.id, delivery.dispatches, timedelta(0))])
