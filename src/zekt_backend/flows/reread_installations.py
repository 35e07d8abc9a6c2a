"""Read installations again now and then, so that a webhook of the app that was lost heals by itself."""

from datetime import timedelta
from functools import partial

import psycopg

from zekt_backend.errors import ZektError
from zekt_backend.flows.read_installation import write
from zekt_backend.flows.reconciling import Round
from zekt_backend.flows.release import release
from zekt_backend.github import installations
from zekt_backend.github.budget import APP
from zekt_backend.github.metered import SetAsideError
from zekt_backend.rules.pace import Pace
from zekt_backend.store import installed, readings

AGE = timedelta(hours=1)
"""Until an installation is read again of which nothing was told."""

MOST = 50
"""Of one round, those longest ago first; the next round goes on."""


async def reread_installations(round_: Round, pace: Pace) -> None:
    """Those that are due, and those that nobody told of; nothing where none is due.

    One that cannot be read keeps no other waiting: it is a gap, or left to another round, and comes last then.
    """
    async with round_.db.transaction() as tx:
        due = await installed.due(tx, round_.now - AGE, round_.now, MOST)
    if due is None:
        return
    try:
        to_read = await _to_read(round_, due)
    except SetAsideError:
        return
    except ZektError as error:
        round_.github.set_aside(APP, error.detail)
        return
    for number in to_read:
        if APP in round_.github.aside:
            return
        async with round_.about(number, "installation", f"installation {number}", reading=("installation", number)):
            await _reread(round_, number, pace)


async def _to_read(round_: Round, due: list[int]) -> list[int]:
    listed = await round_.ask(installations.listed)
    async with round_.db.transaction() as tx:
        new = await installed.not_live(tx, sorted(listed), round_.now)
    return [*new, *due][:MOST]


async def _reread(round_: Round, number: int, pace: Pace) -> None:
    read_at = round_.now
    async with round_.db.transaction() as tx:
        await installed.make(tx, number)
        before = await installed.news(tx, number) or 0
        await readings.postpone(tx, "installation", number, read_at)
    told = await round_.ask(partial(installations.installation, installation_id=number))
    try:
        written = await round_.db.run(lambda tx: write(tx, number, told, before, read_at))
    except psycopg.errors.UniqueViolation:
        # Somebody else wrote the same meanwhile: another round reads it again.
        return
    # What was told meanwhile has a job of its own, which reads again.
    if written:
        await release(number, db=round_.db, clock=round_.clock, pace=pace)
