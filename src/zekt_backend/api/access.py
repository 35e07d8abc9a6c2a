"""Who calls the management API, and what that caller may do."""

from collections.abc import Sequence
from typing import Protocol

from starlette.requests import Request
from starlette.responses import JSONResponse

from zekt_backend.api import problems, sessions, shapes
from zekt_backend.api.tokens import bearer, is_admin, require_admin
from zekt_backend.broker import Broker
from zekt_backend.errors import ZektError
from zekt_backend.flows import api_tokens
from zekt_backend.rules.access import OPERATOR, TOKEN_PREFIX, Principal, Right
from zekt_backend.store import accounts
from zekt_backend.store.database import Listing, Tx
from zekt_backend.store.services import Home


async def principal_of(request: Request, broker: Broker) -> Principal:
    """Whoever holds ZEKT_ADMIN_TOKEN is the operator, and may do everything; an API token acts for its account.

    A session's cookie counts only where there is no Authorization header.

    Raises:
        ZektError: `management_off`, `admin_token_refused`, `api_token_refused`, `session_refused` or `csrf_refused`.
    """
    if sessions.secret_of(request, broker) is not None:
        return await sessions.principal_of(request, broker)
    given = bearer(request) or ""
    # The operator's own may begin like any token: it is his to choose.
    if not given.startswith(TOKEN_PREFIX) or is_admin(request, broker):
        require_admin(request, broker)
        problems.tell_what_is_not_there(request)
        return Principal(OPERATOR, operator=True)
    found = await api_tokens.recognise(given, now=broker.clock.now(), db=broker.db)
    if found is None:
        raise ZektError(
            "api_token_refused",
            "It is not known here, has expired, or was revoked. Whoever owns the account makes a new one.",
        )
    return found


def require_home(principal: Principal, home: Home | None) -> None:
    """Let whoever manages that repository pass.

    Raises:
        ZektError: `not_yours`, also where there is none; `roles_unknown`.
    """
    account_id, repository_id = (home.account_id, home.repository_id) if home else (None, None)
    principal.require_repository(account_id, repository_id)


class Pages(Protocol):
    """Reads a page of what belongs to these accounts (None: to any)."""

    async def __call__(self, tx: Tx, *, accounts: Sequence[int] | None, before: int | None, limit: int) -> Listing: ...


async def readable(tx: Tx, principal: Principal, login: str | None) -> list[int] | None:
    """The account of that name, or with None all that the caller may read (None: all there are).

    Raises:
        ZektError: `not_yours`, `roles_unknown`; `not_found` to the operator.
    """
    if login is None:
        return principal.accounts()
    account = await accounts.id_of(tx, login)
    principal.require(account, Right.READ)
    if account is None:
        raise ZektError("not_found", "There is no such account.")
    return [account]


async def listed(request: Request, broker: Broker, name: str, page: Pages) -> JSONResponse:
    """A listing of what the caller may read: `{name: […], "next": …}`."""
    principal = await principal_of(request, broker)
    wanted = shapes.query(shapes.Page, request)
    async with broker.db.reading() as connection:
        found, following = await page(
            connection, accounts=principal.accounts(), before=wanted.before, limit=wanted.limit
        )
    return JSONResponse({name: found, "next": following})
