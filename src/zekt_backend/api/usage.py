"""`GET /api/usage`: what each account has used, and what that would cost."""

import asyncio
from datetime import UTC, date, timedelta
from typing import Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator
from starlette.requests import Request
from starlette.responses import JSONResponse

from zekt_backend.api import shapes
from zekt_backend.api.access import principal_of, readable
from zekt_backend.broker import Broker
from zekt_backend.errors import ZektError
from zekt_backend.rules.usage import MOST_DAYS, MOST_LINES, report
from zekt_backend.store import usage
from zekt_backend.store.database import Tx, bounded

_ONE = asyncio.Semaphore(1)
_LONGEST = 10.0
"""Seconds that the database is given for one statement of it."""


class Period(BaseModel):
    """Query parameters. Without `to`, until today; without `from`, since the first of that month."""

    model_config = ConfigDict(extra="forbid")

    first: date | None = Field(default=None, alias="from")
    last: date | None = Field(default=None, alias="to")
    by: Literal["day", "workflow"] = "day"
    account: str | None = Field(default=None, max_length=100)

    @model_validator(mode="after")
    def _is_one(self) -> Self:
        if self.first and self.last and not timedelta(0) <= self.last - self.first < timedelta(days=MOST_DAYS):
            raise ValueError(f"`from` must not be after `to`, nor more than {MOST_DAYS} days before its end")
        return self


async def of_accounts(request: Request, broker: Broker) -> JSONResponse:
    """Of every account that the caller may read."""
    principal = await principal_of(request, broker)
    wanted = shapes.query(Period, request)
    today = broker.clock.now().astimezone(UTC).date()
    # Days that are not closed are counted row by row: one at a time, so that the doors of GitHub and runs stay open.
    async with _ONE, broker.db.transaction() as connection, bounded(connection, _LONGEST):
        whose = await readable(connection, principal, wanted.account)
        told = await read(connection, wanted, whose, today)
    settings = broker.settings
    return JSONResponse({**told[0], "currency": settings.currency, **report(told[1], settings.prices)})


async def read(
    tx: Tx, wanted: Period, accounts: list[int] | None, today: date
) -> tuple[dict[str, str], list[dict[str, Any]]]:
    """(what was asked for, its lines).

    Raises:
        ZektError: `body_invalid` when there are too many lines, or days.
    """
    last = wanted.last or max(today, wanted.first or today)
    first = wanted.first or last.replace(day=1)
    if last - first >= timedelta(days=MOST_DAYS):
        raise ZektError("body_invalid", f"At most {MOST_DAYS} days at a time.")
    lines = usage.of_days if wanted.by == "day" else usage.of_workflows
    rows = await lines(tx, first=first, last=last, accounts=accounts, limit=MOST_LINES + 1)
    if len(rows) > MOST_LINES:
        raise ZektError("body_invalid", f"More than {MOST_LINES:,} lines: ask for fewer days, or for one account.")
    return {"from": first.isoformat(), "to": last.isoformat(), "by": wanted.by}, rows
