"""Signing in, and signing out."""

from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from zekt_backend.api import sessions
from zekt_backend.broker import Broker
from zekt_backend.console import view
from zekt_backend.console.ask import Api, Refused
from zekt_backend.console.notices import Said
from zekt_backend.console.view import Page
from zekt_backend.rules.people import is_local

_SHOWN = 12
"""Of the sandbox's people."""
_SIGNED_OUT, _OUT = "signed-out", Said("You are signed out.")


def _next(text: str) -> str:
    return text if is_local(text) else "/"


async def sign_in(request: Request, broker: Broker) -> Response:
    """The way in, for somebody who has no session."""
    return await _sign_in(request, broker, _next(request.query_params.get("next", "/")))


async def _sign_in(request: Request, broker: Broker, following: str, refused: Refused | None = None) -> Response:
    stand_in = broker.stand_in
    sandbox = stand_in is not None and await broker.meet(stand_in.is_sandbox)
    people = await broker.meet(stand_in.people) if stand_in is not None and sandbox else []
    return view.show(
        request,
        broker,
        "sign_in.html",
        title="Sign in",
        status=refused.status if refused else 200,
        through_github=f"/auth/sign-in?{urlencode({'next': following})}" if broker.sign_in else None,
        sandbox=sandbox,
        people=people[:_SHOWN],
        following=following,
        problem=refused.problem if refused else None,
        said=_OUT if _SIGNED_OUT in request.query_params and sessions.secret_of(request, broker) is None else None,
    )


async def become(request: Request, broker: Broker) -> Response:
    """Sign in as one of the sandbox's people."""
    form = dict(await view.fields_of(request))
    following = _next(form.get("next", "/"))
    try:
        answer = await Api(request).ask("POST", "/auth/development", {"login": form.get("login", "")})
    except Refused as error:
        return await _sign_in(request, broker, following, error)
    return _with_cookies(RedirectResponse(following, 303, headers=view.HEADERS), answer.cookies)


@view.opened
async def sign_out(page: Page) -> Response:
    answer = await page.api.ask("POST", "/auth/sign-out")
    # There is no session by then for which a cookie could be kept.
    address = f"{view.SIGN_IN}?{_SIGNED_OUT}="
    return _with_cookies(RedirectResponse(address, 303, headers=view.HEADERS), answer.cookies)


def _with_cookies(response: Response, cookies: tuple[str, ...]) -> Response:
    for cookie in cookies:
        response.headers.append("set-cookie", cookie)
    return response
