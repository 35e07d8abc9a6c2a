"""Writes the directory from a setup file: everything named there is made or changed, nothing else is touched."""

from collections.abc import Collection, Sequence
from datetime import timedelta
from typing import Any, LiteralString

from zekt_backend.store import repositories
from zekt_backend.store.database import Tx, one


async def rename(tx: Tx, login: str, owner_ids: Collection[int]) -> None:
    """The account of this GitHub owner has that login now, unless another account has it."""
    await tx.execute(
        """UPDATE accounts SET login = %(login)s, version = version + 1
           WHERE github_id = ANY(%(owners)s) AND lower(login) <> lower(%(login)s)
             AND NOT EXISTS (SELECT 1 FROM accounts o WHERE lower(o.login) = lower(%(login)s))""",
        {"login": login, "owners": list(owner_ids)},
    )


async def account(tx: Tx, login: str, *, provider: bool, consumer: bool) -> int:
    """What it was here for already, it remains."""
    return await _id(
        tx,
        """INSERT INTO accounts (login, provider, consumer) VALUES (%(login)s, %(provider)s, %(consumer)s)
           ON CONFLICT (lower(login)) DO UPDATE SET login = excluded.login,
               provider = accounts.provider OR excluded.provider, consumer = accounts.consumer OR excluded.consumer,
               version = accounts.version + CASE
                   WHEN (excluded.provider AND NOT accounts.provider) OR (excluded.consumer AND NOT accounts.consumer)
                       OR accounts.login <> excluded.login THEN 1 ELSE 0 END
           RETURNING id""",
        {"login": login, "provider": provider, "consumer": consumer},
    )


async def repository(
    tx: Tx,
    *,
    id: int,  # noqa: A002 — the column's name
    account_id: int,
    installation_id: int | None,
    full_name: str,
    enabled: bool,
    provider: bool | None,
    consumer: bool | None,
    completion_tracking: bool | None,
    allow_pull_request_target: bool,
) -> int:
    """By GitHub's id; a repository that has taken another's old name pushes the old row's name aside.

    `provider`, `consumer` and `completion_tracking` stay as they are, at first false, where they are None.
    """
    await repositories.make_room(tx, id, full_name, installation_id)
    return await _id(
        tx,
        """INSERT INTO repositories AS r (id, account_id, installation_id, full_name, enabled, provider, consumer,
               completion_tracking, allow_pull_request_target)
           VALUES (%(id)s, %(account)s, %(installation)s, %(name)s, %(enabled)s, coalesce(%(provider)s, false),
               coalesce(%(consumer)s, false), coalesce(%(tracking)s, false), %(target)s)
           ON CONFLICT (id) DO UPDATE SET account_id = excluded.account_id, full_name = excluded.full_name,
               installation_id = excluded.installation_id, enabled = excluded.enabled,
               provider = coalesce(%(provider)s, r.provider), consumer = coalesce(%(consumer)s, r.consumer),
               completion_tracking = coalesce(%(tracking)s, r.completion_tracking),
               allow_pull_request_target = excluded.allow_pull_request_target,
               version = r.version + CASE WHEN
                   (r.account_id, r.full_name, r.installation_id, r.enabled, r.provider, r.consumer,
                    r.completion_tracking, r.allow_pull_request_target)
                   IS DISTINCT FROM
                   (excluded.account_id, excluded.full_name, excluded.installation_id, excluded.enabled,
                    coalesce(%(provider)s, r.provider), coalesce(%(consumer)s, r.consumer),
                    coalesce(%(tracking)s, r.completion_tracking), excluded.allow_pull_request_target)
                   THEN 1 ELSE 0 END
           RETURNING id""",
        {
            "id": id,
            "account": account_id,
            "installation": installation_id,
            "name": full_name,
            "enabled": enabled,
            "provider": provider,
            "consumer": consumer,
            "tracking": completion_tracking,
            "target": allow_pull_request_target,
        },
    )


async def found_again(tx: Tx, repository_id: int) -> None:
    """GitHub has just shown it with the app installed: whatever took it away before is over."""
    await tx.execute(
        """UPDATE repositories SET removed_at = NULL, removed_why = NULL, version = version + 1
           WHERE id = %s AND removed_why IS NOT NULL""",
        (repository_id,),
    )


async def consumers(tx: Tx, names: list[str]) -> None:
    """Enable the repositories of these names, in lower case, as consumers."""
    await tx.execute(
        """UPDATE repositories SET consumer = true, version = version + 1
           WHERE lower(full_name) = ANY(%s) AND NOT consumer""",
        (names,),
    )


async def workflow(tx: Tx, *, repository_id: int, path: str, whitelisted: bool) -> int:
    return await _id(
        tx,
        """INSERT INTO workflows (repository_id, path, whitelisted) VALUES (%(repository)s, %(path)s, %(whitelisted)s)
           ON CONFLICT (repository_id, path) DO UPDATE SET whitelisted = excluded.whitelisted,
               whitelisted_at = CASE WHEN workflows.whitelisted THEN workflows.whitelisted_at ELSE now() END,
               version = workflows.version + CASE WHEN workflows.whitelisted <> excluded.whitelisted
                   THEN 1 ELSE 0 END
           RETURNING id""",
        {"repository": repository_id, "path": path, "whitelisted": whitelisted},
    )


