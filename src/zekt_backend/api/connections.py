"""Connections: a subscription with both its ends, how it is doing, what to do about it; and the whole at a glance."""

from typing import Any, Literal

from pydantic import Field
from starlette.requests import Request
from starlette.responses import JSONResponse

from zekt_backend import __version__
from zekt_backend.api import shapes
from zekt_backend.api.access import principal_of
from zekt_backend.api.subscriptions import Status
from zekt_backend.broker import Broker
from zekt_backend.errors import ZektError
from zekt_backend.flows.examine_connection import examine_connection
from zekt_backend.rules.access import not_yours
from zekt_backend.rules.health import State
from zekt_backend.store import connection_views, figures


class Filter(shapes.Page):
    """Which connections."""

    side: Literal["provider", "consumer"] | None = None
    status: Status | None = None
    state: State | None = None
    service: str | None = Field(default=None, max_length=100)
    account: str | None = Field(default=None, max_length=100)


async def listing(request: Request, broker: Broker) -> JSONResponse:
    principal = await principal_of(request, broker)
    wanted = shapes.query(Filter, request)
    async with broker.db.reading() as connection:
        found, following = await connection_views.page(
            connection,
            connection_views.Wanted(wanted.side, wanted.status, wanted.state, wanted.service, wanted.account),
            accounts=principal.accounts(),
            before=wanted.before,
            limit=wanted.limit,
            now=broker.clock.now(),
        )
    return JSONResponse({"connections": found, "next": following})


async def diagnostics(request: Request, broker: Broker) -> JSONResponse:
    principal = await principal_of(request, broker)
    async with broker.db.reading() as connection:
        found = await examine_connection(
            shapes.number(request, "subscription_id"),
            tx=connection,
            mine=principal.accounts(),
            web_url=broker.settings.github_url,
            now=broker.clock.now(),
        )
    if found is None:
        # Only who may see everything learns that something is not there.
        raise ZektError("not_found", "There is no such connection.") if principal.operator else not_yours()
    return JSONResponse(found)


async def overview(request: Request, broker: Broker) -> JSONResponse:
    """How much the broker has to do is the operator's to know: it tells of everybody's deliveries."""
    principal = await principal_of(request, broker)
    now = broker.clock.now()
    async with broker.db.reading() as connection:
        counts, capped = await connection_views.count_states(connection, principal.accounts(), now)
        load = await figures.read(connection, now) if principal.operator else None
    states = {state.value: count for state, count in counts.items()}
    return JSONResponse(
        {
            "connections": {**states, "capped": capped},
            "broker": {"version": __version__, "database": "ok", "load": None if load is None else _load(load)},
        }
    )


def _load(found: figures.Figures) -> dict[str, Any]:
    return {
        "oldestDueSeconds": int(max(found.oldest_due.values())),
        "open": dict(found.open),
        "heldInstallations": found.held,
        "owedWebhooks": found.owed,
        "gaps": found.gaps,
    }
