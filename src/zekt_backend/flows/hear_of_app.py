"""GitHub tells of an installation or a repository: what ends does so at once, the rest is read from GitHub.

Webhooks come in any order, twice, late or never. So none is believed for more than that it is time to look; only what
stops something holds from this transaction on, until the reading that follows says otherwise.
"""

from datetime import datetime, timedelta

from zekt_backend.clock import Clock
from zekt_backend.flows.receive_event import PATIENCE_SECONDS
from zekt_backend.rules.access import GITHUB
from zekt_backend.rules.news import AppNews, is_stale
from zekt_backend.store import directory_changes, installed, jobs, told_rows
from zekt_backend.store.database import Database, Tx
from zekt_backend.store.directory_changes import Rows

_GONE_EVERYWHERE = timedelta(seconds=30)


async def hear_of_app(news: AppNews, *, db: Database, clock: Clock) -> str:
    """Returns what became of it: `stopped`, `looked_into`, or `unknown` when it is about nothing that we know."""

    async def work(tx: Tx) -> str:
        number = news.installation_id
        if number is None and news.repository_id is not None:
            number = await installed.installation_of(tx, news.repository_id)
        now = clock.now()
        told_at = await installed.count_news(tx, number) if number is not None else None
        stops = news.stop is not None and not is_stale(news, told_at)
        if stops:
            await _stop(tx, news, number, now)
        if number is not None:
            await jobs.enqueue(tx, [_reading(news, number)])
        if number is None and not stops:
            return "unknown"
        return "stopped" if stops else "looked_into"

    return await db.run(work, patience=PATIENCE_SECONDS)


def _reading(news: AppNews, number: int) -> jobs.Wake:
    """What is gone may be shown a little longer by one of GitHub's machines, and must not come back by that."""
    after = _GONE_EVERYWHERE if news.stop in {"uninstalled", "deleted"} else timedelta(0)
    if news.repository_id is not None:
        return jobs.read_repository(number, news.repository_id, after)
    return jobs.read_installation(number, after)


async def _stop(tx: Tx, news: AppNews, number: int | None, now: datetime) -> None:
    ids = (*news.repositories, *([news.repository_id] if news.repository_id is not None else []))
    then = await told_rows.read(tx, number, repository_ids=ids)
    if news.stop == "deleted" and news.repository_id is not None:
        await installed.delete(tx, news.repository_id, now)
    elif number is not None and news.stop == "deselected":
        await installed.deselect(tx, number, news.repositories, now)
    elif number is not None and news.stop == "suspended":
        await installed.suspend(tx, number, news.as_of or now)
    elif number is not None and news.stop == "uninstalled":
        await installed.uninstall(tx, number, now)
    await tell(tx, then, await told_rows.read(tx, number, repository_ids=ids), now)


async def tell(tx: Tx, then: Rows, now_: Rows, now: datetime) -> None:
    """A line of the audit trail for each row that this transaction has made or changed."""
    for change in directory_changes.between(then, now_):
        await directory_changes.tell(tx, change, actor=GITHUB, now=now)