async def service(
    tx: Tx,
    *,
    workflow_id: int,
    slug: str,
    alias: str,
    event_type: str,
    metadata_only: bool,
    hide_provider: bool,
    description: str = "",
    tags: Sequence[str] = (),
    visibility: str = "unlisted",
    guard: str | None = None,
    retired: bool = False,
) -> int:
    """`guard` None: as it was, and `pass` for a new one, so that no file refuses what it let through before."""
    return await _id(
        tx,
        """INSERT INTO services AS v (workflow_id, slug, alias, event_type, metadata_only, hide_provider, description,
               tags, visibility, guard, retired_at)
           VALUES (%(workflow)s, %(slug)s, %(alias)s, %(event_type)s, %(metadata_only)s, %(hide_provider)s,
               %(description)s, %(tags)s, %(visibility)s, coalesce(%(guard)s, 'pass'),
               CASE WHEN %(retired)s THEN now() END)
           ON CONFLICT (slug) DO UPDATE SET workflow_id = excluded.workflow_id, alias = excluded.alias,
               event_type = excluded.event_type, metadata_only = excluded.metadata_only, tags = excluded.tags,
               hide_provider = excluded.hide_provider, description = excluded.description,
               visibility = excluded.visibility, guard = coalesce(%(guard)s, v.guard),
               retired_at = CASE WHEN %(retired)s THEN coalesce(v.retired_at, excluded.retired_at) END,
               version = v.version + CASE WHEN
                   (v.workflow_id, v.alias, v.event_type, v.metadata_only, v.hide_provider, v.description, v.tags,
                    v.visibility, v.guard, v.retired_at IS NULL)
                   IS DISTINCT FROM
                   (excluded.workflow_id, excluded.alias, excluded.event_type, excluded.metadata_only,
                    excluded.hide_provider, excluded.description, excluded.tags, excluded.visibility,
                    coalesce(%(guard)s, v.guard), excluded.retired_at IS NULL) THEN 1 ELSE 0 END
           RETURNING id""",
        {
            "workflow": workflow_id,
            "slug": slug,
            "alias": alias,
            "event_type": event_type,
            "metadata_only": metadata_only,
            "hide_provider": hide_provider,
            "description": description,
            "tags": list(tags),
            "visibility": visibility,
            "guard": guard,
            "retired": retired,
        },
    )


_SUBSCRIPTION: LiteralString = """
   INSERT INTO subscriptions AS s (service_id, repository_id, status, durable, conclusions, confirm_timeout,
       complete_timeout, max_dispatches, branches, event_types, note, requested_by, requested_at, decided_by,
       decided_side, decided_at)
   VALUES (%(service)s, %(repository)s, %(status)s, %(durable)s, %(conclusions)s, %(confirm)s, %(complete)s,
       %(dispatches)s, %(branches)s, %(event_types)s, %(note)s, 'operator', now(), %(by)s, %(by)s,
       CASE WHEN %(by)s::text IS NOT NULL THEN now() END)
   ON CONFLICT (service_id, repository_id) DO UPDATE SET status = excluded.status, durable = excluded.durable,
       conclusions = excluded.conclusions, confirm_timeout = excluded.confirm_timeout,
       complete_timeout = excluded.complete_timeout, max_dispatches = excluded.max_dispatches,
       branches = excluded.branches, event_types = excluded.event_types, note = excluded.note,
       decided_by = CASE WHEN s.status = excluded.status THEN s.decided_by ELSE excluded.decided_by END,
       decided_side = CASE WHEN s.status = excluded.status THEN s.decided_side ELSE excluded.decided_side END,
       decided_at = CASE WHEN s.status = excluded.status THEN s.decided_at ELSE excluded.decided_at END,
       version = s.version + CASE WHEN
           (s.status, s.durable, s.conclusions, s.confirm_timeout, s.complete_timeout, s.max_dispatches,
            s.branches, s.event_types, s.note)
           IS DISTINCT FROM
           (excluded.status, excluded.durable, excluded.conclusions, excluded.confirm_timeout,
            excluded.complete_timeout, excluded.max_dispatches, excluded.branches, excluded.event_types,
            excluded.note)
           THEN 1 ELSE 0 END
   RETURNING id"""


async def subscription(
    tx: Tx,
    *,
    service_id: int,
    repository_id: int,
    status: str,
    durable: bool,
    conclusions: list[str] | None,
    confirm_timeout: timedelta | None,
    complete_timeout: timedelta | None,
    max_dispatches: int | None,
    branches: list[str] | None = None,
    event_types: list[str] | None = None,
    note: str = "",
) -> int:
    return await _id(
        tx,
        _SUBSCRIPTION,
        {
            "service": service_id,
            "repository": repository_id,
            "status": status,
            "durable": durable,
            "conclusions": conclusions,
            "confirm": confirm_timeout,
            "complete": complete_timeout,
            "dispatches": max_dispatches,
            "branches": branches,
            "event_types": event_types,
            "note": note,
            "by": None if status == "requested" else "operator",
        },
    )


async def subscription_status(tx: Tx, *, service_id: int, repository_id: int) -> str | None:
    """As it stands; None where there is none."""
    row = await one(
        tx,
        "SELECT status FROM subscriptions WHERE service_id = %s AND repository_id = %s",
        (service_id, repository_id),
    )
    return row["status"] if row else None


async def service_id(tx: Tx, slug: str) -> int | None:
    row = await one(tx, "SELECT id FROM services WHERE slug = %s", (slug,))
    return row["id"] if row else None


async def repository_id(tx: Tx, full_name: str) -> int | None:
    row = await one(tx, "SELECT id FROM repositories WHERE lower(full_name) = lower(%s)", (full_name,))
    return row["id"] if row else None


async def _id(tx: Tx, query: LiteralString, params: dict[str, Any]) -> int:
    row = await one(tx, query, params)
    if row is None:
        raise LookupError("an upsert returned no row")
    return int(row["id"])
