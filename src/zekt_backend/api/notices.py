"""Notices of failure: where an account is told, and what it was told."""

from collections.abc import Sequence
from typing import Annotated

from pydantic import StringConstraints
from starlette.requests import Request
from starlette.responses import JSONResponse

from zekt_backend.api import bodies, shapes
from zekt_backend.api.access import listed, principal_of
from zekt_backend.broker import Broker
from zekt_backend.flows import notices as flow
from zekt_backend.flows.change import Change
from zekt_backend.flows.notices import Wanted
from zekt_backend.rules.access import Principal, Right, not_yours
from zekt_backend.rules.addresses import MOST_CHARACTERS
from zekt_backend.rules.setup import FullName, GitHubId
from zekt_backend.store import accounts, notice_settings, notices
from zekt_backend.store.database import Listing, Tx
from zekt_backend.store.notice_settings import Chosen


class NoticeChoice(shapes.Shape):
    """Where the account is told; null: not there. What is left out is null, too."""

    url: Annotated[str, StringConstraints(min_length=1, max_length=MOST_CHARACTERS)] | None = None
    issues_repository: FullName | GitHubId | None = None


async def listing(request: Request, broker: Broker) -> JSONResponse:
    return await listed(request, broker, "notices", _page)


async def _page(tx: Tx, *, accounts: Sequence[int] | None, before: int | None, limit: int) -> Listing:
    return await notices.page(tx, accounts=accounts, before=before, limit=limit)


async def one(request: Request, broker: Broker) -> JSONResponse:
    principal, account_id = await _account(request, broker, Right.READ)
    async with broker.db.reading() as connection:
        found = await notice_settings.of(connection, account_id)
    if found is None:
        raise not_yours()
    return _answer(found, whole=principal.may(account_id, Right.OWN))


async def change(request: Request, broker: Broker) -> JSONResponse:
    raw = await bodies.read(request, bodies.MAX_SMALL_BODY)
    principal, account_id = await _account(request, broker, Right.OWN)
    wanted = bodies.parse(NoticeChoice, raw)
    found = await flow.choose(
        account_id,
        Wanted(wanted.url, wanted.issues_repository),
        _change(request, broker, principal),
        db=broker.db,
        terms=broker.notifier.means.terms,
        development=await broker.notifier.is_development(),
    )
    return _answer(found, whole=True)


async def remove(request: Request, broker: Broker) -> JSONResponse:
    principal, account_id = await _account(request, broker, Right.OWN)
    found = await flow.remove(account_id, _change(request, broker, principal), db=broker.db)
    return _answer(found, whole=True)


async def rotate(request: Request, broker: Broker) -> JSONResponse:
    principal, account_id = await _account(request, broker, Right.OWN)
    wanted = _change(request, broker, principal)
    found, secret = await flow.rotate(account_id, wanted, db=broker.db, terms=broker.notifier.means.terms)
    headers = {**shapes.etag(found.version), "Cache-Control": "no-store"}
    return JSONResponse({**flow.shown(found, whole=True), "secret": secret}, headers=headers)


async def test(request: Request, broker: Broker) -> JSONResponse:
    principal, account_id = await _account(request, broker, Right.OWN)
    change = Change(principal.actor, broker.clock.now())
    return JSONResponse(await broker.notifier.test(account_id, change, broker.db))


async def _account(request: Request, broker: Broker, right: Right) -> tuple[Principal, int]:
    principal = await principal_of(request, broker)
    async with broker.db.reading() as connection:
        account_id = await accounts.id_of(connection, str(request.path_params["account"][:100]))
    principal.require(account_id, right)
    if account_id is None:
        raise not_yours()
    return principal, account_id


def _change(request: Request, broker: Broker, principal: Principal) -> Change:
    return Change(principal.actor, broker.clock.now(), shapes.if_match(request))


def _answer(found: Chosen, *, whole: bool) -> JSONResponse:
    return JSONResponse(flow.shown(found, whole=whole), headers=shapes.etag(found.version))
