"""Tell owners of connections that have turned Critical: once, until they recover."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial

from zekt_backend.flows.gather_notices import side_of
from zekt_backend.rules import health
from zekt_backend.rules import notices as rules
from zekt_backend.rules.health import State, Statistics
from zekt_backend.store import connection_health, criticals, notices
from zekt_backend.store.database import Database, Tx
from zekt_backend.store.notices import NewNotice

BATCH = 100
_ROUNDS = 50
"""At most five thousand connections a time, from another one on each time."""


async def tell_critical(*, db: Database, now: datetime, base_url: str, dice: float) -> int:
    """One round over the connections that had deliveries in the last 24 hours, of which somebody wants to be told.

    Who was told something of a connection on this day already is told the next day, if it is critical then. `dice`, a
    random number in [0, 1), says where the round begins, so that nobody is always the last of too many. Returns how
    many notices are new.
    """
    await _recover(db, now)
    async with db.reading() as connection:
        start = int(dice * await criticals.highest(connection))
    made, after, wrapped = 0, start, start == 0
    for _ in range(_ROUNDS):
        async with db.reading() as connection:
            ids = await criticals.lively(connection, after, now - health.WINDOW, BATCH)
            found = await connection_health.statistics(connection, ids, now)
        bad = {number: each for number, each in found.items() if health.state_of(each, now) is State.CRITICAL}
        if bad:
            made += await db.run(partial(_tell, bad=bad, now=now, base_url=base_url))
        after = ids[-1] if ids else after
        if wrapped and (len(ids) < BATCH or after > start > 0):
            break
        if len(ids) < BATCH:
            after, wrapped = 0, True
    return made


async def _recover(db: Database, now: datetime) -> None:
    """Of those that are not critical any more the next time is told again."""
    async with db.reading() as connection:
        told = await criticals.told(connection)
    for first in range(0, len(told), BATCH):
        async with db.reading() as connection:
            states = await connection_health.states(connection, told[first : first + BATCH], now)
        well = [number for number, state in states.items() if state is not State.CRITICAL]
        if well:
            await db.run(partial(criticals.forget, subscription_ids=well))


async def _tell(tx: Tx, bad: Mapping[int, Statistics], now: datetime, base_url: str) -> int:
    new = []
    for reader in await criticals.untold(tx, sorted(bad)):
        body = rules.of_critical(side_of(reader, State.CRITICAL), bad[reader.subscription_id], now, base_url)
        notice = NewNotice(
            account_id=reader.account_id,
            channel="",
            subscription_id=reader.subscription_id,
            day=now.astimezone(UTC).date(),
            kind=rules.CRITICAL,
            body=body,
            times=1,
        )
        new += [replace(notice, channel=channel) for channel in reader.channels]
    made = await notices.tell(tx, new, now)
    await criticals.note(tx, set(made), now)
    return len(made)
