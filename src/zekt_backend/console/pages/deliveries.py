"""Delivery Status: what became of each delivery, from either side, and one with all that happened to it."""

import asyncio
from typing import Any, Literal
from urllib.parse import quote, urlencode

from starlette.responses import Response

from zekt_action.wire import DeliveryStatus
from zekt_backend.console import view
from zekt_backend.console.pages import timeline
from zekt_backend.console.view import Page

_STATUSES: tuple[DeliveryStatus, ...] = ("pending", "dispatched", "confirmed", "completed", "failed")
_FILTERS = ("connection", "service", "consumer", "correlationId")
_OFFERED = 100
"""Services and repositories that a filter's field proposes; any other can be typed."""


@view.opened
async def of_provider(page: Page) -> Response:
    return await _status(page, "provider")


@view.opened
async def of_consumer(page: Page) -> Response:
    return await _status(page, "consumer")


async def _status(page: Page, side: Literal["provider", "consumer"]) -> Response:
    asked = page.request.query_params
    wanted = {name: asked[name] for name in _FILTERS if asked.get(name)}
    status, before = asked.get("status") or None, asked.get("before")
    # Of a refresh only the list is taken.
    refresh = "hx-request" in page.request.headers
    get = page.api.get
    found, counted, offered = await asyncio.gather(
        get("/api/deliveries", side=side, status=status, before=before, **wanted),
        get("/api/deliveries/counts", side=side, **wanted),
        _nothing() if refresh else get("/api/subscriptions", side=side, limit=_OFFERED),
    )
    counts, offered = counted["counts"], offered["subscriptions"]
    kept = urlencode(wanted)
    return page.render(
        "deliveries.html",
        title="Delivery Status",
        side=side,
        deliveries=found["deliveries"],
        following=found["next"],
        counts=[(each, counts[each]) for each in _STATUSES],
        chosen=status,
        typed={name: asked.get(name, "") for name in _FILTERS},
        wanted=wanted,
        kept=kept,
        query=urlencode({**wanted, **({"status": status} if status else {})}),
        services=sorted({each["service"] for each in offered}),
        consumers=sorted({each["consumer"] for each in offered}),
        connection=next((each for each in offered if str(each["id"]) == wanted.get("connection")), None),
    )


async def _nothing() -> dict[str, Any]:
    return {"subscriptions": []}


@view.opened
async def one(page: Page) -> Response:
    delivery = await page.api.get(at(page))
    return page.render(
        "delivery.html",
        title=f"{delivery['eventType']} to {delivery['consumer']}",
        delivery=delivery,
        steps=timeline.steps(delivery),
        awaited=timeline.awaited(delivery),
        ended=has_ended(delivery),
    )


def at(page: Page) -> str:
    """The API's address of the delivery that this page is about."""
    return "/api/deliveries/" + quote(page.request.path_params["delivery_id"], safe="")


def has_ended(delivery: dict[str, Any]) -> bool:
    """Nothing more will happen to it by itself: fire-and-forget ends at its dispatch."""
    return delivery["status"] in ("completed", "failed") or (
        delivery["status"] == "dispatched" and not delivery["durable"]
    )
