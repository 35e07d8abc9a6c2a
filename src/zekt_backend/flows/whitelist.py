"""The workflows of a repository: listed as GitHub knows them, put on the whitelist, taken off it."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from decimal import Decimal
from functools import partial
from typing import Any

from zekt_backend.errors import ZektError
from zekt_backend.flows import repository_rows as rows
from zekt_backend.flows.accounts import require_persona
from zekt_backend.flows.change import Change
from zekt_backend.flows.repository_rows import Hub
from zekt_backend.github import standing
from zekt_backend.rules.access import check_version
from zekt_backend.rules.explanation import why_blocked
from zekt_backend.rules.paths import FOLDER, workflow_path
from zekt_backend.rules.usage import cost_of_blocked
from zekt_backend.store import audit, events, workflows
from zekt_backend.store.database import Tx
from zekt_backend.store.repositories import State

Prices = Mapping[Any, Decimal]

_UNKNOWN: dict[str, Any] = {"whitelisted": False, "services": [], "version": None}
_BLOCKED = timedelta(days=30)
_MOST_RUNS = 3_000
"""So many of a repository's newest runs are looked at for what was blocked."""


async def workflows_of(repository_id: int, hub: Hub, *, now: datetime, prices: Prices) -> dict[str, Any]:
    """Those that GitHub lists, those that are or were whitelisted, and those of which events were blocked of late.

    `state` is null where GitHub lists none.

    Raises:
        ZektError: `not_yours`; `conflict`, when the app is not installed; `github_refused`, `github_unavailable`.
    """
    async with hub.db.reading() as connection:
        seen = await rows.known(connection, repository_id)
        ours = {row["path"]: row for row in await workflows.of(connection, repository_id)}
        since = now - _BLOCKED
        blocked, complete = await events.blocked(connection, repository_id, since=since, most=_MOST_RUNS)
    asked = partial(standing.workflows, hub.github, _installation(seen), seen.full_name)
    listed = await hub.in_thread(asked)
    theirs = {each.path: each for each in listed.found if each.path.startswith(f"{FOLDER}/")}
    found = [
        {
            "path": path,
            "name": theirs[path].name if path in theirs else None,
            "state": theirs[path].state if path in theirs else None,
            **_UNKNOWN,
            **ours.get(path, {}),
            **_blocked(blocked.get(path), prices),
        }
        for path in sorted({*theirs, *ours, *blocked})
    ]
    return {
        "repository": seen.full_name,
        "repositoryId": seen.id,
        "account": seen.account,
        "since": since.isoformat(),
        "complete": complete,
        "workflows": found,
        "leftOut": listed.left_out,
    }


def _blocked(row: Mapping[str, Any] | None, prices: Prices) -> dict[str, Any]:
    count = row["blocked"] if row else 0
    return {
        "blocked": count,
        "notWhitelisted": row["unlisted"] if row else 0,
        "blockedCost": cost_of_blocked(count, prices),
        "lastBlocked": row
        and {
            "at": row["at"].isoformat(),
            "runId": str(row["run_id"]),
            "htmlUrl": row["html_url"],
            "why": why_blocked(row["reasons"]),
        },
    }


async def allow(repository_id: int, file: str, change: Change, hub: Hub, *, force: bool = False) -> dict[str, Any]:
    """Whitelist the workflow; GitHub must know it, or with `force` is not asked.

    Raises:
        ZektError: `not_yours`, `version_stale`, `body_invalid`; `conflict` when GitHub knows no such workflow;
            `github_refused`, `github_unavailable`.
    """
    async with hub.db.transaction() as tx:
        seen = await rows.known(tx, repository_id)
        await require_persona(tx, seen.account_id, "provider")
    path = workflow_path(file)
    if not force:
        await _require_there(hub, seen, path)
    return await _write(hub, seen, path, change, allowed=True)


async def disallow(repository_id: int, file: str, change: Change, hub: Hub) -> dict[str, Any]:
    """Take the workflow off the whitelist: the ends of its runs and its messages are blocked from then on.

    Raises:
        ZektError: `not_yours`, `version_stale`, `body_invalid`.
    """
    async with hub.db.reading() as connection:
        seen = await rows.known(connection, repository_id)
    return await _write(hub, seen, workflow_path(file), change, allowed=False)


async def _require_there(hub: Hub, seen: State, path: str) -> None:
    file = path.removeprefix(f"{FOLDER}/")
    asked = partial(standing.has_workflow, hub.github, _installation(seen), seen.full_name, file)
    if not await hub.in_thread(asked):
        raise ZektError(
            "conflict",
            f"GitHub knows no workflow {path} in {seen.full_name}. Usually the name is misspelt, or the file is not on"
            " the default branch yet: `zekt workflows list` shows what there is. To whitelist it before"
            ' it is there: {"force": true}, or --force.',
        )


async def _write(hub: Hub, seen: State, path: str, change: Change, *, allowed: bool) -> dict[str, Any]:
    async def work(tx: Tx) -> dict[str, Any]:
        row = await workflows.lock(tx, seen.id, path)
        if change.version is not None:
            check_version(row["version"] if row else -1, change.version)
        was = bool(row and row["whitelisted"])
        if was != allowed:
            await workflows.whitelist(tx, seen.id, path, change.now, allowed=allowed)
            await audit.record(
                tx,
                now=change.now,
                actor=change.actor,
                account_id=seen.account_id,
                action="workflow.allow" if allowed else "workflow.disallow",
                subject=f"{seen.full_name}/{path}",
                before={"whitelisted": was},
                after={"whitelisted": allowed},
            )
        found = {each["path"]: each for each in await workflows.of(tx, seen.id)}
        return {"path": path, **_UNKNOWN, **found.get(path, {})}

    return await hub.db.run(work)


def _installation(seen: State) -> int:
    if seen.installation_id is None:
        raise ZektError(
            "conflict",
            f"The app is not installed on {seen.full_name}, so that GitHub tells us nothing of its workflows. An owner"
            f" installs it; then `zekt repositories add {seen.full_name}`, or POST /api/repositories.",
        )
    return seen.installation_id
