"""Zekt Brokering: who feeds whom, drawn; and the same as a list."""

from urllib.parse import urlencode

from starlette.responses import Response

from zekt_backend.console import view
from zekt_backend.console.drawing import draw
from zekt_backend.console.view import Page

_READ = 100
_DRAWN = 20
"""Connections: the most active of the newest `_READ`. A drawing of more is read by nobody; the list and filters are."""
_FILTERS = ("service", "account")


@view.opened
async def brokering(page: Page) -> Response:
    asked = page.request.query_params
    wanted = {name: asked[name] for name in _FILTERS if asked.get(name)}
    before = asked.get("before")
    found = await page.api.get("/api/connections", status="approved", limit=_READ, before=before, **wanted)
    connections = sorted(
        found["connections"],
        key=lambda each: (each["statistics"]["total"] + each["statistics"]["underway"], each["lastEventAt"] or ""),
        reverse=True,
    )
    return page.render(
        "brokering.html",
        title="Zekt Brokering",
        connections=connections,
        drawing=draw(connections[:_DRAWN]),
        left_out=len(connections[_DRAWN:]),
        following=found["next"],
        typed={name: asked.get(name, "") for name in _FILTERS},
        wanted=wanted,
        query=urlencode(wanted),
    )
