"""`GET /api/events/{id}/decision`: why did this (not) arrive?"""

from collections.abc import Sequence
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse

from zekt_backend.api.access import principal_of
from zekt_backend.broker import Broker
from zekt_backend.errors import ZektError
from zekt_backend.rules import explanation
from zekt_backend.rules.access import Principal, Right
from zekt_backend.store import explanations
from zekt_backend.store.database import Tx


async def decision(request: Request, broker: Broker) -> JSONResponse:
    """All of it for the provider; for a consumer what is its own."""
    principal = await principal_of(request, broker)
    async with broker.db.reading() as connection:
        keys, only = await explanations.find(connection, request.path_params["event_id"][:100])
        if not keys:
            principal.require(None, Right.READ)
            raise ZektError("not_found", "There is no such event, and no such message.")
        rows = [await explanations.of_attempt(connection, key) for key in keys]
        whole = explanation.explain_all(rows, only=only)
        if not principal.may(rows[0]["account"], Right.READ):
            whole = explanation.for_consumer(whole, await _own(connection, principal, whole, rows))
    return JSONResponse(whole)


async def _own(tx: Tx, principal: Principal, whole: dict[str, Any], rows: Sequence[dict[str, Any]]) -> dict[int, bool]:
    """The subscriptions of the caller's accounts that were asked about, and whether each one's provider hides, or did.

    At least one, or it is not theirs to see.
    """
    hidden = {id_ for row in rows for decision in row["decisions"] for id_ in decision["reasons"].get("hidden", ())}
    asked = {c["subscription"] for d in whole["decisions"] for c in d["consumers"] if c["subscription"] is not None}
    consumers = await explanations.consumers_of(tx, sorted(asked))
    own = {
        id_: hides or id_ in hidden for id_, (account, hides) in consumers.items() if principal.may(account, Right.READ)
    }
    if not own:
        principal.require(None, Right.READ)
    return own
