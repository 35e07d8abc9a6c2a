"""Subscriptions: asked for by the consumer's side, approved or denied by the provider's, revoked by either."""

from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Annotated, Any, Literal

from pydantic import Field
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from zekt_backend.api import bodies, shapes
from zekt_backend.api.access import principal_of, require_home
from zekt_backend.broker import Broker
from zekt_backend.flows import subscriptions as flow
from zekt_backend.rules.access import Principal, not_yours
from zekt_backend.rules.setup import Branches, Conclusion, EventTypes, FullName, GitHubId, Note, Slug
from zekt_backend.rules.subscription import Side, Verb
from zekt_backend.store import market, services, subscriptions

Status = Literal["requested", "approved", "denied", "revoked"]
_Seconds = Annotated[int, Field(ge=60, le=3_024_000)]


class SubscriptionChange(shapes.Shape):
    """What is not named stays. null: all conclusions, branches, event types; the broker's own times and counts."""

    durable: bool = False
    conclusions: tuple[Conclusion, ...] | None = Field(default=None, min_length=1)
    branches: Branches | None = None
    event_types: EventTypes | None = None
    # Each dispatch counts for the provider: the consumer may not have it hammered. An operator's setup file may.
    confirm_timeout: _Seconds | None = None
    complete_timeout: _Seconds | None = None
    max_dispatches: Annotated[int, Field(ge=1, le=10)] | None = None

    def settings(self) -> dict[str, Any]:
        """What was named, as it is kept."""
        named = self.model_dump(include=set(subscriptions.SETTINGS), exclude_unset=True)
        return {name: _kept(name, value) for name, value in named.items()}


def _kept(name: str, value: Any) -> Any:
    if isinstance(value, tuple):
        return list(value)
    return timedelta(seconds=value) if name.endswith("_timeout") and value is not None else value


class SubscriptionRequest(SubscriptionChange):
    """For whom, of what, and why; it may have its settings at once."""

    service: Slug
    consumer: GitHubId | FullName
    note: Note = ""


class Answer(shapes.Shape):
    """Words for the other side."""

    answer: Note = ""


class Filter(shapes.Page):
    """Which subscriptions."""

    side: Literal["provider", "consumer"] | None = None
    status: Status | None = None
    service: str | None = Field(default=None, max_length=100)


async def listing(request: Request, broker: Broker) -> JSONResponse:
    principal = await principal_of(request, broker)
    wanted = shapes.query(Filter, request)
    async with broker.db.reading() as connection:
        found, following = await subscriptions.page(
            connection,
            accounts=principal.accounts(),
            before=wanted.before,
            limit=wanted.limit,
            side=wanted.side,
            status=wanted.status,
            service=wanted.service,
        )
    return JSONResponse({"subscriptions": found, "next": following})


async def one(request: Request, broker: Broker) -> JSONResponse:
    principal = await principal_of(request, broker)
    return await _shown(_id(request), principal, broker)


async def ask(request: Request, broker: Broker) -> JSONResponse:
    principal = await principal_of(request, broker)
    wanted = bodies.parse(SubscriptionRequest, await bodies.read(request, bodies.MAX_SMALL_BODY))
    async with broker.db.reading() as connection:
        home = await services.home(connection, wanted.consumer)
        require_home(principal, home)
        if not await market.is_visible(connection, wanted.service, principal.accounts()):
            raise not_yours()
    subscription_id = await flow.request(
        wanted.service,
        # The one that was looked at: its name may be another's in the next moment.
        home.repository_id if home else wanted.consumer,
        wanted.note,
        wanted.settings(),
        actor=principal.actor,
        now=broker.clock.now(),
        db=broker.db,
    )
    return await _shown(subscription_id, principal, broker, status=201)


async def change(request: Request, broker: Broker) -> JSONResponse:
    principal = await principal_of(request, broker)
    wanted = bodies.parse(SubscriptionChange, await bodies.read(request, bodies.MAX_SMALL_BODY))
    homes = await _homes(request, broker)
    principal.require_repository(*homes.get(Side.CONSUMER, (None, None)))
    await flow.change(
        _id(request),
        wanted.settings(),
        version=shapes.if_match(request),
        actor=principal.actor,
        now=broker.clock.now(),
        db=broker.db,
    )
    return await _shown(_id(request), principal, broker)


def _decided(verb: Verb, *sides: Side) -> Callable[[Request, Broker], Awaitable[Response]]:
    """A handler that decides on behalf of the first of these sides that the caller manages."""

    async def decided(request: Request, broker: Broker) -> JSONResponse:
        principal = await principal_of(request, broker)
        wanted = bodies.parse(Answer, await bodies.read(request, bodies.MAX_SMALL_BODY) or b"{}")
        await flow.decide(
            _id(request),
            verb,
            answer=wanted.answer,
            side=await _side(request, broker, principal, sides),
            version=shapes.if_match(request),
            actor=principal.actor,
            now=broker.clock.now(),
            db=broker.db,
        )
        return await _shown(_id(request), principal, broker)

    decided.__name__ = verb.value
    return decided


approve = _decided(Verb.APPROVE, Side.PROVIDER)
deny = _decided(Verb.DENY, Side.PROVIDER)
revoke = _decided(Verb.REVOKE, Side.PROVIDER, Side.CONSUMER)


async def _side(request: Request, broker: Broker, principal: Principal, allowed: tuple[Side, ...]) -> Side:
    homes = await _homes(request, broker)
    if principal.operator:
        return Side.OPERATOR
    for side in allowed:
        if principal.may_manage(*homes.get(side, (None, None))):
            return side
    raise not_yours()


async def _homes(request: Request, broker: Broker) -> dict[Side, tuple[int, int]]:
    async with broker.db.reading() as connection:
        return await subscriptions.homes_of(connection, _id(request))


def _id(request: Request) -> int:
    return shapes.number(request, "subscription_id")


async def _shown(subscription_id: int, principal: Principal, broker: Broker, status: int = 200) -> JSONResponse:
    async with broker.db.reading() as connection:
        found = await subscriptions.shown(connection, subscription_id, principal.accounts())
    if found is None:
        raise not_yours()
    return JSONResponse(found, status, headers=shapes.etag(found["version"]))
