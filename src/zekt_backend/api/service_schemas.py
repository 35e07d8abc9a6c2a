"""The JSON Schema that a service asks of its messages, and its versions."""

import json
from typing import Any

from pydantic import Field, RootModel
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from zekt_backend.api import bodies, shapes
from zekt_backend.api.access import principal_of, require_home
from zekt_backend.api.services import slug_of
from zekt_backend.broker import Broker
from zekt_backend.errors import ZektError
from zekt_backend.flows import service_schemas as flow
from zekt_backend.rules.access import Principal, Right, not_yours
from zekt_backend.rules.door import MAX_SCHEMA_BYTES
from zekt_backend.store import service_schemas, services


class WhichSchema(shapes.Shape):
    """Query parameters of one; without a version it is the one that counts."""

    version: int | None = Field(default=None, ge=1, le=2**31 - 1)


class JsonSchema(RootModel[dict[str, Any] | bool]):
    """What is taken, for the description alone: its bytes are kept as they are given."""


async def put(request: Request, broker: Broker) -> JSONResponse:
    principal = await principal_of(request, broker)
    await _require(request, broker, principal, Right.MANAGE)
    found = await flow.put(
        slug_of(request),
        await bodies.read(request, MAX_SCHEMA_BYTES),
        check=broker.examiners.schema,
        version=shapes.if_match(request),
        actor=principal.actor,
        now=broker.clock.now(),
        db=broker.db,
    )
    return _answer(found)


async def remove(request: Request, broker: Broker) -> JSONResponse:
    principal = await principal_of(request, broker)
    await _require(request, broker, principal, Right.MANAGE)
    found = await flow.remove(
        slug_of(request),
        version=shapes.if_match(request),
        actor=principal.actor,
        now=broker.clock.now(),
        db=broker.db,
    )
    return _answer(found)


async def one(request: Request, broker: Broker) -> Response:
    principal = await principal_of(request, broker)
    await _require(request, broker, principal, Right.READ)
    wanted = shapes.query(WhichSchema, request).version
    async with broker.db.reading() as connection:
        found = await service_schemas.find(connection, slug_of(request), wanted)
    if found is None:
        raise ZektError("not_found", f"{slug_of(request)} has no version {wanted} of a schema: …/schemas lists them.")
    return Response(
        whole(slug_of(request), found), headers=shapes.etag(found["service_version"]), media_type="application/json"
    )


async def versions(request: Request, broker: Broker) -> JSONResponse:
    principal = await principal_of(request, broker)
    await _require(request, broker, principal, Right.READ)
    wanted = shapes.query(shapes.Page, request)
    async with broker.db.reading() as connection:
        found, following = await service_schemas.page(
            connection, slug_of(request), before=wanted.before, limit=wanted.limit
        )
    return JSONResponse({"schemas": found, "next": following})


def whole(slug: str, found: dict[str, Any]) -> str:
    """A version as JSON, its schema byte for byte as it was given; null where none is asked."""
    head = {
        "service": slug,
        "schemaVersion": found["version"],
        "createdAt": found["created_at"].isoformat() if found["created_at"] else None,
        "createdBy": found["created_by"],
        "version": found["service_version"],
        # Once more as text: most who read JSON forget its spaces and the digits of its numbers.
        "given": found["schema"],
    }
    return f'{json.dumps(head)[:-1]}, "schema": {found["schema"] or "null"}}}'


async def _require(request: Request, broker: Broker, principal: Principal, right: Right) -> None:
    async with broker.db.reading() as connection:
        home = await services.home_of(connection, slug_of(request))
    if right is Right.READ:
        principal.require(home.account_id if home else None, right)
    else:
        require_home(principal, home)
    if home is None:
        raise not_yours()


def _answer(found: dict[str, Any]) -> JSONResponse:
    return JSONResponse(found, headers=shapes.etag(found["version"]))
