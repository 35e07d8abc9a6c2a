"""What became of each delivery, with history and attempts; and once more, please."""

import structlog
from fastapi import Request
from fastapi.responses import JSONResponse
from pydantic import Field

from zekt_action.wire import DeliveryStatus, ReplayReceipt
from zekt_backend.api import shapes
from zekt_backend.api.access import principal_of
from zekt_backend.broker import Broker, new_delivery_id
from zekt_backend.errors import ZektError
from zekt_backend.flows.replay import replay
from zekt_backend.rules.access import Principal, not_yours
from zekt_backend.store import delivery_views, repositories

log = structlog.get_logger()


class Filter(shapes.Page):
    """Which deliveries."""

    status: DeliveryStatus | None = None
    correlation_id: str | None = Field(default=None, max_length=100)
    consumer: str | None = Field(default=None, max_length=200)


async def listing(request: Request, broker: Broker) -> JSONResponse:
    principal = await principal_of(request, broker)
    wanted = shapes.query(Filter, request)
    async with broker.db.reading() as connection:
        found, following = await delivery_views.page(
            connection,
            status=wanted.status,
            correlation_id=wanted.correlation_id,
            consumer=wanted.consumer,
            before=wanted.before,
            limit=wanted.limit,
            mine=await repositories.of_accounts(connection, principal.accounts()),
        )
    return JSONResponse({"deliveries": found, "next": following})


async def one(request: Request, broker: Broker) -> JSONResponse:
    principal = await principal_of(request, broker)
    async with broker.db.reading() as connection:
        mine = await repositories.of_accounts(connection, principal.accounts())
        found = await delivery_views.whole(connection, request.path_params["delivery_id"][:100], mine)
    if found is None:
        raise _not_there(principal)
    return JSONResponse(found)


async def again(request: Request, broker: Broker) -> JSONResponse:
    principal = await principal_of(request, broker)
    old = request.path_params["delivery_id"][:100]
    new = await replay(
        old,
        actor=principal.actor,
        account_id=None if principal.operator else await _whose(old, principal, broker),
        db=broker.db,
        clock=broker.clock,
        new_id=new_delivery_id,
        timings=broker.timings,
        retention=broker.settings.payload_retention,
    )
    log.info("delivery_replayed", delivery_id=new, replay_of=old)
    receipt = ReplayReceipt(delivery_id=new, replay_of=old, message="Queued as a delivery of its own.")
    return JSONResponse(receipt.model_dump(by_alias=True), status_code=202)


async def _whose(delivery_id: str, principal: Principal, broker: Broker) -> int:
    """The account on whose behalf it is replayed: either side may, the provider's before the consumer's."""
    async with broker.db.reading() as connection:
        for account_id, repository_id in await delivery_views.homes_of(connection, delivery_id):
            if account_id is not None and principal.may_manage(account_id, repository_id):
                return account_id
    raise not_yours()


def _not_there(principal: Principal) -> ZektError:
    """Only who may see everything learns that something is not there."""
    return ZektError("not_found", "There is no such delivery.") if principal.operator else not_yours()
