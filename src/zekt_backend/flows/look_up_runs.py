"""Find the end of runs of which no webhook told: those of waiting messages, and those only GitHub's list knows."""

from datetime import datetime, timedelta

from zekt_backend.errors import ZektError
from zekt_backend.flows.reconciling import UNGRANTED, Round, Step
from zekt_backend.github import runs
from zekt_backend.github.lookup import TooLargeError
from zekt_backend.github.runs import Run
from zekt_backend.rules import reconciliation
from zekt_backend.rules.records import RunKey
from zekt_backend.store import awaited_runs, messages, readings
from zekt_backend.store.awaited_runs import AwaitedRun, Position
from zekt_backend.store.readings import Place, Provider, Reading

_MESSAGES = 5_000
"""Looked through in one statement; only those received since the last round are."""

_UNSEEN_ADVICE = (
    "Messages wait for the end of a run, and GitHub shows the app neither the run nor its repository. It was renamed,"
    " deleted or made another owner's, or the app was taken off it: an owner clicks Settings > GitHub Apps > Configure"
    " > Repository access; if it was renamed, write the new name into the setup file and apply it."
)

_DELETED = "GitHub does not know the run any more: it was deleted, so no event of it will come."


async def look_up_runs(round_: Round) -> None:
    """The lists first: a page of them tells of fifty runs."""
    async with round_.db.transaction() as tx:
        providers = await readings.providers(tx, round_.now)
    for provider in providers:
        place = provider.place
        async with round_.about(place.installation_id, "runs", place.repository, reading=("runs", place.repository_id)):
            await _list(round_, provider)
    await _await_messages(round_)
    await _ask_about_due(round_)


async def _list(round_: Round, provider: Provider) -> None:
    """All runs created since the last reading, up to those that are too young to be missed."""
    place, since, now = provider.place, provider.since, round_.now
    end, per_page = now - round_.patience, runs.PER_PAGE
    while since < end:
        try:
            since = await _list_from(round_, provider, since, end, per_page)
        except TooLargeError:
            if per_page == 1:
                raise
            per_page //= 7  # 50, 7, 1: runs with long texts are rare, and each step asks anew
            continue
        async with round_.db.transaction() as tx:
            look_at = now + round_.patience if since == end else now
            await readings.save(tx, "runs", place.repository_id, Reading(since), look_at=look_at)


