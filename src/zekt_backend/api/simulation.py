"""`POST /api/policy/simulate`: what a changed setup file would have made of the newest events."""

import asyncio

from pydantic import Field
from starlette.requests import Request
from starlette.responses import JSONResponse

from zekt_backend.api import bodies, shapes
from zekt_backend.api.access import principal_of
from zekt_backend.broker import Broker
from zekt_backend.flows import simulate as flow
from zekt_backend.rules.access import not_yours
from zekt_backend.rules.setup import SetupFile
from zekt_backend.rules.simulation import shown

_ONE = asyncio.Semaphore(1)


class Simulation(shapes.Shape):
    """A setup file as JSON, its keys as docs/setup.md has them, and how many events to try it on."""

    setup: SetupFile
    last: int = Field(default=1000, ge=1, le=10_000)


async def simulate(request: Request, broker: Broker) -> JSONResponse:
    """For the operator alone: a setup file is about everybody. GitHub is not asked, and nothing is changed."""
    principal = await principal_of(request, broker)
    if not principal.operator:
        raise not_yours()
    wanted = bodies.parse(Simulation, await bodies.read(request, bodies.MAX_MESSAGE_BODY))
    # It keeps whoever changes the same rows waiting, and decides thousands of events: one at a time.
    async with _ONE:
        found = await flow.simulate(wanted.setup, db=broker.db, identify=None, last=wanted.last)
    return JSONResponse(shown(found))
