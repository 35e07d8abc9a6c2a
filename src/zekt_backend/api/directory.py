"""The directory: services that somebody may subscribe to, for everybody who is signed in."""

import json
from typing import Annotated, Any

from pydantic import Field
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from zekt_backend.api import shapes
from zekt_backend.api.access import principal_of
from zekt_backend.api.services import slug_of
from zekt_backend.broker import Broker
from zekt_backend.rules import envelope
from zekt_backend.rules.access import not_yours
from zekt_backend.rules.parties import Service
from zekt_backend.store import market, service_schemas


class Search(shapes.Page):
    """What for. `q` as in a web search; an empty one finds everything."""

    q: Annotated[str, Field(max_length=200)] | None = None
    tag: Annotated[str, Field(max_length=30)] | None = None


async def search(request: Request, broker: Broker) -> JSONResponse:
    principal = await principal_of(request, broker)
    wanted = shapes.query(Search, request)
    async with broker.db.reading() as connection:
        found, following = await market.search(
            connection,
            accounts=principal.accounts(),
            text=(wanted.q or "").strip() or None,
            tag=wanted.tag,
            before=wanted.before,
            limit=wanted.limit,
        )
    return JSONResponse({"directory": found, "next": following})


async def one(request: Request, broker: Broker) -> Response:
    principal = await principal_of(request, broker)
    async with broker.db.reading() as connection:
        found = await market.find(connection, slug_of(request), principal.accounts())
        asked = await service_schemas.find(connection, found["slug"], None) if found else None
    if found is None:
        raise not_yours()
    # Byte for byte as its provider gave it.
    schema = asked["schema"] if asked else None
    shown = {**found, "example": _example(found, broker.settings.github_url)}
    text = f'{json.dumps(shown)[:-1]}, "schema": {schema or "null"}}}'
    return Response(text, media_type="application/json")


def _example(found: dict[str, Any], github_url: str) -> dict[str, Any]:
    service = Service(
        id=0,
        slug=found["slug"],
        alias=found["alias"],
        event_type=found["eventType"],
        metadata_only=not found["messages"],
        hide_provider=found["provider"] is None,
    )
    return envelope.example(service, found["provider"], github_url)
