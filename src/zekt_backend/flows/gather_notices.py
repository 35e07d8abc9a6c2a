"""Make notices of what has failed: one for each account, channel, connection and day, however much fails."""

from collections import defaultdict
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any

from zekt_backend.rules import notices as rules
from zekt_backend.rules.health import State
from zekt_backend.rules.notices import Failure, Side
from zekt_backend.store import connection_health, criticals, jobs, notices
from zekt_backend.store.database import Database, Tx
from zekt_backend.store.notices import Key, NewNotice, Reader

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
    by_key: dict[Key, list[tuple[Reader, dict[str, Any]]]] = defaultdict(list)
    for reader, failure in found:
        day = failure["failed_at"].astimezone(UTC).date()
        for channel in reader.channels:
            by_key[reader.account_id, channel, reader.subscription_id, day].append((reader, failure))
    known = await notices.known(tx, by_key)
    fresh = sorted({key[2] for key in by_key if key not in known})
    states = await connection_health.states(tx, fresh, now) if fresh else {}
    new = [_notice(key, same, states.get(key[2]), base_url) for key, same in by_key.items()]
    made = await notices.tell(tx, new, now)
    # Who reads of a failure that the connection is critical was told that, too.
    await criticals.note(tx, {pair for pair in made if states.get(pair[0]) is State.CRITICAL}, now)
    return len(made), True


def _notice(key: Key, same: Sequence[tuple[Reader, dict[str, Any]]], state: State | None, base_url: str) -> NewNotice:
    """The first of them is told; without a state there is a notice already, and all are only counted."""
    reader, failure = same[0]
    body = "" if state is None else rules.of_failure(side_of(reader, state), Failure(**failure), base_url)
    return NewNotice(*key, kind=rules.FAILED, body=body, times=len(same))


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
