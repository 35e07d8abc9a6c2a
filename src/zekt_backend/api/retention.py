"""`GET /api/retention`: how long what is kept, what was let go, and what would go now."""

from starlette.requests import Request
from starlette.responses import JSONResponse

from zekt_backend.api.access import principal_of
from zekt_backend.broker import Broker
from zekt_backend.flows.retain import Kept, shown
from zekt_backend.rules.access import not_yours


async def figures(request: Request, broker: Broker) -> JSONResponse:
    principal = await principal_of(request, broker)
    if not principal.operator:
        raise not_yours()
    async with broker.db.reading() as tx:
        return JSONResponse(await shown(tx, Kept.of(broker.settings), broker.clock.now()))
