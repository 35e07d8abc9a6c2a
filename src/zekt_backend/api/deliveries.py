"""What became of each delivery, with history and attempts; and once more, please."""

import structlog
from fastapi import Request
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from zekt_action.wire import DeliveryStatus, ReplayReceipt
from zekt_backend.api import bodies
from zekt_backend.api.tokens import require_admin
from zekt_backend.broker import Broker, new_delivery_id
from zekt_backend.errors import ZektError
from zekt_backend.flows.replay import replay
from zekt_backend.store import delivery_views

log = structlog.get_logger()


class Filter(BaseModel):
    """Query parameters; `before` is the `next` of the page before."""

    model_config = ConfigDict(extra="forbid")

    status: DeliveryStatus | None = None
    correlation_id: str | None = Field(default=None, alias="correlationId", max_length=100)
    consumer: str | None = Field(default=None, max_length=200)
    limit: int = Field(default=50, ge=1, le=500)
    before: int | None = Field(default=None, ge=1)


async def listing(request: Request, broker: Broker) -> JSONResponse:
    require_admin(request, broker)
    try:
        wanted = Filter.model_validate(dict(request.query_params))
    except ValidationError as error:
        raise bodies.invalid(error) from None
    async with broker.db.reading() as connection:
        found, following = await delivery_views.page(
            connection,
            status=wanted.status,
            correlation_id=wanted.correlation_id,
            consumer=wanted.consumer,
            before=wanted.before,
            limit=wanted.limit,
        )
    return JSONResponse({"deliveries": found, "next": following})


async def one(request: Request, broker: Broker) -> JSONResponse:
    require_admin(request, broker)
    async with broker.db.reading() as connection:
        found = await delivery_views.whole(connection, request.path_params["delivery_id"][:100])
    if found is None:
        raise ZektError("not_found", "There is no such delivery.")
    return JSONResponse(found)


async def again(request: Request, broker: Broker) -> JSONResponse:
    require_admin(request, broker)
    old = request.path_params["delivery_id"][:100]
    new = await replay(
        old,
        db=broker.db,
        clock=broker.clock,
        new_id=new_delivery_id,
        timings=broker.timings,
        retention=broker.settings.payload_retention,
    )
    log.info("delivery_replayed", delivery_id=new, replay_of=old)
    receipt = ReplayReceipt(delivery_id=new, replay_of=old, message="Queued as a delivery of its own.")
    return JSONResponse(receipt.model_dump(by_alias=True), status_code=202)
