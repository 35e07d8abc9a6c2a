"""Every URL of the broker, on one screen."""

from collections.abc import Awaitable, Callable
from typing import Any

from fastapi import FastAPI, Request
from fastapi.responses import Response

from zekt_action.wire import (
    Acknowledgement,
    CompleteRequest,
    ConfirmRequest,
    MessageHead,
    Problem,
    Receipt,
    ReplayReceipt,
)
from zekt_backend.api import deliveries, event_delivery, health, messages, webhooks
from zekt_backend.broker import Broker

Handler = Callable[[Request, Broker], Awaitable[Response]]

# method, path, handler, what it takes, what it gives, what it is for
TABLE: tuple[tuple[str, str, Handler, type | None, type | None, str], ...] = (
    ("POST", "/api/events/receive", messages.receive, MessageHead, Receipt, "A run sends a message"),
    ("POST", "/api/github/webhooks", webhooks.receive, None, None, "GitHub says that a run has ended"),
    ("POST", "/api/event-delivery/confirm", event_delivery.confirm, ConfirmRequest, Acknowledgement, "A run confirms"),
    (
        "POST",
        "/api/event-delivery/complete",
        event_delivery.complete,
        CompleteRequest,
        Acknowledgement,
        "A run completes",
    ),
    (
        "GET",
        "/api/event-delivery/{delivery_id}/payload",
        event_delivery.payload,
        None,
        None,
        "The message, by claim check",
    ),
    ("GET", "/api/deliveries", deliveries.listing, None, None, "Deliveries, newest first"),
    ("GET", "/api/deliveries/{delivery_id}", deliveries.one, None, None, "One delivery with its history and attempts"),
    ("POST", "/api/replay/{delivery_id}", deliveries.again, None, ReplayReceipt, "Delivers once more"),
    ("GET", "/healthz", health.healthz, None, None, "Alive"),
    ("GET", "/readyz", health.readyz, None, None, "Able to work"),
)


def install(app: FastAPI, broker: Broker) -> None:
    for method, path, handler, takes, gives, summary in TABLE:
        app.add_api_route(
            path,
            _bound(handler, broker),
            methods=[method],
            summary=summary,
            operation_id=f"{handler.__module__.rpartition('.')[2]}_{handler.__name__}",
            response_model=None,
            responses=_responses(gives),
            openapi_extra=_body(takes),
        )


def _bound(handler: Handler, broker: Broker) -> Callable[[Request], Awaitable[Response]]:
    async def endpoint(request: Request) -> Response:
        return await handler(request, broker)

    return endpoint


def _responses(gives: type | None) -> dict[int | str, dict[str, Any]]:
    good: dict[int | str, dict[str, Any]] = {200: {"model": gives}, 202: {"model": gives}} if gives else {}
    return {**good, "default": {"model": Problem, "description": "A problem, as application/problem+json"}}


def _body(takes: Any) -> dict[str, Any]:
    """Handlers read bodies themselves, within limits; the schema is told to OpenAPI here."""
    if takes is None:
        return {}
    schema = takes.model_json_schema(by_alias=True, ref_template="#/components/schemas/{model}")
    schema.pop("$defs", None)
    return {"requestBody": {"required": True, "content": {"application/json": {"schema": schema}}}}
