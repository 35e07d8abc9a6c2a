"""Repositories: made known, enabled and disabled, and which of their workflows are whitelisted."""

from collections.abc import Awaitable, Callable
from typing import Any, Literal

from pydantic import Field
from starlette.requests import Request
from starlette.responses import JSONResponse

from zekt_backend.api import bodies, shapes
from zekt_backend.api.access import principal_of, readable
from zekt_backend.broker import Broker
from zekt_backend.flows import repositories as flow
from zekt_backend.flows import whitelist
from zekt_backend.flows.change import Change
from zekt_backend.flows.repository_rows import Done, Hub
from zekt_backend.github import repository_hooks
from zekt_backend.rules import onboarding, reconciliation
from zekt_backend.rules.access import Principal, Right, not_yours
from zekt_backend.rules.onboarding import Role
from zekt_backend.store import accounts, repositories


class NewRepository(shapes.Shape):
    """`owner/name`; the owner must be an account here."""

    repository: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9-]{0,38}/[A-Za-z0-9._-]{1,100}$")


class Whitelisting(shapes.Shape):
    """`force`: GitHub is not asked whether it knows the workflow."""

    force: bool = False


class Filter(shapes.Page):
    """Which repositories: of one account, of accounts that are provider or consumer."""

    account: str | None = Field(default=None, max_length=100)
    side: Literal["provider", "consumer"] | None = None


async def listing(request: Request, broker: Broker) -> JSONResponse:
    principal = await principal_of(request, broker)
    wanted = shapes.query(Filter, request)
    async with broker.db.reading() as connection:
        found, following = await repositories.page(
            connection,
            accounts=await readable(connection, principal, wanted.account),
            side=wanted.side,
            before=wanted.before,
            limit=wanted.limit,
        )
    return JSONResponse({"repositories": found, "next": following})


async def one(request: Request, broker: Broker) -> JSONResponse:
    repository_id = await _read(request, broker)
    async with broker.db.reading() as connection:
        found = await repositories.state(connection, repository_id)
    if found is None:
        raise not_yours()
    return _answer(found.shown())


async def add(request: Request, broker: Broker) -> JSONResponse:
    principal = await principal_of(request, broker)
    wanted = bodies.parse(NewRepository, await bodies.read(request, bodies.MAX_SMALL_BODY)).repository
    async with broker.db.reading() as connection:
        account_id = await accounts.id_of(connection, wanted.partition("/")[0])
    principal.require(account_id, Right.MANAGE)
    if account_id is None:
        raise not_yours()
    found, new = await flow.add(wanted, Change(principal.actor, broker.clock.now()), broker.hub)
    return _answer(found.shown(), 201 if new else 200)


async def enable_provider(request: Request, broker: Broker) -> JSONResponse:
    return await _switch(request, broker, "provider", flow.enable)


async def disable_provider(request: Request, broker: Broker) -> JSONResponse:
    return await _switch(request, broker, "provider", flow.disable)


async def enable_consumer(request: Request, broker: Broker) -> JSONResponse:
    return await _switch(request, broker, "consumer", flow.enable)


async def disable_consumer(request: Request, broker: Broker) -> JSONResponse:
    return await _switch(request, broker, "consumer", flow.disable)


async def completion_tracking(request: Request, broker: Broker) -> JSONResponse:
    """What it places on the repository, and what that costs of GitHub's limit."""
    repository_id = await _read(request, broker)
    async with broker.db.reading() as connection:
        found = await repositories.state(connection, repository_id)
    if found is None:
        raise not_yours()
    told = {
        "repository": found.full_name,
        "enabled": found.completion_tracking,
        "webhookUrl": broker.settings.webhook_url,
        "webhookEvents": repository_hooks.EVENTS,
        "webhookPlaced": found.hook_id is not None,
        "requestsToPlace": onboarding.REQUESTS_TO_PLACE,
        "requestsAnHour": reconciliation.requests_an_hour(broker.settings.reconcile_seconds),
        "requestsAllowedAnHour": onboarding.REQUESTS_ALLOWED_AN_HOUR,
    }
    return JSONResponse(told)


async def enable_completion_tracking(request: Request, broker: Broker) -> JSONResponse:
    return await _switch(request, broker, "completion_tracking", flow.enable)


async def disable_completion_tracking(request: Request, broker: Broker) -> JSONResponse:
    return await _switch(request, broker, "completion_tracking", flow.disable)


async def rotate(request: Request, broker: Broker) -> JSONResponse:
    repository_id, change = await _change(request, broker)
    return _done(await flow.rotate(repository_id, change, broker.hub))


async def workflows(request: Request, broker: Broker) -> JSONResponse:
    repository_id = await _read(request, broker)
    prices, currency = broker.settings.prices, broker.settings.currency
    found = await whitelist.workflows_of(repository_id, broker.hub, now=broker.clock.now(), prices=prices)
    return JSONResponse({**found, "currency": currency})


async def allow(request: Request, broker: Broker) -> JSONResponse:
    repository_id, change = await _change(request, broker)
    body = await bodies.read(request, bodies.MAX_SMALL_BODY)
    force = bodies.parse(Whitelisting, body or b"{}").force
    return _answer(await whitelist.allow(repository_id, _file(request), change, broker.hub, force=force))


async def disallow(request: Request, broker: Broker) -> JSONResponse:
    repository_id, change = await _change(request, broker)
    return _answer(await whitelist.disallow(repository_id, _file(request), change, broker.hub))


async def _switch(
    request: Request, broker: Broker, role: Role, how: Callable[[int, Role, Change, Hub], Awaitable[Done]]
) -> JSONResponse:
    repository_id, change = await _change(request, broker)
    return _done(await how(repository_id, role, change, broker.hub))


async def _change(request: Request, broker: Broker) -> tuple[int, Change]:
    """Which repository is to be changed, and by whom."""
    repository_id, account_id, principal = await _whose(request, broker)
    principal.require_repository(account_id, repository_id)
    return repository_id, Change(principal.actor, broker.clock.now(), shapes.if_match(request))


async def _read(request: Request, broker: Broker) -> int:
    """Which repository is meant, if the caller may read its account."""
    repository_id, account_id, principal = await _whose(request, broker)
    principal.require(account_id, Right.READ)
    return repository_id


async def _whose(request: Request, broker: Broker) -> tuple[int, int | None, Principal]:
    """Which repository is meant, its account, and who asks."""
    principal = await principal_of(request, broker)
    repository_id = shapes.number(request, "repository_id")
    async with broker.db.reading() as connection:
        (account_id,) = await repositories.accounts_of(connection, repository_id)
    return repository_id, account_id, principal


def _file(request: Request) -> str:
    return str(request.path_params["file"])


def _done(done: Done) -> JSONResponse:
    return _answer({**done.state.shown(), "warning": done.warning})


def _answer(found: dict[str, Any], status: int = 200) -> JSONResponse:
    version = found["version"]
    return JSONResponse(found, status, headers={} if version is None else shapes.etag(version))