async def _list_from(round_: Round, provider: Provider, since: datetime, end: datetime, per_page: int) -> datetime:
    """As much of it as one search shows. Returns until when that is."""

    async def page(number: int) -> runs.Listed:
        return await round_.ask(
            lambda github: runs.created(
                github, place.installation_id, place.repository, (since, until), number, per_page=per_page
            )
        )

    place, until = provider.place, end
    first = await page(1)
    while first.total > runs.MOST_FOUND and until - since > timedelta(seconds=1):
        until = since + (until - since) / 2
        first = await page(1)
    # From the last page to the first, so that what ended first is delivered first.
    for number in range(-(-min(first.total, runs.MOST_FOUND) // per_page), 1, -1):
        await _take(round_, provider, (await page(number)).runs)
    await _take(round_, provider, first.runs)
    return until


async def _take(round_: Round, provider: Provider, listed: list[Run]) -> None:
    """Deliver those that are over and unknown; await those that are not, and attempts before the newest."""
    round_.report.listed += len(listed)
    wanted = [run for run in listed if _is_wanted(provider, run)]
    keys = [
        RunKey(run.key.repository_id, run.key.run_id, number)
        for run in wanted
        for number in range(1, run.key.run_attempt + 1)
    ]
    async with round_.db.transaction() as tx:
        unknown = await awaited_runs.unknown(tx, keys)
        over = [run for run in wanted if run.key in unknown and _is_over(round_, run)]
        for key in unknown - {run.key for run in over}:
            await awaited_runs.add(tx, key, round_.now + round_.patience)
    for run in reversed(over):
        await round_.deliver(run.event)


def _is_wanted(provider: Provider, run: Run) -> bool:
    """Of a workflow that was whitelisted when it ended, in this very repository and no other of its name."""
    since = provider.whitelisted.get(run.event.workflow_path or "")
    if since is None or run.key.repository_id != provider.place.repository_id:
        return False
    # GitHub's times are whole seconds.
    return not run.completed or run.updated_at is None or run.updated_at >= since.replace(microsecond=0)


def _is_over(round_: Round, run: Run) -> bool:
    """Over for so long that its webhook is late; one that has just ended is given the time."""
    return run.completed and (run.updated_at is None or run.updated_at <= round_.now - round_.patience)


async def _await_messages(round_: Round) -> None:
    """Messages that have waited too long: their runs are awaited from now on."""
    now = round_.now
    async with round_.db.transaction() as tx:
        reading = await readings.of(tx, "messages", 0)
    # A message is stored a little after the moment that stands in its row.
    at: Position | None = Position(reading.read_until - reconciliation.OVERLAP, 0)
    while at is not None:
        last = at
        async with round_.db.transaction() as tx:
            at = await awaited_runs.of_messages(tx, last, now - round_.patience, now, _MESSAGES)
            if at is not None:
                await readings.save(tx, "messages", 0, Reading(at.received_at))


async def _ask_about_due(round_: Round) -> None:
    visible: dict[int, bool] = {}
    async with round_.db.transaction() as tx:
        await awaited_runs.drop_known(tx, round_.now)
    while True:
        # One by one: what GitHub says to one may hold for all of its repository, or of its installation.
        async with round_.db.transaction() as tx:
            awaited = await awaited_runs.first_due(tx, round_.now, but=list(round_.github.aside))
        if awaited is None:
            return
        await _ask_about(round_, awaited, visible)


async def _ask_about(round_: Round, awaited: AwaitedRun, visible: dict[int, bool]) -> None:
    place, key, asked = awaited.place, awaited.key, awaited.asked + 1
    async with round_.about(place.installation_id, "runs", place.repository):
        try:
            run = await _attempt(round_, awaited, visible)
        except ZektError as error:
            if error.code == "github_refused":
                async with round_.db.transaction() as tx:
                    await awaited_runs.postpone_all(tx, place.repository_id, round_.now + UNGRANTED)
            raise
        if run is None:
            await _close(round_, awaited)
        elif run.completed:
            await round_.deliver(run.event)
            async with round_.db.transaction() as tx:
                await awaited_runs.drop(tx, key)
        else:
            round_.report.going += 1
            again = round_.now + reconciliation.next_look(asked, round_.patience)
            async with round_.db.transaction() as tx:
                await awaited_runs.postpone(tx, key, again, asked=asked)


async def _attempt(round_: Round, awaited: AwaitedRun, visible: dict[int, bool]) -> Run | None:
    """None only when GitHub shows the repository and does not know the run."""
    place = awaited.place
    run = await round_.ask(lambda github: runs.attempt(github, place.installation_id, place.repository, awaited.key))
    if run is None and not await _sees(round_, place, visible):
        raise ZektError("github_refused", _UNSEEN_ADVICE)
    return run


async def _sees(round_: Round, place: Place, visible: dict[int, bool]) -> bool:
    """Asked once a round for each repository."""
    if place.repository_id not in visible:
        visible[place.repository_id] = await round_.ask(
            lambda github: runs.is_visible(github, place.installation_id, place.repository)
        )
    return visible[place.repository_id]


async def _close(round_: Round, awaited: AwaitedRun) -> None:
    async with round_.db.transaction() as tx:
        closed = 0 if round_.dry_run else await messages.close_run(tx, awaited.key, round_.now, _DELETED)
        await awaited_runs.drop(tx, awaited.key)
    run = f"run {awaited.key.run_id} of {awaited.place.repository}, attempt {awaited.key.run_attempt}"
    round_.report.steps.append(Step("closed", f"{run}: {closed} messages"))
