"""The session of a person who signed in: its cookie, and what a browser must say beside it."""

from typing import Literal

from starlette.requests import Request
from starlette.responses import Response

from zekt_backend.broker import Broker
from zekt_backend.errors import ZektError
from zekt_backend.flows import recognise
from zekt_backend.flows.recognise import Session
from zekt_backend.rules.access import Principal
from zekt_backend.rules.people import SESSION, SIGN_IN, is_ours, same

CSRF_HEADER = "X-CSRF-Token"
_HARMLESS = ("GET", "HEAD", "OPTIONS")


def secret_of(request: Request, broker: Broker) -> str | None:
    """What the browser's session cookie holds; None when there is none, or an Authorization header counts instead."""
    if "authorization" in request.headers:
        return None
    return kept(request, broker, "session") or None


async def session_of(request: Request, broker: Broker) -> Session:
    """The session of the request, which comes from a page of ours if it may change anything.

    Raises:
        ZektError: `session_refused` or `csrf_refused`.
    """
    secret = secret_of(request, broker)
    found = await recognise.session_of(secret, now=broker.clock.now(), db=broker.db) if secret else None
    if found is None:
        raise ZektError("session_refused", "The session has ended, or there was none: sign in at /auth/sign-in.")
    if request.method not in _HARMLESS:
        _require_ours(request, broker, found)
    return found


async def principal_of(request: Request, broker: Broker) -> Principal:
    """The person, with roles that GitHub told of lately: it is asked again here when that is too long ago.

    Raises:
        ZektError: `session_refused` or `csrf_refused`.
    """
    session = await session_of(request, broker)
    now, db = broker.clock.now(), broker.db
    if not await recognise.is_settled(session, now=now, db=db):
        # A page that asks for ten things at once makes GitHub answer once.
        async with broker.turn(session.person_id):
            await recognise.refresh(session, now=now, db=db, ask=broker.ask_role)
    return await recognise.principal_of(session, now=broker.clock.now(), db=db)


def require_our_page(request: Request, broker: Broker) -> None:
    """Hold a browser to what it says about where its request comes from.

    Raises:
        ZektError: `csrf_refused`.
    """
    origin, site = request.headers.get("origin"), request.headers.get("sec-fetch-site")
    if not is_ours(origin, site, broker.settings.base_url):
        raise ZektError(
            "csrf_refused",
            f"A signed-in browser changes things from pages at {broker.settings.base_url} alone, and says so by Origin"
            " or Sec-Fetch-Site. If that is not the address you see, ZEKT_PUBLIC_URL must be set to the one you do."
            " Programs use an API token.",
        )


def _require_ours(request: Request, broker: Broker, session: Session) -> None:
    require_our_page(request, broker)
    if not same(request.headers.get(CSRF_HEADER, ""), session.csrf):
        raise ZektError("csrf_refused", f"Send the csrfToken that GET /api/me gives, as the header {CSRF_HEADER}.")


def give(response: Response, broker: Broker, secret: str) -> None:
    keep(response, broker, "session", secret, round(SESSION.total_seconds()))


def take(response: Response, broker: Broker) -> None:
    keep(response, broker, "session", "", 0)


def give_state(response: Response, broker: Broker, text: str) -> None:
    """What must come back from GitHub with the same browser."""
    keep(response, broker, "sign-in", text, round(SIGN_IN.total_seconds()))


def take_state(response: Response, broker: Broker) -> None:
    keep(response, broker, "sign-in", "", 0)


def state_of(request: Request, broker: Broker) -> str:
    return kept(request, broker, "sign-in")


def kept(request: Request, broker: Broker, name: str) -> str:
    """A cookie of ours; "" when there is none."""
    return request.cookies.get(_name(broker, name), "")


def keep(
    response: Response,
    broker: Broker,
    name: str,
    value: str,
    seconds: int,
    *,
    samesite: Literal["lax", "strict"] = "lax",
) -> None:
    """Give the browser a cookie of ours, or with 0 seconds take it away.

    Lax where GitHub leads the browser back to us: the cookie must come along then.
    """
    response.set_cookie(
        _name(broker, name),
        value,
        max_age=seconds,
        path="/",
        secure=_https(broker),
        httponly=True,
        samesite=samesite,
    )


def _name(broker: Broker, name: str) -> str:
    """A browser takes `__Host-…` over https only, from this very host, so that no neighbour plants one."""
    return f"__Host-zekt-{name}" if _https(broker) else f"zekt-{name}"


def _https(broker: Broker) -> bool:
    return broker.settings.base_url.startswith("https://")
