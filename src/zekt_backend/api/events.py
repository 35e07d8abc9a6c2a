"""`GET /api/events`: ends of runs, and whether each was delivered to anybody."""

from typing import Literal

from pydantic import Field
from starlette.requests import Request
from starlette.responses import JSONResponse

from zekt_backend.api import shapes
from zekt_backend.api.access import principal_of
from zekt_backend.broker import Broker
from zekt_backend.store import events, repositories
from zekt_backend.store.database import bounded

_LONGEST = 10.0
"""Seconds that the database is given: a filter may find little among very many."""


class Which(shapes.Page):
    """Which events."""

    run_id: int | None = Field(default=None, ge=1, le=2**63 - 1)
    repository: str | None = Field(default=None, max_length=200)
    outcome: Literal["delivered", "blocked"] | None = None


async def listing(request: Request, broker: Broker) -> JSONResponse:
    """Those of the caller's own repositories: an event is its provider's, whoever consumes what follows from it."""
    principal = await principal_of(request, broker)
    wanted = shapes.query(Which, request)
    async with broker.db.transaction() as tx, bounded(tx, _LONGEST):
        found, following = await events.page(
            tx,
            events.Wanted(wanted.run_id, wanted.repository, wanted.outcome),
            mine=await repositories.of_accounts(tx, principal.accounts()),
            before=wanted.before,
            limit=wanted.limit,
        )
    return JSONResponse({"events": found, "next": following})
