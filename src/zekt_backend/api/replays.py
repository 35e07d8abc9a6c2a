"""Many deliveries once more: begun, watched, stopped."""

from collections.abc import Sequence
from typing import Annotated, Self

from pydantic import AwareDatetime, Field, model_validator
from starlette.requests import Request
from starlette.responses import JSONResponse

from zekt_action.wire import DeliveryStatus
from zekt_backend.api import bodies, shapes
from zekt_backend.api.access import listed, principal_of
from zekt_backend.broker import Broker
from zekt_backend.errors import ZektError
from zekt_backend.flows import replay_many
from zekt_backend.flows.replay import Asker, Terms
from zekt_backend.rules.access import Principal, Right, not_yours
from zekt_backend.store import replays, subscriptions
from zekt_backend.store.database import Listing, Tx
from zekt_backend.store.replays import Begun

_MOST_NAMED = 500


class ReplayRequest(shapes.Shape):
    """Either `deliveries`, or those of a `connection` (its id, or `SERVICE-SLUG@OWNER/REPO`)."""

    deliveries: tuple[Annotated[str, Field(max_length=100)], ...] = Field(default=(), max_length=_MOST_NAMED)
    connection: Annotated[int, Field(ge=1, le=2**63 - 1)] | Annotated[str, Field(max_length=300)] | None = None
    status: tuple[DeliveryStatus, ...] = Field(default=("failed",), min_length=1)
    since: AwareDatetime | None = None
    until: AwareDatetime | None = None
    again: bool = False
    dry_run: bool = False
    per_minute: int | None = Field(default=None, ge=1, le=1000)

    @model_validator(mode="after")
    def _is_one(self) -> Self:
        if bool(self.deliveries) is (self.connection is not None):
            raise ValueError("name either `deliveries` or a `connection`")
        return self


async def begin(request: Request, broker: Broker) -> JSONResponse:
    principal = await principal_of(request, broker)
    asked = bodies.parse(ReplayRequest, await bodies.read(request, bodies.MAX_SMALL_BODY))
    async with broker.db.reading() as tx:
        connection = await _connection(tx, asked.connection)
        account = None if principal.operator else await _whose(tx, principal, connection, asked.deliveries)
    most = 1000 if principal.operator else broker.settings.replays_per_minute
    wanted = replay_many.Wanted(
        deliveries=tuple(dict.fromkeys(asked.deliveries)),
        connection=connection,
        statuses=tuple(dict.fromkeys(asked.status)),
        since=asked.since,
        until=asked.until,
        again=asked.again,
    )
    receipt = await replay_many.begin(
        wanted,
        asker=Asker(principal.actor, account),
        per_minute=min(asked.per_minute or broker.settings.replays_per_minute, most),
        dry_run=asked.dry_run,
        db=broker.db,
        clock=broker.clock,
        terms=Terms(broker.timings, broker.settings.payload_retention),
    )
    return JSONResponse(receipt, status_code=200 if receipt["id"] is None else 202)


async def listing(request: Request, broker: Broker) -> JSONResponse:
    return await listed(request, broker, "replays", _page)


async def _page(tx: Tx, *, accounts: Sequence[int] | None, before: int | None, limit: int) -> Listing:
    return await replays.page(tx, accounts=accounts, before=before, limit=limit)


async def one(request: Request, broker: Broker) -> JSONResponse:
    principal = await principal_of(request, broker)
    number, _ = await _existing(request, broker, principal)
    async with broker.db.reading() as tx:
        return JSONResponse(await replays.shown(tx, number))


async def stop(request: Request, broker: Broker) -> JSONResponse:
    """Whoever began it may, and whoever manages the account."""
    principal = await principal_of(request, broker)
    number, begun = await _existing(request, broker, principal)
    if begun.actor != principal.actor:
        principal.require(begun.account_id, Right.MANAGE)
    asker = Asker(principal.actor, begun.account_id)
    return JSONResponse(await replay_many.stop(number, asker=asker, db=broker.db, clock=broker.clock))


async def _existing(request: Request, broker: Broker, principal: Principal) -> tuple[int, Begun]:
    """One that the caller may see: of an account that may be read."""
    number = shapes.number(request, "replay_id")
    async with broker.db.reading() as tx:
        begun = await replays.find(tx, number)
    principal.require(begun.account_id if begun else None, Right.READ)
    if begun is None:
        raise ZektError("not_found", "There is no such replay.")
    return number, begun


async def _connection(tx: Tx, named: int | str | None) -> int | None:
    """Its id; one that is not there is 0, which is nobody's."""
    if not isinstance(named, str):
        return named
    if named.isascii() and named.isdecimal():
        return int(named) if len(named) < len(str(2**63)) else 0
    slug, _, consumer = named.partition("@")
    return await subscriptions.id_of(tx, slug, consumer) or 0


async def _whose(tx: Tx, principal: Principal, connection: int | None, delivery_ids: tuple[str, ...]) -> int:
    """The account on whose behalf they are replayed: one that manages its side of each, the provider's first."""
    if connection is not None:
        homes: list[tuple[tuple[int | None, int], ...]] = [
            tuple((await subscriptions.homes_of(tx, connection)).values())
        ]
    else:
        found = await replays.homes(tx, delivery_ids)
        homes = [found.get(delivery_id, ()) for delivery_id in delivery_ids]
    managed = [
        [account for account, repository in sides if account is not None and principal.may_manage(account, repository)]
        for sides in homes
    ]
    if not all(managed):
        raise not_yours()
    for account in managed[0]:
        if all(account in each for each in managed):
            return account
    raise ZektError("body_invalid", "These are of several accounts: replay those of one account at a time.")
