"""Accounts: what each is here for, and who its people are."""

from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse

from zekt_backend.api import bodies, shapes
from zekt_backend.api.access import listed, principal_of
from zekt_backend.broker import Broker
from zekt_backend.flows import accounts as flow
from zekt_backend.rules.access import Right, not_yours
from zekt_backend.store import accounts


class AccountChange(shapes.Shape):
    """A persona is added by true. False is refused where it would take one away."""

    provider: bool | None = None
    consumer: bool | None = None


async def listing(request: Request, broker: Broker) -> JSONResponse:
    return await listed(request, broker, "accounts", accounts.page)


async def one(request: Request, broker: Broker) -> JSONResponse:
    principal = await principal_of(request, broker)
    async with broker.db.reading() as connection:
        account_id = await accounts.id_of(connection, _login(request))
        principal.require(account_id, Right.READ)
        found = await accounts.shown(connection, account_id) if account_id is not None else None
    if found is None:
        raise not_yours()
    return _answer(found)


async def upgrade(request: Request, broker: Broker) -> JSONResponse:
    principal = await principal_of(request, broker)
    wanted = bodies.parse(AccountChange, await bodies.read(request, bodies.MAX_SMALL_BODY))
    async with broker.db.reading() as connection:
        principal.require(await accounts.id_of(connection, _login(request)), Right.OWN)
    found = await flow.upgrade(
        _login(request),
        wanted.model_dump(exclude_none=True),
        version=shapes.if_match(request),
        actor=principal.actor,
        now=broker.clock.now(),
        db=broker.db,
    )
    return _answer(found)


def _login(request: Request) -> str:
    return str(request.path_params["account"][:100])


def _answer(found: dict[str, Any]) -> JSONResponse:
    return JSONResponse(found, headers=shapes.etag(found["version"]))
