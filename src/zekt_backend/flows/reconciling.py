"""What every step of a round of reconciling shares: whom it may ask, what it may do, and what it reports."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Protocol, TypeVar

import psycopg

from zekt_backend.clock import Clock
from zekt_backend.errors import ZektError
from zekt_backend.flows.receive_event import EventReceipt
from zekt_backend.github.metered import Metered, SetAsideError
from zekt_backend.rules.reconciliation import Gap
from zekt_backend.rules.records import RunEvent
from zekt_backend.store import gaps, readings
from zekt_backend.store.database import Database

Result = TypeVar("Result")


UNGRANTED = timedelta(hours=1)
"""Until something is asked for again that GitHub refused: a permission may have been granted."""


class InThread(Protocol):
    """Runs what blocks in a thread of ours."""

    def __call__(self, work: Callable[[], Result], /) -> Awaitable[Result]: ...


@dataclass(frozen=True, slots=True)
class Step:
    """Something that was done, or would be: `asked` (a redelivery), `delivered` (an event), `closed` (a run)."""

    what: str
    subject: str


_COUNTS = ("lines", "lost", "recovered", "listed", "going", "owed", "awaited", "calls")
_STEPS = ("asked", "delivered", "closed")


@dataclass(slots=True)
class Report:
    """What a round found and did."""

    dry_run: bool
    lines: int = 0
    """Lines of hooks' logs that were read and are about events of ours."""
    lost: int = 0
    """Webhooks newly found to have failed."""
    recovered: int = 0
    """Webhooks asked for before whose event has come."""
    listed: int = 0
    """Runs that were read from lists."""
    going: int = 0
    """Runs that were asked about and go on."""
    steps: list[Step] = field(default_factory=list)
    owed: int = 0
    """Webhooks that are not settled: asked for a moment ago, or to be asked for."""
    awaited: int = 0
    """Runs whose end is still to come."""
    calls: int = 0
    """Requests to GitHub."""
    unfinished: dict[int, str] = field(default_factory=dict)
    """Owner (an installation, or 0 for the app) → why it was not asked any more. The next round goes on there."""
    gaps: list[Gap] = field(default_factory=list)
    """All that are open, also those found before."""

    def count(self, what: str) -> int:
        return sum(1 for step in self.steps if step.what == what)

    @property
    def whole(self) -> bool:
        """Nothing is missing, and nothing was left to the next round."""
        return not self.gaps and not self.unfinished

    def as_fields(self) -> dict[str, Any]:
        """As one wide line of the log."""
        counts = {name: getattr(self, name) for name in _COUNTS} | {what: self.count(what) for what in _STEPS}
        ends = {"gaps": len(self.gaps), "unfinished": list(self.unfinished.values())}
        return {"dry_run": self.dry_run, **counts, **ends}


@dataclass(frozen=True, slots=True)
class Round:
    """The collaborators of one round."""

    db: Database
    clock: Clock
    github: Metered
    in_thread: InThread
    receive: Callable[[RunEvent], Awaitable[EventReceipt]]
    report: Report
    hook_url: str
    """Where hooks of ours send to."""
    patience: timedelta
    dry_run: bool

    @property
    def now(self) -> datetime:
        return self.clock.now()

    async def ask(self, work: Callable[[Metered], Result]) -> Result:
        return await self.in_thread(lambda: work(self.github))

    @asynccontextmanager
    async def about(
        self, owner: int, kind: str, subject: str, *, reading: tuple[readings.Kind, int] | None = None
    ) -> AsyncIterator[None]:
        """One thing that GitHub is asked for. Refused: a gap, until it is granted. Unanswered: for another round.

        Either way its `reading` comes after the others' then: what GitHub cannot serve keeps nobody else waiting.
        """
        try:
            yield
        except SetAsideError:
            return
        except ZektError as error:
            if reading is not None:
                await self._postpone(*reading, refused=error.code == "github_refused")
            if error.code == "github_unavailable":
                self.github.set_aside(owner, error.detail)
            elif error.code == "github_refused":
                await self.gap(kind, subject, error.detail)
            else:
                raise
            return
        async with self.db.transaction() as tx:
            await gaps.close(tx, kind, subject, self.now)

    async def _postpone(self, kind: readings.Kind, id_: int, *, refused: bool) -> None:
        wait = UNGRANTED if refused and kind in {"hooks", "installation"} else timedelta(0)
        async with self.db.transaction() as tx:
            await readings.postpone(tx, kind, id_, self.now + wait)

    async def gap(self, kind: str, subject: str, detail: str) -> None:
        async with self.db.transaction() as tx:
            await gaps.open_(tx, Gap(kind, subject, detail, self.now))

    async def deliver(self, event: RunEvent) -> bool:
        """Take the event as if its webhook had come. False: it cannot be stored, which is a gap."""
        subject = f"run {event.key.run_id} of {event.repository}, attempt {event.key.run_attempt}"
        if not self.dry_run:
            try:
                receipt = await self.receive(event)
            except psycopg.DataError as error:
                await self.gap("event", subject, f"What GitHub says of it cannot be stored: {type(error).__name__}.")
                return False
            if receipt.duplicate:
                return True
        self.report.steps.append(Step("delivered", subject))
        return True
