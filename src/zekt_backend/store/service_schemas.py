"""JSON Schemas of services: every version as it was given, and which one counts."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from zekt_backend.store.database import Listing, Tx, changed, many, one, page_of


async def texts(tx: Tx, versions: Mapping[int, int]) -> dict[int, str]:
    """The schemas, by service, of these versions, by service; in the order of `versions`."""
    if not versions:
        return {}
    rows = await many(
        tx,
        """SELECT service_id, schema FROM service_schemas
           WHERE (service_id, version) IN (SELECT * FROM unnest(%s::bigint[], %s::integer[]))""",
        (list(versions), list(versions.values())),
    )
    found = {row["service_id"]: row["schema"] for row in rows}
    return {service_id: found[service_id] for service_id in versions}


async def keep(tx: Tx, service_id: int, text: str, *, actor: str, now: datetime | None = None) -> int:
    """The version that says so: the one that said it before, or the next. Its service must be locked.

    `now` None: when the transaction began.
    """
    row = await one(
        tx,
        """WITH had AS (SELECT max(version) FILTER (WHERE schema = %(text)s) AS same, max(version) AS last
                        FROM service_schemas WHERE service_id = %(id)s),
                next AS (INSERT INTO service_schemas (service_id, version, schema, created_at, created_by)
                         SELECT %(id)s, coalesce(last, 0) + 1, %(text)s, coalesce(%(now)s, now()), %(actor)s
                         FROM had WHERE same IS NULL
                         RETURNING version)
           SELECT coalesce(same, (SELECT version FROM next)) AS version FROM had""",
        {"id": service_id, "text": text, "actor": actor, "now": now},
    )
    if row is None:
        raise LookupError("a version was neither found nor made")
    return int(row["version"])


async def choose(tx: Tx, service_id: int, version: int | None) -> bool:
    """This version counts from now on; None: none does. False: so it was."""
    return await changed(
        tx,
        """UPDATE services SET schema_version = %(version)s, version = version + 1
           WHERE id = %(id)s AND schema_version IS DISTINCT FROM %(version)s::integer""",
        {"id": service_id, "version": version},
    )


async def find(tx: Tx, slug: str, version: int | None) -> dict[str, Any] | None:
    """One version with its text; None: the one that counts, if any does. None: there is no such thing."""
    return await one(
        tx,
        """SELECT c.version, c.schema, c.created_at, c.created_by, v.version AS service_version
           FROM services v
           LEFT JOIN service_schemas c ON c.service_id = v.id AND c.version = coalesce(%(version)s, v.schema_version)
           WHERE v.slug = %(slug)s AND (%(version)s::integer IS NULL OR c.version IS NOT NULL)""",
        {"slug": slug, "version": version},
    )


async def page(tx: Tx, slug: str, *, before: int | None, limit: int) -> Listing:
    """All versions of one service, the newest first, without their texts."""
    rows = await many(
        tx,
        """SELECT c.version AS "schemaVersion", c.created_at AS "createdAt", c.created_by AS "createdBy",
                  octet_length(c.schema) AS bytes, c.version IS NOT DISTINCT FROM v.schema_version AS asked
           FROM services v JOIN service_schemas c ON c.service_id = v.id
           WHERE v.slug = %(slug)s AND (%(before)s::bigint IS NULL OR c.version < %(before)s)
           ORDER BY c.version DESC LIMIT %(limit)s""",
        {"slug": slug, "before": before, "limit": limit + 1},
    )
    found, following = page_of(rows, limit, "schemaVersion")
    return [{**row, "createdAt": row["createdAt"].isoformat()} for row in found], following


async def count(tx: Tx, service_id: int) -> int:
    row = await one(tx, "SELECT count(*) AS n FROM service_schemas WHERE service_id = %s", (service_id,))
    return int(row["n"]) if row else 0
