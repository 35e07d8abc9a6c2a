"""Alive (`/healthz`), and able to work (`/readyz`)."""

from starlette.requests import Request
from starlette.responses import JSONResponse

from zekt_backend import __version__
from zekt_backend.broker import Broker
from zekt_backend.store import health


async def healthz(_request: Request, _broker: Broker) -> JSONResponse:
    return JSONResponse({"status": "ok", "version": __version__})


async def readyz(_request: Request, broker: Broker) -> JSONResponse:
    """200 while the database answers; 503 (the shape of every error) while it does not."""
    await health.ping(broker.db)
    return JSONResponse({"status": "ready", "version": __version__})
