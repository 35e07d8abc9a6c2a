"""Rounds of reconciling as tests want them: at any time, with any settings, in a process of the test's own."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

from zekt_backend.broker import Broker
from zekt_backend.flows.reconciling import Report
from zekt_testing.waiting import until

PATIENCE = timedelta(minutes=15)


class Later:
    """The machine's time, and so much more."""

    def __init__(self, ahead: timedelta) -> None:
        self._ahead = ahead

    def now(self) -> datetime:
        return datetime.now(UTC) + self._ahead


def reconcile(zekt: Any, *, later: timedelta = timedelta(0), dry_run: bool = False, **settings: Any) -> Report | None:
    """One round on this broker's database, as if it were later."""
    chosen = zekt.settings.model_copy(update={"public_url": zekt.url, **settings})

    async def main() -> Report | None:
        broker = Broker.build(chosen, zekt.database_url, clock=Later(later))
        await broker.open()
        try:
            return await broker.reconcile(dry_run=dry_run)
        finally:
            await broker.close()

    return asyncio.run(main())


def round_of(zekt: Any, *, later: timedelta = timedelta(0), **how: Any) -> Report:
    """The same, where nobody else is at one."""
    report = reconcile(zekt, later=later, **how)
    assert report is not None
    return report


def wait_for_events(zekt: Any, count: int) -> None:
    """GitHub redelivers after it has answered: wait until so many events are stored."""

    def stored() -> int:
        ((found,),) = zekt.sql("SELECT count(*) FROM events")
        return int(found)

    until(lambda: stored() >= count, lambda: f"{stored()} events, not {count}")


def wait_for_lines(zekt: Any, count: int) -> None:
    """The same: wait until so many lines stand in its log."""
    until(
        lambda: len(zekt.github.hook_deliveries()) >= count,
        lambda: f"not {count} lines: {zekt.github.hook_deliveries()}",
    )


def attempts(zekt: Any) -> list[Any]:
    """GitHub was asked for these redeliveries."""
    return [visit for visit in zekt.github.visits("rest") if visit.path.endswith("/attempts")]
