"""`/api/event-delivery/…`: the consumer's run confirms, completes, and fetches what did not fit."""

import msgspec
import structlog
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from zekt_action import strict_json
from zekt_action.limits import MAX_RESULT_BYTES
from zekt_action.wire import Acknowledgement, CompleteRequest, ConfirmRequest
from zekt_backend.api import bodies, timing
from zekt_backend.api.tokens import claims_of, purpose_of
from zekt_backend.broker import Broker
from zekt_backend.errors import ZektError
from zekt_backend.flows import acknowledge
from zekt_backend.flows.fetch_payload import fetch_payload
from zekt_backend.log import milliseconds
from zekt_backend.rules.records import SignedClaims

log = structlog.get_logger()


async def confirm(request: Request, broker: Broker) -> JSONResponse:
    claims = await claims_of(request, broker)
    raw = await bodies.read(request, bodies.MAX_SMALL_BODY)
    body = bodies.parse(ConfirmRequest, raw)
    answer = await acknowledge.confirm(body, claims, purpose_of(request, raw), db=broker.db, clock=broker.clock)
    return _answer("confirm", request, claims, answer)


async def complete(request: Request, broker: Broker) -> JSONResponse:
    claims = await claims_of(request, broker)
    raw = await bodies.read(request, MAX_RESULT_BYTES + bodies.MAX_SMALL_BODY)
    _check_result(raw)
    body = bodies.parse(CompleteRequest, raw)
    answer = await acknowledge.complete(body, claims, purpose_of(request, raw), db=broker.db, clock=broker.clock)
    return _answer("complete", request, claims, answer)


async def payload(request: Request, broker: Broker) -> Response:
    claims = await claims_of(request, broker)
    delivery_id = request.path_params["delivery_id"][:100]
    found = await fetch_payload(
        delivery_id,
        claims,
        purpose_of(request),
        db=broker.db,
        clock=broker.clock,
        retention=broker.settings.payload_retention,
    )
    log.info(
        "payload_fetched",
        delivery_id=delivery_id,
        consumer_id=claims.repository_id,
        run_id=claims.run_id,
        bytes=len(found.raw),
        duration_ms=milliseconds(timing.began(request)),
    )
    headers = {
        "X-Zekt-Payload-Sha256": found.sha256,
        "Cache-Control": "no-store",
        "X-Content-Type-Options": "nosniff",
    }
    return Response(found.raw, media_type="application/json", headers=headers)


def _answer(step: str, request: Request, claims: SignedClaims, answer: Acknowledgement) -> JSONResponse:
    log.info(
        "acknowledged",
        step=step,
        delivery_id=answer.delivery_id,
        correlation_id=answer.correlation_id,
        consumer_id=claims.repository_id,
        run_id=claims.run_id,
        status=answer.status,
        changed=answer.changed,
        duplicate=answer.duplicate,
        duration_ms=milliseconds(timing.began(request)),
    )
    return JSONResponse(answer.model_dump(by_alias=True))


class _Result(msgspec.Struct):
    result: msgspec.Raw = msgspec.Raw(b"null")


def _check_result(body: bytes) -> None:
    """The result is shown to people and kept for long: it is held to what a message is held to, and to its own size."""
    try:
        strict_json.parse(bytes(msgspec.json.decode(body, type=_Result).result), max_bytes=MAX_RESULT_BYTES)
    except strict_json.JsonRefused as refused:
        raise ZektError("result_invalid", refused.detail) from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        # Not even JSON: whoever reads the whole body says why.
        return
