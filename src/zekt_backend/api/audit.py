"""Who changed what, when, from what to what."""

from pydantic import Field
from starlette.requests import Request
from starlette.responses import JSONResponse

from zekt_backend.api import shapes
from zekt_backend.api.access import principal_of, readable
from zekt_backend.broker import Broker
from zekt_backend.store import audit


class Whose(shapes.Page):
    """Which lines: of one account, or of all that the caller may read."""

    account: str | None = Field(default=None, max_length=100)


async def listing(request: Request, broker: Broker) -> JSONResponse:
    principal = await principal_of(request, broker)
    wanted = shapes.query(Whose, request)
    async with broker.db.reading() as connection:
        found, following = await audit.page(
            connection,
            accounts=await readable(connection, principal, wanted.account),
            before=wanted.before,
            limit=wanted.limit,
        )
    return JSONResponse({"audit": found, "next": following})
