"""The JSON Schema that a service asks of its messages: the next version of it, or none any more."""

from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Any

from zekt_backend.errors import ZektError
from zekt_backend.rules.access import check_version, not_yours
from zekt_backend.rules.door import MAX_SCHEMA_BYTES
from zekt_backend.store import audit, service_schemas, services
from zekt_backend.store.database import Database, Tx

Check = Callable[[object, bytes], Awaitable[str]]
"""(whose, the schema) → why it cannot be used, or the empty text; `door/pool.py`."""

MOST_VERSIONS = 50
"""Each is kept for ever, and may have 128 KB."""


async def put(
    slug: str, raw: bytes, *, check: Check, version: int | None, actor: str, now: datetime, db: Database
) -> dict[str, Any]:
    """Hold messages against this schema from the next one on. The same one again is the same version.

    `version` is the service's that the caller has seen; None: whatever it is now.

    Raises:
        ZektError: `schema_invalid`, `not_yours` when there is no such service, `version_stale`, or `conflict` when it
            has too many versions.
    """
    async with db.reading() as connection:
        home = await services.home_of(connection, slug)
    if home is None:
        raise not_yours()
    if len(raw) > MAX_SCHEMA_BYTES:
        raise ZektError("schema_invalid", f"It has {len(raw):,} bytes; at most {MAX_SCHEMA_BYTES:,} are allowed.")
    if why := await check(home.account_id, raw):
        raise ZektError("schema_invalid", why)

    async def work(tx: Tx) -> dict[str, Any]:
        service = await _locked(tx, slug, version)
        had = await service_schemas.count(tx, service["id"])
        chosen = await service_schemas.keep(tx, service["id"], raw.decode(), actor=actor, now=now)
        if chosen > had >= MOST_VERSIONS:
            raise ZektError(
                "conflict",
                f"{slug} has {had} versions of its schema; more than {MOST_VERSIONS} are not kept. One of those may be"
                " sent again and holds then, or the schema be removed.",
            )
        return await _choose(tx, service, chosen, actor, now)

    return await db.run(work)


async def remove(slug: str, *, version: int | None, actor: str, now: datetime, db: Database) -> dict[str, Any]:
    """Let messages be anything again. The versions stay; doing it again changes nothing.

    Raises:
        ZektError: `not_yours` when there is no such service, `version_stale`.
    """

    async def work(tx: Tx) -> dict[str, Any]:
        return await _choose(tx, await _locked(tx, slug, version), None, actor, now)

    return await db.run(work)


async def _locked(tx: Tx, slug: str, version: int | None) -> dict[str, Any]:
    service = await services.lock(tx, slug)
    if service is None:
        raise not_yours()
    check_version(service["version"], version)
    return service


async def _choose(tx: Tx, service: dict[str, Any], chosen: int | None, actor: str, now: datetime) -> dict[str, Any]:
    moved = await service_schemas.choose(tx, service["id"], chosen)
    if moved:
        await audit.record(
            tx,
            now=now,
            actor=actor,
            account_id=service["account_id"],
            action="service.schema",
            subject=service["slug"],
            before={"schema_version": service["schema_version"]},
            after={"schema_version": chosen},
        )
    return {"service": service["slug"], "schemaVersion": chosen, "version": service["version"] + moved}
