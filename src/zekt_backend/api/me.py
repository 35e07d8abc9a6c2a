"""Who is asking, and what that may do where."""

from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse

from zekt_backend.api import sessions
from zekt_backend.api.access import principal_of
from zekt_backend.broker import Broker
from zekt_backend.rules.access import Principal, Right
from zekt_backend.store import accounts, subscriptions
from zekt_backend.store.database import Tx

_MOST_REQUESTS = 100
"""Counted no further: the number stands in the navigation of every page."""


async def me(request: Request, broker: Broker) -> JSONResponse:
    principal = await principal_of(request, broker)
    person = await _person(request, broker)
    async with broker.db.reading() as connection:
        found, requests = await _accounts(connection, principal), await _requests(connection, principal)
    answer = {
        "actor": principal.actor,
        "operator": principal.operator,
        "login": person["login"],
        "csrfToken": person["csrfToken"],
        "expiresAt": person["expiresAt"],
        "repositories": sorted(principal.repositories),
        "accounts": found,
        "requests": requests,
    }
    return JSONResponse(answer, headers={"Cache-Control": "no-store"})


async def _person(request: Request, broker: Broker) -> dict[str, Any]:
    """Of whoever is not signed in there is nothing to say."""
    if sessions.secret_of(request, broker) is None:
        return {"login": None, "csrfToken": None, "expiresAt": None}
    session = await sessions.session_of(request, broker)
    return {"login": session.login, "csrfToken": session.csrf, "expiresAt": session.expires_at.isoformat()}


async def _requests(tx: Tx, principal: Principal) -> int:
    """For this caller to decide on. The operator, who may decide on all, has no account they would wait for."""
    if not principal.rights:
        return 0
    return await subscriptions.open_requests(
        tx,
        managed=principal.accounts(Right.MANAGE) or [],
        readable=principal.accounts(Right.READ) or [],
        administered=sorted(principal.repositories),
        most=_MOST_REQUESTS,
    )


async def _accounts(tx: Tx, principal: Principal) -> list[dict[str, Any]]:
    """Each with the right to it; null where GitHub could not be asked for too long. Of the operator's all, none."""
    found = await accounts.several(tx, [*principal.rights, *principal.unsure])
    return [{**account, "right": principal.rights.get(account_id)} for account_id, account in found.items()]
