"""Tell one account one thing: claim a notice that is due, send it, write down how that went.

At least once: whoever dies between sending and writing is followed, after a lease, by somebody who sends the same again
with the same id. The row is the truth, and a job only says that something is due.
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from zekt_backend.clock import Clock
from zekt_backend.flows.notices import LEASE, Terms, letter
from zekt_backend.github.issues import Issue
from zekt_backend.github.repository_hooks import Place
from zekt_backend.rules import backoff
from zekt_backend.rules import notices as rules
from zekt_backend.rules.addresses import origin
from zekt_backend.rules.notices import Answered
from zekt_backend.rules.pace import Pace
from zekt_backend.rules.records import Answer
from zekt_backend.store import audit, installations, notice_settings, notices
from zekt_backend.store.database import Database, Tx
from zekt_backend.store.notice_settings import Chosen
from zekt_backend.store.notices import Notice

RECEIVER = "receiver"
"""The actor who wants nothing more: the url that answered 410 Gone."""

_AT_ONCE = timedelta(0)
_LONGEST_HOLD = timedelta(minutes=30)
_PATIENCE = 60.0
"""Seconds: what was answered is not thrown away because the database is away for a moment."""


@dataclass(frozen=True, slots=True)
class Means:
    """What it takes to tell somebody something."""

    db: Database
    clock: Clock
    post: Callable[[str, Mapping[str, str], bytes], Awaitable[Answered]]
    open_issue: Callable[[Issue, datetime | None], Awaitable[tuple[Answer, str | None]]]
    terms: Terms
    pace: Pace
    dice: Callable[[], float]


@dataclass(frozen=True, slots=True)
class Turn:
    """A notice, and until when its account is nobody else's to tell something."""

    notice: Notice
    chosen: Chosen
    until: datetime
    at: Place | None = None
    """Where the issue is opened."""

    @property
    def write(self) -> str:
        """Whose turn it is at the installation."""
        return f"{self.notice.id}/{self.notice.tries + 1}"


async def notify(means: Means) -> timedelta | None:
    """Tell what is due longest, to who was served longest ago. None when nothing is due, else how long until more."""
    claimed = await means.db.run(lambda tx: _claim(tx, means.clock.now(), means))
    if not isinstance(claimed, Turn):
        return claimed
    if claimed.at is not None:
        notice = claimed.notice
        title, text = rules.issue(notice.id, notice.body)
        issue = Issue(claimed.at.installation_id, claimed.at.full_name, title, text, rules.marker(notice.id))
        answer, link = await means.open_issue(issue, notice.created_at if notice.unsure else None)
        await means.db.run(
            lambda tx: _opened(tx, claimed, answer, link, now=means.clock.now(), means=means), patience=_PATIENCE
        )
    else:
        answered = await _posted_to(claimed, means)
        await means.db.run(
            lambda tx: _posted(tx, claimed, answered, now=means.clock.now(), means=means), patience=_PATIENCE
        )
    return _AT_ONCE


async def _posted_to(turn: Turn, means: Means) -> Answered:
    chosen = turn.chosen
    if means.terms.master is None:
        return Answered(None, "ZEKT_WEBHOOK_SECRET is not set, so nothing can be signed.")
    headers, body = letter(chosen, turn.notice.id, turn.notice.body, means.clock.now(), means.terms.master)
    return await means.post(chosen.url or "", headers, body)


async def _claim(tx: Tx, now: datetime, means: Means) -> Turn | timedelta | None:
    notice = await notices.lock_next(tx, now)
    if notice is None:
        return None
    chosen = await notice_settings.of(tx, notice.account_id)
    if chosen is None:
        raise AssertionError("nothing deletes accounts")
    turn = Turn(notice, chosen, now + LEASE)
    if notice.channel == "issue":
        found = await _issue(tx, turn, now, means.pace)
    else:
        found = turn if chosen.url is not None and chosen.stopped_at is None else None
    if found is None:
        await notices.end(tx, notice.id, "failed", now, answer="It is not to be told there any more.")
        return _AT_ONCE
    if isinstance(found, Turn):
        await notice_settings.take_turn(tx, notice.account_id, now, turn.until)
        await notices.begin(tx, notice.id)
    return found


