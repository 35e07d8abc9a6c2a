"""Where an account wants to be told of failures: chosen, given a new secret, tried."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from zekt_backend.errors import ZektError
from zekt_backend.flows.change import Change
from zekt_backend.rules import notices as rules
from zekt_backend.rules.access import check_version, not_yours
from zekt_backend.rules.addresses import Network, only_in_development, origin, target
from zekt_backend.rules.notices import Answered
from zekt_backend.store import audit, notice_settings
from zekt_backend.store.database import Database, Tx
from zekt_backend.store.notice_settings import Chosen

LEASE = timedelta(minutes=1)
"""How long one notice may be under way, until it is taken for lost and sent again."""

TESTS_APART = timedelta(seconds=15)
"""Tests of one account: few are sent at a time, and a receiver may be slow, so that nobody is to send one always."""


@dataclass(frozen=True, slots=True)
class Wanted:
    url: str | None = None
    issues_repository: int | str | None = None
    """GitHub's id, or owner/name."""


@dataclass(frozen=True, slots=True)
class Terms:
    """What the broker's settings say about notices."""

    master: bytes | None
    """ZEKT_WEBHOOK_SECRET, from which each account's secret is derived."""
    allowed: Sequence[Network]
    base_url: str


def shown(chosen: Chosen, *, whole: bool) -> dict[str, Any]:
    """As the management API has it. A url may hold a secret of its receiver's: only owners read all of it."""
    url = chosen.url if whole or chosen.url is None else f"{origin(chosen.url)}/…"
    return {
        "account": chosen.account,
        "url": url,
        "stoppedAt": chosen.stopped_at.isoformat() if chosen.stopped_at else None,
        "failing": chosen.failing,
        "issuesRepository": chosen.issues_repository,
        "issuesRepositoryId": chosen.issues_repository_id,
        "rotatedAt": chosen.rotated_at.isoformat() if chosen.rotated_at else None,
        "version": chosen.version,
    }


async def choose(
    account_id: int, wanted: Wanted, change: Change, *, db: Database, terms: Terms, development: bool
) -> Chosen:
    """From now on the account is told there, and nowhere else.

    Raises:
        ZektError: `not_yours`, `version_stale`; `body_invalid` when nothing may be sent to the url; `webhooks_off`
            when there is no secret to sign with; `conflict` when no issue can be opened in that repository.
    """
    if wanted.url is not None:
        found = target(wanted.url, terms.allowed)
        if only_in_development(found, terms.allowed) and not development:
            raise ZektError("body_invalid", "url: it is this broker's own machine.")
        require_master(terms)

    async def work(tx: Tx) -> Chosen:
        seen = await _seen(tx, account_id, change)
        issues = await _issues(tx, seen, wanted.issues_repository)
        if (seen.url, seen.issues_repository_id, seen.stopped_at) == (wanted.url, issues, None):
            return seen
        if not await notice_settings.change(tx, seen, url=wanted.url, issues_repository_id=issues):
            raise AssertionError("the row is locked")
        return await _changed(tx, seen, "notice.change", change)

    return await db.run(work)


async def remove(account_id: int, change: Change, *, db: Database) -> Chosen:
    """Tell the account nothing more. Its secret will never sign again.

    Raises:
        ZektError: `not_yours`, `version_stale`.
    """

    async def work(tx: Tx) -> Chosen:
        seen = await _seen(tx, account_id, change)
        if seen.url is None and seen.issues_repository_id is None:
            return seen
        if not await notice_settings.change(tx, seen, url=None, issues_repository_id=None):
            raise AssertionError("the row is locked")
        bare = await _known(tx, account_id)
        if not await notice_settings.rotate(tx, bare, None):
            raise AssertionError("the row is locked")
        return await _changed(tx, seen, "notice.change", change)

    return await db.run(work)


async def rotate(account_id: int, change: Change, *, db: Database, terms: Terms) -> tuple[Chosen, str]:
    """The settings, and the new secret, which is told this once. The one before signs beside it for a day.

    Raises:
        ZektError: `not_yours`, `version_stale`, `webhooks_off`.
    """
    master = require_master(terms)

    async def work(tx: Tx) -> Chosen:
        seen = await _seen(tx, account_id, change)
        if not await notice_settings.rotate(tx, seen, change.now):
            raise AssertionError("the row is locked")
        return await _changed(tx, seen, "notice.rotate", change)

    chosen = await db.run(work)
    return chosen, rules.secret(master, account_id, chosen.generation)


