"""Delivering once more: what it will do, then doing it."""

from typing import Any
from urllib.parse import quote

from starlette.responses import Response

from zekt_backend.console import view
from zekt_backend.console.ask import Refused
from zekt_backend.console.notices import Said
from zekt_backend.console.pages import deliveries
from zekt_backend.console.view import Page
from zekt_backend.rules.access import not_yours


@view.opened
async def ask(page: Page) -> Response:
    delivery = await page.api.get(deliveries.at(page))
    if not delivery["mayReplay"]:
        raise not_yours()
    return _ask(page, delivery)


@view.opened
async def do(page: Page) -> Response:
    """One more, of its own; where it is refused, why."""
    try:
        made = await page.partly("POST", "/api/replay/" + quote(page.request.path_params["delivery_id"], safe=""))
    except Refused as refused:
        if refused.code in ("session_refused", "not_yours"):
            raise
        return _ask(page, await page.api.get(deliveries.at(page)), refused)
    said = Said("Queued as a delivery of its own. This is it; it refreshes as it goes its way.")
    return page.leave(f"/deliveries/{made.body['deliveryId']}", said)


def _ask(page: Page, delivery: dict[str, Any], refused: Refused | None = None) -> Response:
    return page.render(
        "replay.html",
        title="Deliver once more?",
        status=refused.status if refused else 200,
        delivery=delivery,
        problem=refused.problem if refused else None,
    )
