"""`GET /api/traces/{correlationId}`: what a run was caused by, and all that followed, across organisations."""

import json
from datetime import datetime
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse

from zekt_backend.api.access import principal_of
from zekt_backend.broker import Broker
from zekt_backend.errors import ZektError
from zekt_backend.flows.follow_chain import follow_chain
from zekt_backend.rules.access import not_yours
from zekt_backend.store import repositories


async def trace(request: Request, broker: Broker) -> JSONResponse:
    principal = await principal_of(request, broker)
    async with broker.db.reading() as connection:
        mine = await repositories.of_accounts(connection, principal.accounts())
        found = await follow_chain(connection, request.path_params["correlation_id"][:100], mine=mine)
    if found is None:
        # Only who may see everything learns that something is not there.
        raise ZektError("not_found", "No run with this id has sent anything.") if principal.operator else not_yours()
    return JSONResponse(readable(found))


def readable(found: Any) -> Any:
    """As JSON has it: times in ISO 8601."""
    return json.loads(json.dumps(found, default=datetime.isoformat))
