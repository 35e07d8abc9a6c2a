"""Make a repository known, and enable or disable it as provider, as consumer, for completion tracking.

Each is idempotent and reversible. GitHub is asked between two transactions: the row is read, GitHub brought to what it
is to be, and the row written if it is still as it was read; else all over again. So whoever writes to GitHub last is
whoever has written the row, and what was left half done by a crash is found and finished by the next call.
"""

from collections.abc import Mapping
from functools import partial
from typing import Any, Literal

from zekt_backend.errors import ZektError
from zekt_backend.flows import repository_rows as rows
from zekt_backend.flows.accounts import require_persona
from zekt_backend.flows.change import Change
from zekt_backend.flows.repository_rows import Done, Hub
from zekt_backend.github import repository_hooks, standing, webhook
from zekt_backend.github.repository_hooks import Place
from zekt_backend.rules import onboarding
from zekt_backend.rules.access import not_yours
from zekt_backend.rules.onboarding import HOOKED, Role, Standing
from zekt_backend.store import accounts, repositories
from zekt_backend.store.database import Tx
from zekt_backend.store.repositories import State

_TRIES = 5
"""Of one change that others get in the way of."""

_PERSONA: Mapping[Role, Literal["provider", "consumer"]] = {
    "provider": "provider",
    "consumer": "consumer",
    "completion_tracking": "consumer",
}


async def add(full_name: str, change: Change, hub: Hub) -> tuple[State, bool]:
    """Make it known under its owner's account; True when it was not. What was known before is brought up to date.

    Raises:
        ZektError: `not_yours` when the owner has no account here; `conflict`, `github_refused`, `github_unavailable`.
    """
    login = full_name.partition("/")[0]
    found = await hub.in_thread(partial(standing.standing, hub.github, full_name))
    onboarding.check_owner(found, login, None)

    async def work(tx: Tx) -> tuple[State, bool]:
        account_id = await accounts.id_of(tx, login)
        if account_id is None:
            raise not_yours()
        await rows.check_owner(tx, account_id, login, found, change)
        seen = await repositories.state(tx, found.repository_id)
        if seen is not None and seen.account_id != account_id:
            raise ZektError(
                "conflict",
                f"{found.full_name} is known here as another account's, from before it was transferred to {login}."
                " Whoever runs the broker writes it under its new owner in the setup file.",
            )
        await rows.make_room(tx, found.repository_id, _identity(found), change)
        new = seen is None and await repositories.create(
            tx, found.repository_id, account_id, found.full_name, found.installation_id
        )
        if seen is None:
            seen = await rows.state(tx, found.repository_id)
        if new:
            after = {"full_name": seen.full_name, "installation_id": seen.installation_id}
            await rows.record(tx, seen, "repository.create", change, before=None, after=after)
            return seen, True
        known = await rows.write(tx, seen, _identity(found), "repository.change", change)
        return known or seen, False

    return await hub.db.run(work)


async def enable(repository_id: int, role: Role, change: Change, hub: Hub) -> Done:
    """Enable it as that: GitHub and the account are asked whether it can be, and its webhook is placed first.

    One that was switched off as a whole (it has just come with the app, or changed hands) is switched on by that, and
    what it was enabled as before is not.

    Raises:
        ZektError: `not_yours`, `version_stale`; `conflict`, `github_refused` and `github_unavailable`, each with what
            to do. Nothing is enabled then.
    """
    for _ in range(_TRIES):
        async with hub.db.transaction() as tx:
            seen = await rows.seen(tx, repository_id, change)
            await require_persona(tx, seen.account_id, _PERSONA[role])
        found = await _found(hub, seen)
        async with hub.db.transaction() as tx:
            await rows.check_owner(tx, seen.account_id, seen.account, found, change)
        onboarding.check_able(found, role)
        off: dict[str, Any] = {} if seen.enabled else {"enabled": True, **dict.fromkeys(_PERSONA, False)}
        wanted: dict[str, Any] = {**_identity(found), **off, role: True}
        if _needs_hook(seen, wanted):
            wanted["hook_id"] = await _place(hub, found, seen)
        if (done := await rows.commit(hub, seen, wanted, "repository.enable", change)) is not None:
            return await _settle(hub, done, Change(change.actor, change.now))
    raise _contended(seen)


