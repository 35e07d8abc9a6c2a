"""My Connections, from either side; one with what is wrong and what to do; and all by their health."""

import asyncio
from typing import Any
from urllib.parse import quote, urlencode

from starlette.responses import Response

from zekt_backend.console import view
from zekt_backend.console.view import Page

_STATES = ("critical", "warning", "healthy")
_NEEDY = ("critical", "warning")
_SHOWN_OF_STATE = 25
# What a recommendation is about, and on which side its reader is: the page where it can be done.
_DONE_AT = {
    ("status", "provider"): ("/provider/access", "Zekt Access"),
    ("status", "consumer"): ("/consumer/subscriptions", "Zekt Subscriptions"),
    ("retired", "provider"): ("/provider/services", "Service Descriptions"),
    ("retired", "consumer"): ("/consumer/subscriptions", "Zekt Subscriptions"),
    ("provider", "provider"): ("/provider/repositories", "Zekt Repos"),
    ("consumer", "consumer"): ("/consumer/repositories", "Zekt Repos"),
}


@view.opened
async def listing(page: Page) -> Response:
    asked = page.request.query_params
    side = asked.get("side") or ("provider" if any(each["provider"] for each in page.me["accounts"]) else "consumer")
    state, before = asked.get("state") or None, asked.get("before")
    found = await page.api.get("/api/connections", side=side, state=state, before=before)
    return page.render(
        "connections.html",
        title="My Connections",
        side=side,
        state=state,
        states=_STATES,
        connections=found["connections"],
        following=found["next"],
        query=urlencode({"side": side, **({"state": state} if state else {})}),
    )


@view.opened
async def diagnostics(page: Page) -> Response:
    number = quote(page.request.path_params["connection"], safe="")
    found = await page.api.get(f"/api/connections/{number}/diagnostics")
    return page.render(
        "diagnostics.html",
        title=found["connection"]["name"],
        **{name: found[name] for name in ("connection", "failures", "retries", "webhooks")},
        recommendations=[(each, _page_of(each, found["connection"])) for each in found["recommendations"]],
        side=found["connection"]["sides"][0],
        may_replay=found["failures"]["count"] and manages(page, found["connection"]),
    )


def manages(page: Page, connection: dict[str, Any]) -> bool:
    """Whether to show what either side may do with its deliveries; the API decides whoever asks."""
    ends = (connection["provider"], connection["consumer"])
    return any(end is not None and page.manages(end["account"], end["repositoryId"]) for end in ends)


def _page_of(recommendation: dict[str, Any], connection: dict[str, Any]) -> tuple[str, str] | None:
    pages = (_DONE_AT.get((recommendation["about"], side)) for side in connection["sides"])
    return next((page for page in pages if page), None)


@view.opened
async def health(page: Page) -> Response:
    """Counts of all, and those that need somebody."""
    get = page.api.get
    found, *listed = await asyncio.gather(
        get("/api/health"), *(get("/api/connections", state=state, limit=_SHOWN_OF_STATE) for state in _NEEDY)
    )
    needy = [(state, each["connections"], each["next"]) for state, each in zip(_NEEDY, listed, strict=True)]
    return page.render(
        "health.html", title="Health", counts=found["connections"], running=found["broker"], states=_STATES, needy=needy
    )
