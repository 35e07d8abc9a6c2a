"""Make notices of what has failed: one for each account, channel, connection and day, however much fails."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from itertools import groupby

from zekt_backend.rules import notices as rules
from zekt_backend.rules.health import State
from zekt_backend.rules.notices import Failure, Side
from zekt_backend.store import connection_health, criticals, jobs, notices
from zekt_backend.store.database import Database, Tx
from zekt_backend.store.notices import NewNotice, Reader

BATCH = 500
_ROUNDS = 20
"""At most ten thousand failures a time; what is left waits for the next."""


async def gather(*, db: Database, now: Callable[[], datetime], base_url: str, slots: int) -> int:
    """Make notices of what has failed, and wake whoever sends them. Returns how many are new."""
    made = 0
    for _ in range(_ROUNDS):
        new, more = await db.run(lambda tx: _gather(tx, now(), base_url))
        made += new
        if not more:
            break
    await db.run(lambda tx: _wake(tx, now(), slots))
    return made


async def _gather(tx: Tx, now: datetime, base_url: str) -> tuple[int, bool]:
    if not await notices.waiting_failures(tx):
        return 0, False
    found = await notices.take_failures(tx, BATCH)
    states = await connection_health.states(tx, sorted({reader.subscription_id for reader, _ in found}), now)
    new = []
    for (reader, day), same in groupby(found, key=lambda pair: (pair[0], pair[1]["failed_at"].astimezone(UTC).date())):
        failures = [failure for _, failure in same]
        body = rules.of_failure(side_of(reader, states[reader.subscription_id]), Failure(**failures[0]), base_url)
        notice = NewNotice(
            account_id=reader.account_id,
            channel="",
            subscription_id=reader.subscription_id,
            day=day,
            kind=rules.FAILED,
            body=body,
            times=len(failures),
        )
        new += [replace(notice, channel=channel) for channel in reader.channels]
    made = await notices.tell(tx, new, now)
    # Who reads of a failure that the connection is critical was told that, too.
    critical = {(one.subscription_id, one.account_id) for one in made if states[one.subscription_id] is State.CRITICAL}
    await criticals.note(tx, critical, now)
    return len(made), True


async def _wake(tx: Tx, now: datetime, slots: int) -> None:
    """Few jobs for all accounts together, each of which goes on while something is due: the row is the truth.

    All of them, since nobody knows which are at work: one may wait for a slow receiver.
    """
    if await notices.is_due(tx, now):
        await jobs.enqueue(tx, [jobs.notify(slot) for slot in range(slots)])


def side_of(reader: Reader, state: State) -> Side:
    """What this reader may know: never a provider that hides."""
    by_provider = reader.by_provider
    return Side(
        account=reader.account,
        side="provider" if by_provider else "consumer",
        connection=reader.subscription_id,
        service=reader.service,
        alias=reader.alias,
        provider=reader.provider if by_provider or not reader.hidden else None,
        consumer=reader.consumer,
        health=state.value,
    )
