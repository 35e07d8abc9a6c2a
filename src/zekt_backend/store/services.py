"""Services: what is published from which workflow, as their own account reads and changes it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from psycopg import sql

from zekt_backend.store.database import Listing, Tx, changed, many, one, page_of

_SHOWN = sql.SQL(
    """v.id, v.slug, v.alias, v.description, v.tags, v.visibility, v.event_type AS "eventType",
       v.metadata_only AS "metadataOnly", v.hide_provider AS "hideProvider", v.guard,
       v.schema_version AS "schemaVersion", v.retired_at AS "retiredAt",
       a.login AS account, r.full_name AS repository, r.id AS "repositoryId", w.path AS workflow, w.whitelisted,
       (SELECT count(*) FROM (SELECT FROM subscriptions s
                              WHERE s.service_id = v.id AND s.status = 'approved' LIMIT 1001) s) AS subscribers,
       (SELECT count(*) FROM (SELECT FROM subscriptions s
                              WHERE s.service_id = v.id AND s.status = 'requested' LIMIT 1001) s) AS requests,
       v.version"""
)
# Counted no further: 1,001 are "more than 1,000".
_FROM = sql.SQL(
    """FROM services v JOIN workflows w ON w.id = v.workflow_id JOIN repositories r ON r.id = w.repository_id
       JOIN accounts a ON a.id = r.account_id"""
)
COLUMNS = ("alias", "description", "tags", "visibility", "event_type", "metadata_only", "hide_provider", "guard")
"""What a service's account says of it; each may be changed at any time."""


@dataclass(frozen=True, slots=True)
class Home:
    """A repository, for what is published from it or delivered to it."""

    repository_id: int
    repository: str
    account_id: int
    enabled_as_consumer: bool


async def home(tx: Tx, repository: int | str) -> Home | None:
    """By GitHub's id, or by owner/name in any case."""
    row = await one(
        tx,
        sql.SQL(
            """SELECT id AS repository_id, full_name AS repository, account_id,
                   enabled AND consumer AS enabled_as_consumer
               FROM repositories WHERE {}"""
        ).format(sql.SQL("id = %s" if isinstance(repository, int) else "lower(full_name) = lower(%s)")),
        (repository,),
    )
    return Home(**row) if row else None


async def workflow_id(tx: Tx, repository_id: int, path: str) -> int | None:
    """The workflow, if it is whitelisted."""
    row = await one(
        tx, "SELECT id FROM workflows WHERE repository_id = %s AND path = %s AND whitelisted", (repository_id, path)
    )
    return row["id"] if row else None


async def count(tx: Tx, workflow_id: int) -> int:
    """How many services a workflow has, retired ones included."""
    row = await one(tx, "SELECT count(*) AS n FROM services WHERE workflow_id = %s", (workflow_id,))
    return int(row["n"]) if row else 0


async def home_of(tx: Tx, slug: str) -> Home | None:
    """The repository that a service is published from."""
    row = await one(
        tx,
        sql.SQL(
            """SELECT r.id AS repository_id, r.full_name AS repository, r.account_id,
                   r.enabled AND r.consumer AS enabled_as_consumer
               {} WHERE v.slug = %s"""
        ).format(_FROM),
        (slug,),
    )
    return Home(**row) if row else None


async def create(tx: Tx, *, workflow_id: int, slug: str, fields: Mapping[str, Any]) -> bool:
    """False: the slug is taken."""
    return await changed(
        tx,
        """INSERT INTO services (workflow_id, slug, alias, description, tags, visibility, event_type, metadata_only,
               hide_provider, guard)
           VALUES (%(workflow)s, %(slug)s, %(alias)s, %(description)s, %(tags)s, %(visibility)s, %(event_type)s,
               %(metadata_only)s, %(hide_provider)s, %(guard)s)
           ON CONFLICT (slug) DO NOTHING""",
        {"workflow": workflow_id, "slug": slug, **_stored(fields)},
    )


async def lock(tx: Tx, slug: str) -> dict[str, Any] | None:
    """The row as it stands, and as nobody else changes it until this transaction ends."""
    return await one(
        tx,
        sql.SQL(
            """SELECT v.id, v.slug, v.alias, v.description, v.tags, v.visibility, v.event_type, v.metadata_only,
                   v.hide_provider, v.guard, v.schema_version, v.retired_at, v.version, w.path AS workflow,
                   r.id AS repository_id, r.full_name AS repository, r.account_id
               {} WHERE v.slug = %s FOR NO KEY UPDATE OF v"""
        ).format(_FROM),
        (slug,),
    )


async def change(
    tx: Tx,
    service_id: int,
    version: int,
    *,
    fields: Mapping[str, Any],
    workflow_id: int | None,
    retired: datetime | None,
) -> bool:
    """Write all `COLUMNS` and when it was retired; the workflow where one is given. False: somebody was first."""
    return await changed(
        tx,
        """UPDATE services SET workflow_id = coalesce(%(workflow)s, workflow_id), alias = %(alias)s,
               description = %(description)s, tags = %(tags)s, visibility = %(visibility)s,
               event_type = %(event_type)s, metadata_only = %(metadata_only)s, hide_provider = %(hide_provider)s,
               guard = %(guard)s, retired_at = %(retired)s, version = version + 1
           WHERE id = %(id)s AND version = %(version)s""",
        {"id": service_id, "version": version, "workflow": workflow_id, "retired": retired, **_stored(fields)},
    )


def _stored(fields: Mapping[str, Any]) -> dict[str, Any]:
    """Every column of `COLUMNS`."""
    return {name: list(fields[name]) if name == "tags" else fields[name] for name in COLUMNS}


async def shown(tx: Tx, slug: str) -> dict[str, Any] | None:
    """Everything of one, for its own account."""
    row = await one(tx, sql.SQL("SELECT {} {} WHERE v.slug = %s").format(_SHOWN, _FROM), (slug,))
    return _readable(row) if row else None


async def page(tx: Tx, *, accounts: Sequence[int] | None, before: int | None, limit: int) -> Listing:
    """Of these accounts (None: of all) the newest first, retired ones too, and the cursor of the next page."""
    rows = await many(
        tx,
        sql.SQL(
            """SELECT {} {} WHERE (%(accounts)s::bigint[] IS NULL OR a.id = ANY(%(accounts)s))
                 AND (%(before)s::bigint IS NULL OR v.id < %(before)s)
               ORDER BY v.id DESC LIMIT %(limit)s"""
        ).format(_SHOWN, _FROM),
        {"accounts": None if accounts is None else list(accounts), "before": before, "limit": limit + 1},
    )
    found, following = page_of(rows, limit)
    return [_readable(row) for row in found], following


def _readable(row: dict[str, Any]) -> dict[str, Any]:
    return {
        name: value.isoformat() if isinstance(value, datetime) else value for name, value in row.items() if name != "id"
    }
