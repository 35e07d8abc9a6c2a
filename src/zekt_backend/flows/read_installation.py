"""Read an installation, or one repository, from GitHub and write down how it is. May be done at any time, and twice."""

from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta

from zekt_backend.clock import Clock
from zekt_backend.flows.hear_of_app import tell
from zekt_backend.flows.release import release
from zekt_backend.rules.news import Installed, Placed
from zekt_backend.rules.pace import Pace
from zekt_backend.store import installed, jobs, owners, told_rows
from zekt_backend.store.database import Database, Tx

_AGAIN = timedelta(seconds=1)
"""Something was told while GitHub was asked: what it said is thrown away, and asked for anew."""

AskInstallation = Callable[[int], Awaitable[Installed | None]]
AskRepository = Callable[[int, int], Awaitable[Placed | None]]
"""(installation, repository) → where it is, or None when that installation does not see it."""


async def read_installation(
    installation_id: int, *, db: Database, clock: Clock, ask: AskInstallation, pace: Pace
) -> timedelta | None:
    """Returns how long to wait until it is to be read again, or None when it was written down.

    Raises:
        SetAsideError: the budget of requests is used up.
        ZektError: `github_refused` or `github_unavailable`.
    """
    before = await db.run(lambda tx: installed.news(tx, installation_id))
    if before is None:
        return None
    read_at = clock.now()
    told = await ask(installation_id)
    if not await db.run(lambda tx: write(tx, installation_id, told, before, read_at)):
        return _AGAIN
    whole = await release(installation_id, db=db, clock=clock, pace=pace)
    return None if whole else _AGAIN


async def write(tx: Tx, number: int, told: Installed | None, before: int, now: datetime) -> bool:
    """False: something was told since the reading began, so that it may be old."""
    if not await installed.take(tx, number, before):
        return False
    names = dict(told.repositories or {}) if told else {}
    scope = {"owner": told.owner if told else None, "repository_ids": list(names), "names": list(names.values())}
    then = await told_rows.read(tx, number, **scope)  # type: ignore[arg-type] # mixed values
    if told is None:
        await installed.uninstall(tx, number, now)
    else:
        await _keep(tx, number, told, now)
    await tell(tx, then, await told_rows.read(tx, number, **scope), now)  # type: ignore[arg-type] # as above
    return True


async def _keep(tx: Tx, number: int, told: Installed, now: datetime) -> None:
    names = dict(told.repositories or {})
    new_owner = await installed.strangers(tx, list(names), told.owner, number)
    account_id = await owners.known(tx, told.owner, repository_ids=list(names), installation_id=number)
    await installed.keep(
        tx,
        number,
        account_id=account_id,
        permissions=told.permissions,
        suspended_at=told.suspended_at,
        read_at=now,
    )
    if told.repositories is not None:
        await installed.keep_repositories(tx, names, account_id=account_id, installation_id=number, now=now)
        await installed.keep_only(tx, number, list(names), now)
        await installed.disown(tx, new_owner, now)


async def read_repository(
    installation_id: int, repository_id: int, *, db: Database, clock: Clock, ask: AskRepository
) -> timedelta | None:
    """The same for one repository, which GitHub is asked about as this installation."""
    before = await db.run(lambda tx: installed.news(tx, installation_id))
    if before is None:
        return None
    now = clock.now()
    placed = await ask(installation_id, repository_id)

    async def work(tx: Tx) -> bool:
        if not await installed.take(tx, installation_id, before):
            return False
        await _place(tx, installation_id, repository_id, placed, now)
        return True

    return None if await db.run(work) else _AGAIN


async def _place(tx: Tx, number: int, repository_id: int, placed: Placed | None, now: datetime) -> None:
    names = [placed.full_name] if placed else []
    owner = placed.owner if placed else None
    then = await told_rows.read(tx, None, owner=owner, repository_ids=[repository_id], names=names)
    if placed is None:
        await installed.deselect(tx, number, [repository_id], now)
    elif placed.installation_id is not None or repository_id in {key for noun, key in then if noun == "repository"}:
        await _move(tx, placed, now)
    elsewhere = placed.installation_id if placed else None
    if elsewhere is not None and elsewhere != number:
        await installed.count_news(tx, elsewhere)
        await jobs.enqueue(tx, [jobs.read_installation(elsewhere)])
    now_ = await told_rows.read(tx, None, owner=owner, repository_ids=[repository_id], names=names)
    await tell(tx, then, now_, now)


async def _move(tx: Tx, placed: Placed, now: datetime) -> None:
    through = placed.installation_id
    new_owner = await installed.strangers(tx, [placed.id], placed.owner, through)
    account_id = await owners.known(tx, placed.owner, repository_ids=[placed.id], installation_id=through)
    if through is not None:
        await installed.make(tx, through)
    await installed.keep_repositories(
        tx, {placed.id: placed.full_name}, account_id=account_id, installation_id=through, now=now
    )
    await installed.disown(tx, new_owner, now)
