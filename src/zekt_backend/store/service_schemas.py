"""JSON Schemas of services: every version as it was given, and which one counts."""

from collections.abc import Mapping

from zekt_backend.store.database import Tx, many


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
