"""Who may ask at all: programs of this machine, and pages that came from it.

The sandbox asks for no password and can run workflows, and every browser on this machine reaches it. So a page from
elsewhere must not speak to it, neither by its own name (a form, a `fetch`) nor by a name that it made lead here (DNS
rebinding).
"""

import ipaddress
from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from zekt_sandbox.refusals import refusal_body

_WHY = (
    "The sandbox answers this machine alone: the request names {what} {name!r}, which is not 127.0.0.1, ::1 or"
    " localhost. A page from elsewhere usually sent it; a program asks by one of these names."
)


class Neighbours:
    """Refuses with 403 what was addressed to another host, or sent by a page of one."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        stranger = _stranger(Headers(scope=scope)) if scope["type"] == "http" else None
        if stranger is None:
            await self._app(scope, receive, send)
            return
        what, name = stranger
        await JSONResponse(refusal_body(403, _WHY.format(what=what, name=name[:100])), 403)(scope, receive, send)


def _stranger(headers: Headers) -> tuple[str, str] | None:
    """What of the request names another machine; None where nothing does."""
    host = headers.get("host", "")
    if not _is_here(f"//{host}"):
        return "the host", host
    origin = headers.get("origin")
    if origin is not None and not _is_here(origin):
        return "the origin", origin
    return None


def _is_here(address: str) -> bool:
    try:
        name = urlsplit(address).hostname or ""
        return name == "localhost" or ipaddress.ip_address(name).is_loopback
    except ValueError:
        return False