async def disable(repository_id: int, role: Role, change: Change, hub: Hub) -> Done:
    """Disable it as that, at once, whatever GitHub says; then take its webhook away, where nothing needs it any more.

    Raises:
        ZektError: `not_yours`, `version_stale`.
    """
    for _ in range(_TRIES):
        async with hub.db.transaction() as tx:
            seen = await rows.seen(tx, repository_id, change)
        if (done := await rows.commit(hub, seen, {role: False}, "repository.disable", change)) is not None:
            return await _settle(hub, done, Change(change.actor, change.now))
    raise _contended(seen)


async def rotate(repository_id: int, change: Change, hub: Hub) -> Done:
    """Give its webhook a new secret. GitHub has it first, and it is believed already; then the one before is not.

    Raises:
        ZektError: as `enable`.
    """
    for _ in range(_TRIES):
        async with hub.db.transaction() as tx:
            seen = await rows.seen(tx, repository_id, change)
        if not _needs_hook(seen, {}):
            raise ZektError(
                "conflict",
                f"{seen.full_name} has no webhook of ours: it is enabled neither as a provider nor for completion"
                " tracking.",
            )
        generation = seen.hook_generation + 1
        hook_id = await _place(hub, await _found(hub, seen), seen, generation)
        wanted = {"hook_id": hook_id, "hook_generation": generation}
        if (done := await rows.commit(hub, seen, wanted, "repository.rotate", change)) is not None:
            return Done(done)
    raise _contended(seen)


async def _settle(hub: Hub, seen: State, change: Change) -> Done:
    """Take away a webhook that nothing needs; and place it again, when somebody has enabled it meanwhile."""
    removed = False
    for _ in range(_TRIES):
        try:
            if _needs_hook(seen, {}) and removed:
                wanted: dict[str, Any] = {"hook_id": await _place(hub, await _found(hub, seen), seen)}
            elif not _needs_hook(seen, {}) and seen.hook_id is not None:
                at = _at(await _found(hub, seen))
                await hub.in_thread(partial(repository_hooks.remove, hub.github, at, seen.hook_id))
                removed = True
                # Whatever the secret was that it had: from now on it opens nothing.
                wanted = {"hook_id": None, "hook_generation": seen.hook_generation + 1}
            else:
                return Done(seen)
        except ZektError as error:
            how = "Send the same again later, or see to it by hand: Settings > Webhooks."
            return Done(seen, f"Its webhook could not be brought up to date at GitHub. {error.detail} {how}")
        if (done := await rows.commit(hub, seen, wanted, "repository.change", change)) is not None:
            return Done(done)
        async with hub.db.transaction() as tx:
            seen = await rows.state(tx, seen.id)
    raise _contended(seen)


def _identity(found: Standing) -> dict[str, Any]:
    here = {"removed_at": None, "removed_why": None}
    return {"full_name": found.full_name, "installation_id": found.installation_id, **here}


def _needs_hook(seen: State, wanted: Mapping[str, Any]) -> bool:
    return any(wanted.get(role, getattr(seen, role)) for role in HOOKED)


async def _found(hub: Hub, seen: State) -> Standing:
    """It at GitHub, where its name still means it and its owner is still that account. Each hook is written after this.

    Raises:
        ZektError: `conflict`, `github_refused`, `github_unavailable`.
    """
    found = await hub.in_thread(partial(standing.standing, hub.github, seen.full_name))
    onboarding.check_same(
        found, repository_id=seen.id, full_name=seen.full_name, account=seen.account, owner_id=seen.owner_id
    )
    return found


def _at(found: Standing) -> Place:
    return Place(found.installation_id, found.full_name)


async def _place(hub: Hub, found: Standing, seen: State, generation: int | None = None) -> int:
    """Its webhook, with the secret of this generation; None: of the present one."""
    if hub.master is None:
        raise ZektError("webhooks_off", "Set ZEKT_WEBHOOK_SECRET first: each webhook's own secret is derived from it.")
    secret = webhook.hook_secret(hub.master, seen.id, seen.hook_generation if generation is None else generation)
    work = partial(repository_hooks.place, hub.github, _at(found), url=hub.hook_url, secret=secret, known=seen.hook_id)
    return await hub.in_thread(work)


def _contended(seen: State) -> ZektError:
    return ZektError("conflict", f"Others are changing {seen.full_name} at the same time: try again.")
