"""Delivering many once more: what it would do, then doing it, watched while it goes on."""

from datetime import timedelta
from typing import Any
from urllib.parse import quote

from starlette.responses import Response

from zekt_backend.console import view
from zekt_backend.console.ask import Refused
from zekt_backend.console.notices import Said
from zekt_backend.console.pages import connections
from zekt_backend.console.view import Page
from zekt_backend.rules.access import not_yours

_SINCE = {"24 hours": timedelta(hours=24), "7 days": timedelta(days=7), "30 days": timedelta(days=30)}


@view.opened
async def ask(page: Page) -> Response:
    return await _ask(page)


@view.opened
async def do(page: Page) -> Response:
    """A dry run first; what it says is asked for again, and then done."""
    now = page.broker.clock.now()
    body: dict[str, Any] = {
        "connection": view.number_of(page.request.path_params["connection"]),
        "dryRun": page.form.get("to") != "replay",
    }
    # What is done is what the dry run told of: the same times are meant, whatever has been made since.
    body["until"] = page.form.get("until") or now.isoformat()
    if since := page.form.get("from"):
        body["since"] = since
    elif span := _SINCE.get(page.form.get("since", "")):
        body["since"] = (now - span).isoformat()
    try:
        receipt = (await page.partly("POST", "/api/replays", body)).body
    except Refused as refused:
        if refused.code in ("session_refused", "not_yours"):
            raise
        return await _ask(page, refused)
    if receipt["id"] is None:
        return await _ask(page, receipt=receipt, times=body)
    return page.leave(f"/replays/{receipt['id']}", Said(f"{receipt['total']} deliveries are being replayed."))


@view.opened
async def one(page: Page) -> Response:
    found = await page.api.get(_at(page))
    return page.render("replays.html", title="Replay of many", replays=found)


@view.opened
async def stop(page: Page) -> Response:
    number = quote(page.request.path_params["replay"], safe="")
    return await page.act("DELETE", _at(page), done="Stopped. What was made stays.", back=f"/replays/{number}")


async def _ask(
    page: Page,
    refused: Refused | None = None,
    receipt: dict[str, Any] | None = None,
    times: dict[str, Any] | None = None,
) -> Response:
    number = quote(page.request.path_params["connection"], safe="")
    found = await page.api.get(f"/api/connections/{number}/diagnostics")
    if not connections.manages(page, found["connection"]):
        raise not_yours()
    return page.render(
        "replay_many.html",
        title="Replay all that failed?",
        status=refused.status if refused else 200,
        connection=found["connection"],
        problem=refused.problem if refused else None,
        spans=list(_SINCE),
        span=page.form.get("since", ""),
        receipt=receipt,
        times=times or {},
    )


def _at(page: Page) -> str:
    return "/api/replays/" + quote(page.request.path_params["replay"], safe="")
