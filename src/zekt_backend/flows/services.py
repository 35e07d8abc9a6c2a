"""Services: published from a whitelisted workflow, changed, retired, and published again."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from zekt_backend.errors import ZektError
from zekt_backend.flows.accounts import require_persona
from zekt_backend.rules.access import check_version, not_yours
from zekt_backend.store import audit, services
from zekt_backend.store.database import Database, Tx

MOST_OF_A_WORKFLOW = 20
"""Each end of its runs is decided for each of them, retired ones included."""


async def publish(
    repository: int | str,
    workflow: str,
    slug: str,
    fields: Mapping[str, Any],
    *,
    actor: str,
    now: datetime,
    db: Database,
) -> dict[str, Any]:
    """Publish a whitelisted workflow (its path) of a repository (GitHub's id, or owner/name).

    `fields` are all of `store/services.COLUMNS`.

    Raises:
        ZektError: `not_yours` when the repository is not known; `conflict` when its account is no provider, the
            workflow is not whitelisted or has too many services, or the slug is taken.
    """

    async def work(tx: Tx) -> dict[str, Any]:
        home = await services.home(tx, repository)
        if home is None:
            raise not_yours()
        await require_persona(tx, home.account_id, "provider")
        workflow_id = await _whitelisted(tx, home.repository_id, home.repository, workflow)
        if not await services.create(tx, workflow_id=workflow_id, slug=slug, fields=fields):
            raise ZektError("conflict", f"The slug {slug} is taken; slugs are unique here. Publish under another one.")
        await _check_room(tx, workflow_id)
        told = {**_told(fields), "repository": home.repository, "workflow": workflow}
        await audit.record(
            tx,
            now=now,
            actor=actor,
            account_id=home.account_id,
            action="service.create",
            subject=slug,
            after=told,
        )
        return await _shown(tx, slug)

    return await db.run(work)


async def change(
    slug: str, wanted: Mapping[str, Any], *, version: int | None, actor: str, now: datetime, db: Database
) -> dict[str, Any]:
    """Change what `wanted` names: any of `store/services.COLUMNS`, `workflow` (of the same repository), `retired`.

    It holds for the next event at once, retirement also for deliveries under way. `version` is the one that the
    caller has seen; None: whatever it is now.

    Raises:
        ZektError: `not_yours` when there is no such service, `version_stale`, or `conflict` when the workflow that it
            would then be published from is not whitelisted.
    """

    async def work(tx: Tx) -> dict[str, Any]:
        old = await services.lock(tx, slug)
        if old is None:
            raise not_yours()
        check_version(old["version"], version)
        before = {**_told(old), "workflow": old["workflow"], "retired": old["retired_at"] is not None}
        after = {**before, **_told(wanted)}
        differing = [name for name in before if before[name] != after[name]]
        if differing:
            await _write(tx, old, before, after, now)
            await audit.record(
                tx,
                now=now,
                actor=actor,
                account_id=old["account_id"],
                action="service.retire" if "retired" in differing and after["retired"] else "service.change",
                subject=slug,
                before={name: before[name] for name in differing},
                after={name: after[name] for name in differing},
            )
        return await _shown(tx, slug)

    return await db.run(work)


async def retire(slug: str, *, version: int | None, actor: str, now: datetime, db: Database) -> dict[str, Any]:
    """No new requests, no more deliveries, those under way included. Retiring it again changes nothing.

    Raises:
        ZektError: `not_yours` when there is no such service, `version_stale`.
    """
    return await change(slug, {"retired": True}, version=version, actor=actor, now=now, db=db)


async def _write(
    tx: Tx, old: Mapping[str, Any], before: Mapping[str, Any], after: Mapping[str, Any], now: datetime
) -> None:
    moved = after["workflow"] != before["workflow"]
    again = before["retired"] and not after["retired"]
    workflow_id = None
    if moved or again:
        workflow_id = await _whitelisted(tx, old["repository_id"], old["repository"], after["workflow"])
    retired = (old["retired_at"] or now) if after["retired"] else None
    if not await services.change(tx, old["id"], old["version"], fields=after, workflow_id=workflow_id, retired=retired):
        raise AssertionError("the row is locked")
    if moved and workflow_id is not None:
        await _check_room(tx, workflow_id)


async def _check_room(tx: Tx, workflow_id: int) -> None:
    if await services.count(tx, workflow_id) > MOST_OF_A_WORKFLOW:
        raise ZektError(
            "conflict",
            f"A workflow has at most {MOST_OF_A_WORKFLOW} services, retired ones included. Usually one service with"
            " several event types does: consumers filter by them.",
        )


async def _whitelisted(tx: Tx, repository_id: int, repository: str, path: str) -> int:
    workflow_id = await services.workflow_id(tx, repository_id, path)
    if workflow_id is None:
        raise ZektError(
            "conflict",
            f"{path} of {repository} is not whitelisted, and only a whitelisted workflow is published. Whitelist it"
            f" first: `zekt workflows allow {repository} {path}`, docs/api.md for the same over HTTP, or"
            " `whitelisted: true` in a setup file.",
        )
    return workflow_id


def _told(fields: Mapping[str, Any]) -> dict[str, Any]:
    names = (*services.COLUMNS, "workflow", "retired")
    return {name: list(fields[name]) if name == "tags" else fields[name] for name in names if name in fields}


async def _shown(tx: Tx, slug: str) -> dict[str, Any]:
    shown = await services.shown(tx, slug)
    if shown is None:
        raise AssertionError("it was written in this transaction, and nothing deletes services")
    return shown
