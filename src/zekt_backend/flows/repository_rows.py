"""What changes of repositories share: who asks GitHub, who changes, and how the row is written."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from zekt_backend.errors import ZektError
from zekt_backend.flows.change import Change
from zekt_backend.flows.reconciling import InThread
from zekt_backend.github.client import GitHubApp
from zekt_backend.rules import onboarding
from zekt_backend.rules.access import check_version, not_yours
from zekt_backend.rules.onboarding import Standing
from zekt_backend.store import accounts, audit, readings, repositories
from zekt_backend.store.database import Database, Tx
from zekt_backend.store.readings import Reading
from zekt_backend.store.repositories import State


@dataclass(frozen=True, slots=True)
class Hub:
    """The collaborators of whoever changes repositories."""

    db: Database
    github: GitHubApp
    in_thread: InThread
    hook_url: str
    """Where our webhooks come in."""
    master: bytes | None
    """ZEKT_WEBHOOK_SECRET, from which each webhook's own is derived."""


@dataclass(frozen=True, slots=True)
class Done:
    """The repository as it is now, and what could not be done at GitHub, in a sentence."""

    state: State
    warning: str | None = None


async def known(tx: Tx, repository_id: int) -> State:
    """As it stands.

    Raises:
        ZektError: `not_yours`.
    """
    found = await repositories.state(tx, repository_id)
    if found is None:
        raise not_yours()
    return found


async def seen(tx: Tx, repository_id: int, change: Change) -> State:
    """As it stands, where it still is what the caller has seen.

    Raises:
        ZektError: `not_yours`, `version_stale`.
    """
    found = await known(tx, repository_id)
    check_version(found.version, change.version)
    return found


async def check_owner(tx: Tx, account_id: int, login: str, found: Standing, change: Change) -> None:
    """The account is the repository's owner, by GitHub's id; which is learned now where it is not known yet.

    Raises:
        ZektError: `conflict`.
    """
    held = await accounts.github_id(tx, account_id)
    onboarding.check_owner(found, login, held)
    if held is not None:
        return
    if not await accounts.identify(tx, account_id, found.owner_id):
        raise ZektError(
            "conflict",
            f"The owner of {found.full_name} has another account here already, by GitHub's id {found.owner_id}: it was"
            " renamed. Whoever runs the broker applies a setup file with the present login.",
        )
    await audit.record(
        tx,
        now=change.now,
        actor=change.actor,
        account_id=account_id,
        action="account.change",
        subject=login,
        before={"github_id": None},
        after={"github_id": found.owner_id},
    )


async def state(tx: Tx, repository_id: int) -> State:
    """Of one that is known."""
    found = await repositories.state(tx, repository_id)
    if found is None:
        raise AssertionError("nothing deletes repositories")
    return found


async def commit(hub: Hub, seen: State, wanted: Mapping[str, Any], action: str, change: Change) -> State | None:
    """The row as it is now; None when somebody was first, so that all is to be done again."""

    async def work(tx: Tx) -> State | None:
        if "full_name" in wanted:
            await make_room(tx, seen.id, wanted, change)
        return await write(tx, seen, wanted, action, change)

    return await hub.db.run(work)


async def write(tx: Tx, seen: State, wanted: Mapping[str, Any], action: str, change: Change) -> State | None:
    """Those of `wanted` that differ, with their line in the audit trail. None: somebody was first."""
    differing = {name: value for name, value in wanted.items() if getattr(seen, name) != value}
    if differing and not await repositories.change(tx, seen, differing):
        return None
    found = await state(tx, seen.id)
    if not differing:
        return found if found.version == seen.version else None
    if differing.get("provider"):
        # Reconciling looks for runs that nobody told of. Those that ended while it was disabled are none.
        await readings.save(tx, "runs", seen.id, Reading(change.now))
    before = {name: getattr(seen, name) for name in differing}
    await record(tx, seen, action, change, before=before, after=differing)
    return found


async def make_room(tx: Tx, repository_id: int, wanted: Mapping[str, Any], change: Change) -> None:
    """Whoever had the name has lost it, which is a change of theirs."""
    moved = await repositories.make_room(tx, repository_id, wanted["full_name"], wanted["installation_id"])
    if moved is not None:
        other = await state(tx, moved)
        before = {"full_name": wanted["full_name"]}
        after = {"full_name": other.full_name, "enabled": False}
        await record(tx, other, "repository.change", change, before=before, after=after)


async def record(
    tx: Tx, of: State, action: str, change: Change, *, before: Mapping[str, Any] | None, after: Mapping[str, Any]
) -> None:
    """One line of the audit trail, in the change's own transaction."""
    await audit.record(
        tx,
        now=change.now,
        actor=change.actor,
        account_id=of.account_id,
        action=action,
        subject=of.full_name,
        before=_plain(before) if before is not None else None,
        after=_plain(after),
    )


def _plain(fields: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value.isoformat() if isinstance(value, datetime) else value for name, value in fields.items()}
