"""The directory of services, as those who look for one see it: never whose it is where that is hidden."""

from collections.abc import Sequence
from typing import Any

from psycopg import sql

from zekt_backend.store.database import Listing, Tx, many, one, page_of

_SHOWN = sql.SQL(
    """v.id, v.slug, v.alias, v.description, v.tags, v.event_type AS "eventType",
       CASE WHEN NOT v.hide_provider THEN a.login END AS provider,
       CASE WHEN a.kind = 'user' THEN 'user' WHEN a.verified THEN 'verified-organization'
            ELSE 'organization' END AS badge,
       NOT v.metadata_only AS messages, v.schema_version AS "schemaVersion",
       ARRAY(SELECT jsonb_build_object('id', s.id, 'consumer', c.full_name, 'status', s.status)
             FROM subscriptions s JOIN repositories c ON c.id = s.repository_id
             WHERE s.service_id = v.id AND c.account_id = ANY(%(mine)s) ORDER BY s.id) AS subscriptions"""
)
_FROM = sql.SQL(
    """FROM services v JOIN workflows w ON w.id = v.workflow_id JOIN repositories r ON r.id = w.repository_id
       JOIN accounts a ON a.id = r.account_id"""
)
_OF_THEIRS = sql.SQL("(%(mine)s::bigint[] IS NULL OR a.id = ANY(%(mine)s))")
# A union, so that each half is planned by itself. strpos knows no wildcards, so there are none to escape. What no index
# answers (querytree: T), as "everything but", would read every word of every service: it finds nothing.
_FOUND = sql.SQL(
    """v.id IN (SELECT id FROM services
                WHERE zekt_words(slug, alias, description, tags) @@ websearch_to_tsquery('simple', %(text)s)
                  AND querytree(websearch_to_tsquery('simple', %(text)s)) <> 'T'
                UNION SELECT id FROM services WHERE strpos(slug, lower(%(text)s)) > 0)"""
)


async def search(
    tx: Tx, *, accounts: Sequence[int] | None, text: str | None, tag: str | None, before: int | None, limit: int
) -> Listing:
    """What is published and to be found by who may read these accounts (None: all), the newest first.

    `text` is searched for as whole words (and `"phrases"`, `or`, `-not` beside them) in everything that the service
    says of itself, and as a part of its slug.
    """
    rows = await many(
        tx,
        sql.SQL(
            """SELECT {} {} WHERE v.retired_at IS NULL
                 AND (v.visibility = 'public' OR (v.visibility = 'organization' AND {}))
                 AND {} AND (%(tag)s::text IS NULL OR %(tag)s = ANY(v.tags))
                 AND (%(before)s::bigint IS NULL OR v.id < %(before)s)
               ORDER BY v.id DESC LIMIT %(limit)s"""
        ).format(_SHOWN, _FROM, _OF_THEIRS, _FOUND if text else sql.SQL("true")),
        {"mine": _list(accounts), "text": text, "tag": tag, "before": before, "limit": limit + 1},
    )
    found, following = page_of(rows, limit)
    return [_readable(row) for row in found], following


async def find(tx: Tx, slug: str, accounts: Sequence[int] | None) -> dict[str, Any] | None:
    """By its slug, which finds unlisted ones too; never retired ones, nor an organisation's own for others."""
    row = await one(
        tx,
        sql.SQL(
            "SELECT {} {} WHERE v.slug = %(slug)s AND v.retired_at IS NULL AND (v.visibility <> 'organization' OR {})"
        ).format(_SHOWN, _FROM, _OF_THEIRS),
        {"slug": slug, "mine": _list(accounts)},
    )
    return _readable(row) if row else None


async def is_visible(tx: Tx, slug: str, accounts: Sequence[int] | None) -> bool:
    """Whether who may read these accounts (None: all) may know of a service by its slug, and ask for it."""
    query = sql.SQL("SELECT 1 {} WHERE v.slug = %(slug)s AND (v.visibility <> 'organization' OR {})")
    row = await one(tx, query.format(_FROM, _OF_THEIRS), {"slug": slug, "mine": _list(accounts)})
    return row is not None


def _list(accounts: Sequence[int] | None) -> list[int] | None:
    return None if accounts is None else list(accounts)


def _readable(row: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in row.items() if name != "id"}