async def _issue(tx: Tx, turn: Turn, now: datetime, pace: Pace) -> Turn | timedelta | None:
    """With its place, in its installation's turn; or how long until that; None: there is no place for it."""
    chosen, notice = turn.chosen, turn.notice
    number = chosen.issues_repository_id
    at = None if number is None else await notice_settings.own_repository(tx, chosen.account_id, number)
    if at is None:
        return None
    installation_id = at["installation_id"]
    if not notice.paced:
        (slot,) = await installations.reserve(tx, installation_id, now, count=1, pace=pace)
        if slot > now:
            await notices.plan(tx, notice.id, slot)
            return _AT_ONCE
    outlook = await installations.look(tx, installation_id, now, pace)
    if outlook.free_at > now:
        await notices.plan(tx, notice.id, outlook.free_at)
        return _AT_ONCE
    await installations.take_turn(tx, installation_id, turn.write, now, pace)
    return Turn(notice, chosen, turn.until, Place(installation_id, at["full_name"]))


async def _posted(tx: Tx, turn: Turn, answered: Answered, *, now: datetime, means: Means) -> None:
    notice, chosen = turn.notice, turn.chosen
    await notice_settings.end_turn(tx, chosen.account_id, turn.until, now)
    url = chosen.url or ""
    if answered.taken:
        await notice_settings.succeed(tx, chosen.account_id)
        await notices.end(tx, notice.id, "sent", now, answer=answered.text)
    elif answered.gone:
        if await notice_settings.stop(tx, chosen.account_id, url, now):
            await _audit_stop(tx, chosen, now)
        await notices.end(tx, notice.id, "failed", now, answer="HTTP 410: the receiver wants nothing more.")
    else:
        in_row = await notice_settings.fail(tx, chosen.account_id, url)
        rest = min(backoff.LADDER[min(in_row, len(backoff.LADDER)) - 1], _LONGEST_HOLD)
        asked = timedelta(seconds=min(answered.retry_after or 0.0, backoff.LONGEST_WAIT_SECONDS))
        await notice_settings.hold(tx, chosen.account_id, url, now + max(rest, asked))
        await _again(tx, turn, answered.text, now, means, retry_after=answered.retry_after)


async def _opened(tx: Tx, turn: Turn, answer: Answer, link: str | None, *, now: datetime, means: Means) -> None:
    if turn.at is None:
        raise AssertionError("it was opened somewhere")
    notice, installation_id = turn.notice, turn.at.installation_id
    await notice_settings.end_turn(tx, notice.account_id, turn.until, now)
    seen = answer.http_status is not None or answer.ambiguous
    await installations.end_turn(tx, installation_id, turn.write, now, means.pace, counts=seen)
    text = f"{answer.text} {answer.advice}".strip()
    if answer.accepted:
        await notices.end(tx, notice.id, "sent", now, answer=text, link=link)
    elif answer.limited:
        named = answer.retry_after
        if named is None:
            named = backoff.limit_wait(await installations.count_limit(tx, installation_id, now))
        until = now + timedelta(seconds=min(named, backoff.LONGEST_WAIT_SECONDS))
        await installations.block(tx, installation_id, until)
        await _again(tx, turn, text, now, means, retry_after=named)
    elif answer.permanent:
        await notices.end(tx, notice.id, "failed", now, answer=text)
    else:
        unsure = answer.ambiguous or notice.unsure
        await _again(tx, turn, text, now, means, retry_after=answer.retry_after, unsure=unsure)


async def _again(
    tx: Tx, turn: Turn, text: str, now: datetime, means: Means, *, retry_after: float | None, unsure: bool = False
) -> None:
    """Along the ladder of durable deliveries; then it is given up."""
    wait = backoff.next_wait(turn.notice.tries + 1, durable=True, dice=means.dice(), retry_after=retry_after)
    if wait is None:
        await notices.end(tx, turn.notice.id, "failed", now, answer=f"Given up. {text}")
        return
    await notices.postpone(tx, turn.notice.id, now + wait, answer=text, unsure=unsure)


async def _audit_stop(tx: Tx, chosen: Chosen, now: datetime) -> None:
    await audit.record(
        tx,
        now=now,
        actor=RECEIVER,
        account_id=chosen.account_id,
        action="notice.stop",
        subject=chosen.account,
        before={"stopped_at": None},
        after={"stopped_at": now.isoformat(), "url": origin(chosen.url or "")},
    )
