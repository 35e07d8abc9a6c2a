"""What became of each delivery, with history and attempts; and once more, please."""

from typing import Annotated, Any, Literal

from pydantic import AwareDatetime, BeforeValidator, Field
from starlette.requests import Request
from starlette.responses import JSONResponse

from zekt_action.wire import DeliveryStatus, ReplayReceipt
from zekt_backend.api import shapes
from zekt_backend.api.access import principal_of
from zekt_backend.broker import Broker
from zekt_backend.errors import ZektError
from zekt_backend.flows.replay import Asker, Terms, replay
from zekt_backend.ids import new_delivery_id
from zekt_backend.rules.access import Principal, Right, not_yours
from zekt_backend.store import accounts, delivery_search, delivery_views, repositories
from zekt_backend.store.database import Tx
from zekt_backend.store.delivery_search import Wanted


def _several(given: Any) -> Any:
    return given.split(",") if isinstance(given, str) else given


class Which(shapes.Shape):
    """Which deliveries."""

    status: Annotated[tuple[DeliveryStatus, ...], BeforeValidator(_several)] = ()
    side: Literal["provider", "consumer"] | None = None
    account: str | None = Field(default=None, max_length=100)
    connection: int | None = Field(default=None, ge=1, le=2**63 - 1)
    service: str | None = Field(default=None, max_length=100)
    consumer: str | None = Field(default=None, max_length=200)
    correlation_id: str | None = Field(default=None, max_length=100)
    since: AwareDatetime | None = None
    until: AwareDatetime | None = None

    def wanted(self) -> Wanted:
        """The same, without duplicates, for the store."""
        named = self.model_dump(
            include={"side", "connection", "service", "consumer", "correlation_id", "since", "until"}
        )
        return Wanted(statuses=tuple(dict.fromkeys(self.status)), **named)


class Filter(Which, shapes.Page):
    """Which deliveries, and which page of them."""


async def listing(request: Request, broker: Broker) -> JSONResponse:
    principal = await principal_of(request, broker)
    asked = shapes.query(Filter, request)
    async with broker.db.reading() as connection:
        found, following = await delivery_views.page(
            connection,
            asked.wanted(),
            before=asked.before,
            limit=asked.limit,
            mine=await repositories.of_accounts(connection, principal.accounts()),
            whose=await _whose_repositories(connection, principal, asked.account),
        )
    return JSONResponse({"deliveries": found, "next": following})


async def counts(request: Request, broker: Broker) -> JSONResponse:
    """How many there are of each status; beyond a thousand, that there are more."""
    principal = await principal_of(request, broker)
    asked = shapes.query(Which, request)
    async with broker.db.reading() as connection:
        whose = await _whose_repositories(connection, principal, asked.account)
        if whose is None:
            whose = await repositories.of_accounts(connection, principal.accounts())
        found = await delivery_search.count(connection, asked.wanted(), whose=whose)
    most = delivery_search.MOST_COUNTED
    told = {status: {"count": min(number, most), "more": number > most} for status, number in found.items()}
    return JSONResponse({"counts": told})


async def _whose_repositories(tx: Tx, principal: Principal, login: str | None) -> list[int] | None:
    """Those of the account that was asked about; None: no account was."""
    if login is None:
        return None
    account = await accounts.id_of(tx, login)
    principal.require(account, Right.READ)
    if account is None:
        raise ZektError("not_found", "There is no such account.")
    return await repositories.of_accounts(tx, [account])


async def one(request: Request, broker: Broker) -> JSONResponse:
    principal = await principal_of(request, broker)
    async with broker.db.reading() as connection:
        mine = await repositories.of_accounts(connection, principal.accounts())
        found = await delivery_views.whole(connection, request.path_params["delivery_id"][:100], mine)
        if found is None:
            raise _not_there(principal)
        homes = await delivery_views.homes_of(connection, found["deliveryId"])
    run = found["consumerRunId"]
    found["consumerRunUrl"] = f"{broker.settings.github_url}/{found['consumer']}/actions/runs/{run}" if run else None
    found["mayReplay"] = any(principal.may_manage(*home) for home in homes)
    return JSONResponse(found)


async def again(request: Request, broker: Broker) -> JSONResponse:
    principal = await principal_of(request, broker)
    old = request.path_params["delivery_id"][:100]
    new = await replay(
        old,
        asker=Asker(principal.actor, None if principal.operator else await _whose(old, principal, broker)),
        db=broker.db,
        clock=broker.clock,
        new_id=new_delivery_id,
        terms=Terms(broker.timings, broker.settings.payload_retention),
    )
    receipt = ReplayReceipt(delivery_id=new, replay_of=old, message="Queued as a delivery of its own.")
    return JSONResponse(receipt.model_dump(by_alias=True), status_code=202)


async def _whose(delivery_id: str, principal: Principal, broker: Broker) -> int:
    """The account on whose behalf it is replayed: either side may, the provider's before the consumer's."""
    async with broker.db.reading() as connection:
        for account_id, repository_id in await delivery_views.homes_of(connection, delivery_id):
            if account_id is not None and principal.may_manage(account_id, repository_id):
                return account_id
    raise not_yours()


def _not_there(principal: Principal) -> ZektError:
    """Only who may see everything learns that something is not there."""
    return ZektError("not_found", "There is no such delivery.") if principal.operator else not_yours()
