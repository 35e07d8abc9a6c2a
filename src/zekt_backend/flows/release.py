"""A suspension has ended: what it held back is sent, in its order and at its installation's pace."""

from collections import defaultdict
from datetime import datetime

from zekt_backend.clock import Clock
from zekt_backend.rules.lifecycle import Status
from zekt_backend.rules.pace import Pace
from zekt_backend.store import deliveries, installations, jobs
from zekt_backend.store.database import Database, Tx

BATCH = 200


async def release(installation_id: int, *, db: Database, clock: Clock, pace: Pace) -> bool:
    """Wake what was held and is not any more. False: some is at work this moment, and is to be looked at again."""
    while True:
        found, woken = await db.run(lambda tx: _release(tx, installation_id, clock.now(), pace))
        if found < BATCH or woken == 0:
            return woken == found


async def _release(tx: Tx, installation_id: int, now: datetime, pace: Pace) -> tuple[int, int]:
    """How many there were, and how many are on their way."""
    held = await deliveries.lock_held(tx, installation_id, BATCH)
    by_installation = defaultdict(list)
    for delivery, through in held:
        by_installation[through].append(delivery)
    woken = 0
    for through, waiting in sorted(by_installation.items()):
        slots = await installations.reserve(tx, through, now, count=len(waiting), pace=pace)
        for delivery, slot in zip(waiting, slots, strict=True):
            if await jobs.replace(tx, jobs.deliver(delivery.id, delivery.dispatches, slot - now)):
                await deliveries.keep(
                    tx, delivery.id, Status.PENDING, due_at=slot, paced=True, tries=0, failure=None, advice=None
                )
                woken += 1
    return len(held), woken
