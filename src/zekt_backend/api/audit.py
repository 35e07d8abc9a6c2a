"""Who changed what, when, from what to what."""

from fastapi import Request
from fastapi.responses import JSONResponse

from zekt_backend.api.access import listed
from zekt_backend.broker import Broker
from zekt_backend.store import audit


async def listing(request: Request, broker: Broker) -> JSONResponse:
    return await listed(request, broker, "audit", audit.page)
