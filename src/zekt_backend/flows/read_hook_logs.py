"""Read the delivery logs of every hook that is ours, from where the last reading ended: what failed is noted."""

from datetime import datetime, timedelta
from functools import partial

from zekt_backend.errors import ZektError
from zekt_backend.flows.reconciling import Round
from zekt_backend.github import hook_log
from zekt_backend.github.budget import APP
from zekt_backend.github.hook_log import HookLog, Page
from zekt_backend.rules import reconciliation
from zekt_backend.store import lost_webhooks, readings
from zekt_backend.store.readings import Place, Reading

_SEARCH_AGAIN = timedelta(hours=1)
"""Until a repository's hooks are listed again: one call for each repository, and hooks change rarely."""

_MOST_PAGES = 100
"""Of one log in one round, 100 lines each; the next round goes on there. No log keeps the others waiting for ever."""


async def read_hook_logs(round_: Round) -> None:
    """The app's own log, when its hook is ours, and those of repositories."""
    app_hook = HookLog()
    hears_all = False
    async with round_.about(APP, "log", app_hook.name):
        url = await round_.ask(hook_log.app_hook_url)
        if url is not None and hook_log.same_address(url, round_.hook_url):
            hears_all = True
            await _read(round_, app_hook)
    await _search(round_, hears_all=hears_all)
    async with round_.db.transaction() as tx:
        known = await readings.hooks(tx)
    for hook_id, place in known:
        log = HookLog(hook_id, place.installation_id, place.repository)
        async with round_.about(place.installation_id, "log", log.name, reading=("hook", hook_id)):
            await _read(round_, log)


async def _search(round_: Round, *, hears_all: bool) -> None:
    """Find repositories' hooks. Where the app's own hook hears all, one that may not be seen is not missed."""
    async with round_.db.transaction() as tx:
        places = await readings.places_to_search(tx, round_.now)
    for place in places:
        async with round_.about(
            place.installation_id, "hooks", place.repository, reading=("hooks", place.repository_id)
        ):
            try:
                found = await _hooks_of(round_, place)
            except ZektError as error:
                if error.code != "github_refused" or not hears_all:
                    raise
                found = []
            await _keep_hooks(round_, place, found)


async def _hooks_of(round_: Round, place: Place) -> list[int]:
    return await round_.ask(
        lambda github: hook_log.repository_hooks(github, place.installation_id, place.repository, round_.hook_url)
    )


async def _keep_hooks(round_: Round, place: Place, found: list[int]) -> None:
    now = round_.now
    async with round_.db.transaction() as tx:
        await readings.forget_hooks(tx, place.repository_id, found)
        for hook_id in found:
            reading = await readings.of(tx, "hook", hook_id)
            await readings.save(tx, "hook", hook_id, reading, look_at=now, repository_id=place.repository_id)
        await readings.save(tx, "hooks", place.repository_id, Reading(now), look_at=now + _SEARCH_AGAIN)


async def _read(round_: Round, log: HookLog) -> None:
    """Pages, newest first, down to where the last reading began; each is noted before the next is asked for."""
    now = round_.now
    async with round_.db.transaction() as tx:
        reading = await readings.of(tx, "hook", log.hook_id)
    if reconciliation.is_forgotten(reading.read_until, reading.upto or now) and reading.read_until > readings.NEVER:
        await _report_forgotten(round_, log, reading)
    for _ in range(_MOST_PAGES):
        cursor = reading.cursor
        try:
            page = await round_.ask(partial(hook_log.page, log=log, cursor=cursor))
        except ZektError as error:
            if error.code == "github_refused" and cursor is not None:
                # GitHub may have forgotten where we were: the next round begins anew.
                await _note(round_, log, Page([], None), Reading(reading.read_until))
            raise
        reading = _next(reading, page, upto=reading.upto or now)
        await _note(round_, log, page, reading)
        if reading.cursor is None:
            return


def _next(reading: Reading, page: Page, *, upto: datetime) -> Reading:
    """Where the reading stands after this page."""
    since = upto - reconciliation.RETENTION if reading.read_until == readings.NEVER else reading.read_until
    floor = since - reconciliation.OVERLAP
    if page.following is None or any(line.delivered_at < floor for line in page.lines):
        return Reading(upto)
    return Reading(reading.read_until, page.following, upto)


async def _note(round_: Round, log: HookLog, page: Page, reading: Reading) -> None:
    lines = reconciliation.ours(page.lines)
    delivered = [line for line in lines if line.ok and line.redelivery]
    async with round_.db.transaction() as tx:
        recovered = await lost_webhooks.note_delivered(tx, log.hook_id, delivered, round_.now)
        lost = await lost_webhooks.note(tx, log.hook_id, reconciliation.failed(lines), round_.now)
        await readings.save(tx, "hook", log.hook_id, reading, look_at=round_.now)
    round_.report.lines += len(lines)
    round_.report.recovered += recovered
    round_.report.lost += lost


async def _report_forgotten(round_: Round, log: HookLog, reading: Reading) -> None:
    await round_.gap(
        "retention",
        f"{log.name}, from {reading.read_until:%Y-%m-%d %H:%M} UTC on",
        "Nobody read this log for longer than the 3 days that GitHub keeps it, so webhooks of that time that failed are"
        " not seen there any more. Runs of whitelisted workflows are found by GitHub's list of runs all the same. When"
        " you have looked, close it: zekt reconcile --accept-gaps.",
    )