def require_master(terms: Terms) -> bytes:
    """What secrets are derived from.

    Raises:
        ZektError: `webhooks_off`.
    """
    if terms.master is None:
        raise ZektError("webhooks_off", "Set ZEKT_WEBHOOK_SECRET first: what signs notices is derived from it.")
    return terms.master


def letter(chosen: Chosen, notice_id: str, body: str, now: datetime, master: bytes) -> tuple[dict[str, str], bytes]:
    """The headers and the bytes of one notice to the account's url."""
    raw = body.encode()
    signing = rules.generations(chosen.generation, chosen.rotated_at, now)
    secrets = [rules.secret(master, chosen.account_id, generation) for generation in signing]
    return rules.headers(secrets, notice_id, now, raw), raw


async def begin_test(account_id: int, change: Change, *, db: Database) -> tuple[Chosen, datetime]:
    """The account's turn, for a notice that tells nothing; and until when it has it.

    Raises:
        ZektError: `not_yours`; `conflict` when there is no url, a notice is under way, or a test was sent a moment ago.
    """

    async def work(tx: Tx) -> tuple[Chosen, datetime]:
        seen = await _seen(tx, account_id, change)
        if seen.url is None or seen.stopped_at is not None:
            why = "answered 410 Gone, so that nothing is sent there any more" if seen.url else "is not set"
            raise ZektError("conflict", f"The url {why}: set it first, with PUT or `zekt notices set`.")
        if not await notice_settings.note_test(tx, account_id, change.now, change.now - TESTS_APART):
            apart = round(TESTS_APART.total_seconds())
            raise ZektError(
                "conflict",
                f"A test was sent to this account less than {apart} seconds ago: wait as long, then send the next.",
                retry_after=apart,
            )
        until = change.now + LEASE
        if not await notice_settings.take_turn(tx, account_id, change.now, until):
            raise ZektError("conflict", "A notice is on its way to this account at this moment: try again.")
        await _record(tx, seen, "notice.test", change, before=None, after={"url": origin(seen.url)})
        return seen, until

    return await db.run(work)


async def end_test(account_id: int, until: datetime, *, now: datetime, db: Database) -> None:
    """Give the turn back."""
    await db.run(lambda tx: notice_settings.end_turn(tx, account_id, until, now))


def told(answered: Answered) -> dict[str, Any]:
    """How a test went, as the management API has it."""
    return {"delivered": answered.taken, "status": answered.status, "answer": answered.text}


async def _seen(tx: Tx, account_id: int, change: Change) -> Chosen:
    found = await notice_settings.lock(tx, account_id)
    if found is None:
        raise not_yours()
    check_version(found.version, change.version)
    return found


async def _known(tx: Tx, account_id: int) -> Chosen:
    found = await notice_settings.of(tx, account_id)
    if found is None:
        raise AssertionError("nothing deletes accounts")
    return found


async def _issues(tx: Tx, seen: Chosen, repository: int | str | None) -> int | None:
    if repository is None:
        return None
    found = await notice_settings.own_repository(tx, seen.account_id, repository)
    if found is None:
        raise ZektError(
            "conflict",
            f"No issue can be opened there: it must be a repository of {seen.account} that is known here, switched on,"
            " and among those of the app's installation. `zekt repositories list` shows them.",
        )
    return int(found["id"])


async def _changed(tx: Tx, seen: Chosen, action: str, change: Change) -> Chosen:
    """As it is now, with its line in the audit trail."""
    now = await _known(tx, seen.account_id)
    sides = [_audited(side) for side in (seen, now)]
    differing = [name for name in sides[0] if sides[0][name] != sides[1][name]]
    before, after = ({name: side[name] for name in differing} for side in sides)
    await _record(tx, now, action, change, before=before, after=after)
    return now


def _audited(chosen: Chosen) -> dict[str, Any]:
    """Never a secret: neither ours nor what a url may hold of its receiver's."""
    return {
        "url": origin(chosen.url) if chosen.url else None,
        "issues_repository": chosen.issues_repository,
        "generation": chosen.generation,
        "stopped_at": chosen.stopped_at.isoformat() if chosen.stopped_at else None,
    }


async def _record(
    tx: Tx, of: Chosen, action: str, change: Change, *, before: dict[str, Any] | None, after: dict[str, Any]
) -> None:
    await audit.record(
        tx,
        now=change.now,
        actor=change.actor,
        account_id=of.account_id,
        action=action,
        subject=of.account,
        before=before,
        after=after,
    )
