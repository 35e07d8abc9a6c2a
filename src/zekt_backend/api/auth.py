"""Signing in through GitHub, and out."""

import base64
import binascii
from html import escape
from secrets import token_urlsafe

from pydantic import Field
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response

from zekt_backend.api import bodies, problems, sessions, shapes
from zekt_backend.broker import Broker
from zekt_backend.errors import ZektError
from zekt_backend.flows import sign_in as flow
from zekt_backend.github.sign_in import SignIn
from zekt_backend.rules.people import Visitor, is_local, same

HOME = "/"
"""Where somebody goes who was going nowhere."""
_GUARDS = {
    "Cache-Control": "no-store",
    "Referrer-Policy": "no-referrer",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
}
_MOST = 300
"""Characters of a code or state that are looked at."""


class Beginning(shapes.Shape):
    """Query of the sign-in: `next` is a path of ours."""

    next: str = Field(default=HOME, max_length=500)


class DevelopmentSignIn(shapes.Shape):
    """Who to be, of the sandbox's people."""

    login: str = Field(pattern=r"^[A-Za-z0-9_-]{1,100}$")


async def begin(request: Request, broker: Broker) -> Response:
    """To GitHub's page, with a state and a verifier that stay in this browser."""
    try:
        client = _client(broker)
        following = _following(request)
        state, verifier = _new_secret(), _new_secret()
        answer = RedirectResponse(client.address(broker.settings.callback_url, state, verifier), 302, headers=_GUARDS)
        sessions.give_state(answer, broker, f"{state}.{verifier}.{_pack(following)}")
    except ZektError as error:
        return _refusal(request, error)
    return answer


async def callback(request: Request, broker: Broker) -> Response:
    """GitHub leads the browser back here, with a code for who it is."""
    answer: Response
    try:
        client = _client(broker)
        verifier, following = _checked_state(request, broker)
        code = request.query_params["code"][:_MOST]
        visitor = await broker.meet(lambda: client.visitor(code, verifier, broker.settings.callback_url))
        secrets = await _enter(request, broker, visitor)
        answer = RedirectResponse(following, 303, headers=_GUARDS)
        sessions.give(answer, broker, secrets.session)
    except ZektError as error:
        answer = _refusal(request, error)
    sessions.take_state(answer, broker)
    return answer


async def sign_out(request: Request, broker: Broker) -> Response:
    session = await sessions.session_of(request, broker)
    secret = sessions.secret_of(request, broker) or ""
    await flow.sign_out(secret, session.person_id, session.login, now=broker.clock.now(), db=broker.db)
    answer = JSONResponse({"signedOut": True})
    sessions.take(answer, broker)
    return answer


async def development(request: Request, broker: Broker) -> Response:
    """Sign in as anybody of the sandbox. Where GitHub is not the sandbox, there is no such address."""
    stand_in = broker.stand_in
    if stand_in is None or not await broker.meet(stand_in.is_sandbox):
        raise HTTPException(404)
    # Browsers say where they come from; a program need not.
    if {"origin", "sec-fetch-site"} & set(request.headers):
        sessions.require_our_page(request, broker)
    wanted = bodies.parse(DevelopmentSignIn, await bodies.read(request, bodies.MAX_SMALL_BODY))
    visitor = await broker.meet(lambda: stand_in.visitor(wanted.login))
    secrets = await _enter(request, broker, visitor)
    answer = JSONResponse({"login": visitor.login, "csrfToken": secrets.csrf}, headers={"Cache-Control": "no-store"})
    sessions.give(answer, broker, secrets.session)
    return answer


def _client(broker: Broker) -> SignIn:
    if broker.sign_in is None:
        raise ZektError(
            "sign_in_off",
            "Set ZEKT_OAUTH_CLIENT_ID and ZEKT_OAUTH_CLIENT_SECRET_FILE to the GitHub App's client id and secret, and"
            " restart, to switch it on. API tokens work without.",
        )
    return broker.sign_in


def _following(request: Request) -> str:
    found = shapes.query(Beginning, request).next
    if not is_local(found):
        raise ZektError("body_invalid", "next: it must be a path of this broker, such as /api/me.")
    return found


def _checked_state(request: Request, broker: Broker) -> tuple[str, str]:
    """The verifier, and where to go on.

    Raises:
        ZektError: `sign_in_failed`.
    """
    told = request.query_params
    state, _, rest = sessions.state_of(request, broker).partition(".")
    verifier, _, packed = rest.partition(".")
    if not (state and verifier):
        raise ZektError(
            "sign_in_failed",
            "It was not begun in this browser, or more than ten minutes ago: sign in again, and let the browser keep"
            " cookies.",
        )
    if not same(told.get("state", ""), state):
        raise ZektError(
            "sign_in_failed",
            "What came back is not what this browser began; perhaps it began twice. Sign in again. If somebody sent you"
            " here by a link, do not follow it.",
        )
    if "error" in told or "code" not in told:
        denied = told.get("error") == "access_denied"
        text = "You did not agree at GitHub." if denied else "GitHub sent no code."
        raise ZektError("sign_in_failed", f"{text} Nothing was changed. Sign in again to be asked once more.")
    return verifier, _unpack(packed)


def _pack(text: str) -> str:
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def _unpack(text: str) -> str:
    """Cookies are the browser's to change: what is no path of ours leads home."""
    try:
        found = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)).decode()
    except (binascii.Error, ValueError):
        return HOME
    return found if is_local(found) else HOME


async def _enter(request: Request, broker: Broker, visitor: Visitor) -> flow.Secrets:
    secrets = flow.Secrets(session=_new_secret(), csrf=_new_secret())
    await flow.sign_in(
        visitor, secrets, replaces=sessions.secret_of(request, broker), now=broker.clock.now(), db=broker.db
    )
    return secrets


def _refusal(request: Request, error: ZektError) -> Response:
    """A page for whoever looks at it, and the usual problem for all others."""
    problems.tell(request, error)
    if "text/html" not in request.headers.get("accept", ""):
        answer: Response = problems.render(error)
        answer.headers["Cache-Control"] = "no-store"
        return answer
    title, detail = escape(error.kind.title), escape(error.detail)
    page = (
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{title}</title><h1>{title}</h1><p>{detail}</p>'
        f'<p><a href="/sign-in">Sign in</a> · <code>{error.code}</code></p></html>'
    )
    return HTMLResponse(page, error.kind.status, headers=_GUARDS)


def _new_secret() -> str:
    return token_urlsafe(32)
