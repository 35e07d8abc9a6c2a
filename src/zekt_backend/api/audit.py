"""Who changed what, when, from what to what."""

from fastapi import Request
from fastapi.responses import JSONResponse

from zekt_backend.api import shapes
from zekt_backend.api.access import principal_of
from zekt_backend.broker import Broker
from zekt_backend.store import audit


async def listing(request: Request, broker: Broker) -> JSONResponse:
    principal = await principal_of(request, broker)
    page = shapes.query(shapes.Page, request)
    async with broker.db.reading() as connection:
        found, following = await audit.page(
            connection, accounts=principal.accounts(), before=page.before, limit=page.limit
        )
    return JSONResponse({"audit": found, "next": following})
