"""Ask GitHub to send again what failed, less and less often; what comes to nothing is read from the log itself."""

import asyncio
from dataclasses import dataclass, field
from datetime import timedelta

from zekt_backend.errors import ZektError
from zekt_backend.flows.reconciling import UNGRANTED, Round, Step
from zekt_backend.github import hook_log
from zekt_backend.github.hook_log import APP_HOOK, HookLog
from zekt_backend.github.metered import SetAsideError
from zekt_backend.rules import reconciliation
from zekt_backend.rules.pace import Pace
from zekt_backend.rules.records import RunEvent
from zekt_backend.store import gaps, installations, lost_webhooks
from zekt_backend.store.lost_webhooks import LostWebhook

_LONGEST_WAIT = timedelta(seconds=5)
"""For a turn to write, however often another takes it first; what must wait longer is left to the next round."""


@dataclass(frozen=True, slots=True)
class _Asking:
    round: Round
    pace: Pace
    held: set[int] = field(default_factory=set)
    """Owners that may not write any more in this round."""
    refused: dict[int, ZektError] = field(default_factory=dict)
    """Hooks that GitHub redelivers nothing of, and its words; what their logs keep may be read all the same."""


async def redeliver(round_: Round, pace: Pace) -> None:
    """Every lost webhook that is due, the oldest first: GitHub forgets that one first."""
    asking = _Asking(round_, pace)
    async with round_.db.transaction() as tx:
        await lost_webhooks.forget(tx, round_.now - 2 * reconciliation.RETENTION)
        await gaps.close_known(tx, round_.now)
        round_.report.recovered += await lost_webhooks.settle_known(tx, round_.now)
        orphans = await lost_webhooks.settle_orphans(tx, round_.now)
    for orphan in orphans:
        await round_.gap(
            "webhook", orphan.guid, _gone(f"hook {orphan.hook_id}", orphan, "that hook is gone, or not ours now.")
        )
    while True:
        # One by one: what GitHub says to one may hold for all of its hook, or of its owner.
        async with round_.db.transaction() as tx:
            lost = await lost_webhooks.first_due(tx, round_.now, but=[*round_.github.aside, *asking.held])
        if lost is None:
            return
        await _one(asking, lost)


async def _one(asking: _Asking, lost: LostWebhook) -> None:
    log, round_ = _log(lost), asking.round
    async with round_.about(log.owner, "redelivery", log.name):
        if reconciliation.is_hopeless(lost.asked, lost.delivered_at, round_.now):
            await _read_instead(round_, log, lost)
        elif (refusal := asking.refused.get(log.hook_id)) is not None:
            await _read_for_once(round_, log, lost)
            raise refusal
        elif round_.dry_run or await _take_turn(asking, log.owner, lost.guid):
            try:
                await _ask(asking, log, lost)
            except Exception:
                await _end_turn(asking, log.owner, lost.guid)
                raise
            # Who is cancelled asks the database for nothing more: the turn ends with its lease.
            await _end_turn(asking, log.owner, lost.guid)


def _log(lost: LostWebhook) -> HookLog:
    if lost.hook_id == APP_HOOK or lost.installation_id is None:
        return HookLog()
    return HookLog(lost.hook_id, lost.installation_id, lost.repository)


async def _take_turn(asking: _Asking, owner: int, turn: str) -> bool:
    """Wait for the owner's next turn: redeliveries go at the same pace as dispatches, and between them."""
    round_ = asking.round
    latest = round_.now + _LONGEST_WAIT
    while True:
        now = round_.now
        async with round_.db.transaction() as tx:
            outlook = await installations.look(tx, owner, now, asking.pace)
            if outlook.free_at <= now:
                await installations.take_turn(tx, owner, turn, now, asking.pace)
                return True
        if outlook.free_at > latest:
            asking.held.add(owner)
            round_.report.unfinished[owner] = f"it may not write before {outlook.free_at:%H:%M:%S} UTC"
            return False
        await asyncio.sleep((outlook.free_at - now).total_seconds())


async def _end_turn(asking: _Asking, owner: int, turn: str) -> None:
    round_ = asking.round
    if not round_.dry_run:
        async with round_.db.transaction() as tx:
            await installations.end_turn(tx, owner, turn, round_.now, asking.pace)


async def _ask(asking: _Asking, log: HookLog, lost: LostWebhook) -> None:
    """Counted before it is asked, so that whoever dies in between does not ask twice in a moment."""
    round_ = asking.round
    now = round_.now
    async with round_.db.transaction() as tx:
        if not await lost_webhooks.count_asked(tx, lost, now + reconciliation.next_ask(lost.asked + 1)):
            return
    try:
        known = round_.dry_run or await round_.ask(lambda github: hook_log.redeliver(github, log, lost.delivery_id))
    except (SetAsideError, ZektError) as error:
        if not isinstance(error, ZektError) or error.code == "github_refused":
            async with round_.db.transaction() as tx:
                await lost_webhooks.take_back(tx, lost, now)
        if isinstance(error, ZektError) and error.code == "github_refused":
            asking.refused[log.hook_id] = error
            await _read_for_once(round_, log, lost)
        raise
    if known:
        round_.report.steps.append(Step("asked", f"{lost.guid}, of {log.name}"))
    else:
        await _read_instead(round_, log, lost)


async def _read_instead(round_: Round, log: HookLog, lost: LostWebhook) -> None:
    """The last resort: what the webhook said stands in the log, as long as GitHub keeps it."""
    try:
        await _read(round_, log, lost)
    except ZektError as error:
        if error.code == "github_unavailable":
            raise
        await round_.gap("webhook", lost.guid, _gone(log.name, lost, error.detail))
        await _settle(round_, lost)


async def _read_for_once(round_: Round, log: HookLog, lost: LostWebhook) -> None:
    """Not the last resort: where the log may not be read either, a redelivery may be allowed an hour later."""
    try:
        await _read(round_, log, lost)
    except ZektError as error:
        if error.code == "github_unavailable":
            raise
        async with round_.db.transaction() as tx:
            await lost_webhooks.postpone(tx, lost.hook_id, round_.now + UNGRANTED)


async def _read(round_: Round, log: HookLog, lost: LostWebhook) -> None:
    event = await round_.ask(lambda github: hook_log.event_of(github, log, lost.delivery_id))
    if isinstance(event, RunEvent):
        await round_.deliver(event)
    await _settle(round_, lost)


async def _settle(round_: Round, lost: LostWebhook) -> None:
    async with round_.db.transaction() as tx:
        await lost_webhooks.settle(tx, lost.guid, round_.now)


def _gone(hook: str, lost: LostWebhook, why: str) -> str:
    return (
        f"A run has ended, and GitHub could not deliver the webhook of {lost.delivered_at:%Y-%m-%d %H:%M} UTC to"
        f" {hook}. Redeliveries asked for: {lost.asked}. The log does not help either: {why} If the run sent"
        " a message or its workflow is whitelisted, GitHub is asked about the run itself. Otherwise run the provider's"
        " workflow again. When you have looked, close it: zekt reconcile --accept-gaps."
    )
