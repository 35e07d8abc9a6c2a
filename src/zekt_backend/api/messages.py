"""`POST /api/events/receive`: a run sends a message."""

import hashlib

import msgspec
import structlog
from pydantic import ValidationError
from starlette.requests import Request
from starlette.responses import JSONResponse

from zekt_action import strict_json
from zekt_action.limits import MAX_EVENT_TYPE_CHARACTERS
from zekt_action.wire import MessageHead, Receipt, Redacted
from zekt_backend.api import bodies, timing
from zekt_backend.api.tokens import claims_of, purpose_of
from zekt_backend.broker import Broker
from zekt_backend.errors import ZektError
from zekt_backend.flows.receive_message import Incoming, MessageReceipt, receive_message
from zekt_backend.ids import new_delivery_id, new_event_id
from zekt_backend.log import milliseconds

log = structlog.get_logger()

_JSON_SPACE = b" \t\r\n"


async def receive(request: Request, broker: Broker) -> JSONResponse:
    claims = await claims_of(request, broker)
    body = await bodies.read(request, bodies.MAX_MESSAGE_BODY)
    head, payload = split(body)
    receipt = await receive_message(
        Incoming(head, payload, claims, purpose_of(request, body), request.headers.get("x-github-repository")),
        db=broker.db,
        clock=broker.clock,
        new_event_id=new_event_id,
        new_delivery_id=new_delivery_id,
        timings=broker.timings,
        examine=broker.examiners.message,
    )
    began = timing.began(request)
    log.info(
        "message_received",
        event_id=receipt.event_id,
        repository_id=claims.repository_id,
        run_id=claims.run_id,
        run_attempt=claims.run_attempt,
        bytes=len(payload),
        duplicate=receipt.duplicate,
        late=receipt.late,
        redacted=receipt.guarded["count"] if receipt.guarded else 0,
        uncaused=receipt.uncaused,
        trace_id=receipt.begun.own.trace_id if receipt.begun else None,
        consumers=receipt.consumers_notified,
        duration_ms=milliseconds(began),
    )
    broker.metrics.message_answered("duplicate" if receipt.duplicate else "late" if receipt.late else "stored", began)
    return JSONResponse(
        _receipt(receipt).model_dump(by_alias=True, exclude_none=True), 200 if receipt.duplicate else 202
    )


def split(body: bytes) -> tuple[MessageHead, bytes]:
    """The head as a model and the payload as the bytes that were sent, both checked.

    Raises:
        ZektError: `body_invalid`, `event_type_invalid`, or one of the `payload_…` codes.
    """
    try:
        members = msgspec.json.decode(body, type=dict[str, msgspec.Raw])
        raw = bytes(members.pop("payload", b""))
        head = MessageHead.model_validate({key: msgspec.json.decode(value) for key, value in members.items()})
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise _unreadable(body, error) from None
    except ValidationError as error:
        raise bodies.invalid(error) from None
    _check_event_type(head)
    payload = _as_given(body, raw, head.payload_sha256)
    _check_payload(payload)
    return head, payload


def _unreadable(body: bytes, error: Exception) -> ZektError:
    """Why the body could not be read: in the payload's own terms where the strict reader has one."""
    try:
        strict_json.parse(body)
    except strict_json.JsonRefused as refused:
        if refused.code not in ("payload_not_json", "payload_too_large"):
            return ZektError(refused.code, refused.detail)
    return ZektError("body_invalid", f"The body is not JSON: {str(error)[:200]}")


def _check_event_type(head: MessageHead) -> None:
    event_type = head.event_type
    if event_type is None and head.orchestration_step_ref is not None:
        return
    if event_type is None or not 1 <= len(event_type) <= MAX_EVENT_TYPE_CHARACTERS or not event_type.isprintable():
        raise ZektError(
            "event_type_invalid",
            f"GitHub takes 1 to {MAX_EVENT_TYPE_CHARACTERS} printable characters; this has {len(event_type or '')}.",
        )


def _check_payload(payload: bytes) -> None:
    if not payload:
        raise ZektError("payload_missing", "The body has no `payload`. Any JSON value will do, also null or {}.")
    try:
        strict_json.parse(payload)
    except strict_json.JsonRefused as refused:
        raise ZektError(refused.code, refused.detail) from None


def _as_given(body: bytes, raw: bytes, sha256: str | None) -> bytes:
    """The payload with the white space around it, where the digest says that it was part of the message.

    Our action sends a file's bytes as the body's last member, as they are: a line feed at the end of the file
    is part of what the consumer gets. Other clients' spacing is not.
    """
    if sha256 is None or hashlib.sha256(raw).hexdigest() == sha256:
        return raw
    end = body.rstrip(_JSON_SPACE).removesuffix(b"}")
    start = end.rstrip(_JSON_SPACE).rfind(raw)
    wide = end[len(end[:start].rstrip(_JSON_SPACE)) :]
    if start < 0 or hashlib.sha256(wide).hexdigest() != sha256:
        raise ZektError("payload_digest_mismatch", "The payload was changed on its way; send it again.")
    return wide


def _receipt(receipt: MessageReceipt) -> Receipt:
    if receipt.duplicate:
        message = "This message was received before."
    elif receipt.late and receipt.consumers_notified:
        message = "Received after its run had ended, so it is delivered at once."
    elif receipt.late:
        message = "Received after its run had ended; nobody is to get it."
    else:
        message = "Received. It is delivered when this run ends."
    if receipt.guarded:
        message += f" Credentials were taken out of it: {receipt.guarded['count']}."
    if receipt.uncaused:
        message += " Its causation is left out: no such delivery was sent to this repository."
    return Receipt(
        event_id=receipt.event_id,
        consumers_notified=receipt.consumers_notified,
        correlation_id=receipt.correlation_id,
        message=message,
        redacted=tuple(Redacted(**place) for place in receipt.guarded["places"]) if receipt.guarded else None,
        payload_sha256=receipt.payload_sha256 if receipt.guarded else None,
    )
