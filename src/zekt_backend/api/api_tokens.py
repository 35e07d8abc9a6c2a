"""API tokens: listed, made, revoked. A token's text is told once, when it is made."""

from datetime import timedelta
from typing import Annotated, Literal

from pydantic import Field, StringConstraints
from starlette.requests import Request
from starlette.responses import JSONResponse

from zekt_backend.api import bodies, shapes
from zekt_backend.api.access import listed, principal_of
from zekt_backend.broker import Broker
from zekt_backend.flows import api_tokens
from zekt_backend.rules.access import TOKEN_NAME, Right
from zekt_backend.store import accounts
from zekt_backend.store import api_tokens as store


class TokenRequest(shapes.Shape):
    """What a new token may do, to which account, and for how long."""

    account: Annotated[str, StringConstraints(min_length=1, max_length=39, pattern=r"^[A-Za-z0-9-]+$")]
    name: Annotated[str, StringConstraints(pattern=TOKEN_NAME)]
    scope: Literal["read", "manage"] = "read"
    expires_in_days: int = Field(default=90, ge=1, le=366)


async def listing(request: Request, broker: Broker) -> JSONResponse:
    return await listed(request, broker, "tokens", store.page)


async def create(request: Request, broker: Broker) -> JSONResponse:
    principal = await principal_of(request, broker)
    wanted = bodies.parse(TokenRequest, await bodies.read(request, bodies.MAX_SMALL_BODY))
    async with broker.db.reading() as connection:
        principal.require(await accounts.id_of(connection, wanted.account), Right.OWN)
    secret = api_tokens.new_secret()
    made = await api_tokens.create(
        api_tokens.Wanted(wanted.account, wanted.name, Right(wanted.scope), timedelta(days=wanted.expires_in_days)),
        secret,
        actor=principal.actor,
        now=broker.clock.now(),
        db=broker.db,
    )
    return JSONResponse({**made, "token": secret}, status_code=201, headers={"Cache-Control": "no-store"})


async def revoke(request: Request, broker: Broker) -> JSONResponse:
    principal = await principal_of(request, broker)
    token_id = shapes.number(request, "token_id")
    async with broker.db.reading() as connection:
        principal.require(await store.account_of(connection, token_id), Right.OWN)
    token = await api_tokens.revoke(token_id, actor=principal.actor, now=broker.clock.now(), db=broker.db)
    return JSONResponse(token)
