"""Read installations again now and then, so that a webhook of the app that was lost heals by itself."""

from datetime import timedelta
from functools import partial

from zekt_backend.errors import ZektError
from zekt_backend.flows.read_installation import write
from zekt_backend.flows.reconciling import Round
from zekt_backend.flows.release import release
from zekt_backend.github import installations
from zekt_backend.github.metered import APP, SetAsideError
from zekt_backend.rules.pace import Pace
from zekt_backend.store import installed

AGE = timedelta(hours=1)
"""Until an installation is read again of which nothing was told."""

MOST = 50
"""Of one round, those longest ago first; the next round goes on."""


async def reread_installations(round_: Round, pace: Pace) -> None:
    """Those that are due, and those that nobody told of; nothing where none is due."""
    async with round_.db.transaction() as tx:
        due = await installed.due(tx, round_.now - AGE, MOST)
    if due is not None:
        try:
            for number in await _to_read(round_, due):
                await _reread(round_, number, pace)
        except SetAsideError:
            return
        except ZektError as error:
            round_.github.set_aside(APP, error.detail)


async def _to_read(round_: Round, due: list[int]) -> list[int]:
    listed = {each.id for each in await round_.ask(installations.listed)}
    async with round_.db.transaction() as tx:
        new = await installed.not_live(tx, sorted(listed))
    return [*new, *due][:MOST]


async def _reread(round_: Round, number: int, pace: Pace) -> None:
    async with round_.db.transaction() as tx:
        await installed.make(tx, number)
        before = await installed.news(tx, number) or 0
    read_at = round_.now
    told = await round_.ask(partial(installations.installation, installation_id=number))
    # What was told meanwhile has a job of its own, which reads again.
    if await round_.db.run(lambda tx: write(tx, number, told, before, read_at)):
        await release(number, db=round_.db, clock=round_.clock, pace=pace)
