"""Find what GitHub failed to tell us, since it never sends a webhook again by itself; and say what stays unknown."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta

from zekt_backend.clock import Clock
from zekt_backend.flows.look_up_runs import look_up_runs
from zekt_backend.flows.read_hook_logs import read_hook_logs
from zekt_backend.flows.receive_event import EventReceipt
from zekt_backend.flows.reconciling import InThread, Report, Round
from zekt_backend.flows.redeliver import redeliver
from zekt_backend.flows.reread_installations import reread_installations
from zekt_backend.github.metered import Metered
from zekt_backend.rules.pace import Pace
from zekt_backend.rules.records import RunEvent
from zekt_backend.store import audit, awaited_runs, gaps, lost_webhooks, rounds
from zekt_backend.store.database import Database

_MOST_NAMED = 100
"""Gaps that a line of the audit trail names; it counts all."""


@dataclass(frozen=True, slots=True)
class Terms:
    """How to go about it."""

    hook_url: str
    """Where GitHub's webhooks come in: the hooks that send there are ours."""
    patience: timedelta
    """How long an event may be late before GitHub is asked about its run."""
    pace: Pace
    """Of the writes of one installation, or of the app."""


async def reconcile(
    *,
    db: Database,
    clock: Clock,
    github: Metered,
    in_thread: InThread,
    receive: Callable[[RunEvent], Awaitable[EventReceipt]],
    terms: Terms,
    dry_run: bool = False,
) -> Report | None:
    """One round; None when another process is at one. It may end early, and the next one goes on where it ended.

    Args:
        db: where to remember what was read, asked for and found.
        clock: the time.
        github: asks GitHub, and knows when to stop.
        in_thread: runs what blocks.
        receive: takes an event as if its webhook had come.
        terms: how to go about it.
        dry_run: read, but ask GitHub for nothing, and remember nothing.
    """
    async with rounds.alone(db.url) as alone:
        if not alone:
            return None

        async def run(where: Database) -> Report:
            report = Report(dry_run)
            round_ = Round(where, clock, github, in_thread, receive, report, terms.hook_url, terms.patience, dry_run)
            await read_hook_logs(round_)
            await redeliver(round_, terms.pace)
            await look_up_runs(round_)
            await reread_installations(round_, terms.pace)
            await _conclude(round_)
            return report

        if not dry_run:
            return await run(db)
        async with rounds.rehearsal(db.url) as nothing_stays:
            return await run(nothing_stays)


async def _conclude(round_: Round) -> None:
    report = round_.report
    async with round_.db.transaction() as tx:
        await gaps.close_known(tx, round_.now)
        report.gaps = await gaps.all_open(tx)
        report.owed = await lost_webhooks.owed(tx)
        report.awaited = await awaited_runs.count(tx)
    report.calls = round_.github.calls
    report.unfinished |= round_.github.aside


async def accept_gaps(*, actor: str, db: Database, clock: Clock) -> int:
    """Somebody has seen the gaps that are open, and can live with them. How many there were."""
    now = clock.now()
    async with db.transaction() as tx:
        accepted = await gaps.accept(tx, now)
        if accepted:
            after = {"accepted": len(accepted), "gaps": accepted[:_MOST_NAMED]}
            await audit.record(
                tx, now=now, actor=actor, account_id=None, action="gaps.accept", subject="gaps", after=after
            )
    return len(accepted)
