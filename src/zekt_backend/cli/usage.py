"""What was used: usage."""

import asyncio
import json
from datetime import UTC, datetime
from typing import Annotated, Any

import typer
from pydantic import ValidationError
from rich.console import Console
from rich.table import Column, Table
from rich.text import Text

from zekt_backend.api import bodies
from zekt_backend.api.usage import Period, read
from zekt_backend.cli.look import plain
from zekt_backend.clock import SystemClock
from zekt_backend.errors import ZektError
from zekt_backend.rules.usage import COUNTS, report
from zekt_backend.settings import Settings
from zekt_backend.store import accounts, server
from zekt_backend.store.database import one_connection

_DAY = ["%Y-%m-%d"]
_NARROWEST = 200
"""Columns: names are there to be copied, and a pipe has no width."""


def usage(
    first: Annotated[
        datetime | None, typer.Option("--from", formats=_DAY, help="First day, UTC; else the first of that month.")
    ] = None,
    last: Annotated[datetime | None, typer.Option("--to", formats=_DAY, help="Last day, UTC; else today.")] = None,
    by: Annotated[str, typer.Option(help="day or workflow.")] = "day",
    account: Annotated[str | None, typer.Option(help="Of this account alone.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """What each account has used, per day or workflow, with what it would cost by ZEKT_PRICES."""
    given = {"from": first and first.date(), "to": last and last.date(), "by": by, "account": account}
    try:
        wanted = Period.model_validate({name: value for name, value in given.items() if value is not None})
    except ValidationError as error:
        raise bodies.invalid(error) from None
    settings = Settings.load()
    with server.database(settings) as url:
        asked, rows = asyncio.run(_read(url, wanted))
    found = {**asked, "currency": settings.currency, **report(rows, settings.prices)}
    if as_json:
        typer.echo(json.dumps(found, indent=2))
    else:
        Console(width=max(Console().width, _NARROWEST)).print(_table(found))


async def _read(url: str, wanted: Period) -> tuple[dict[str, str], list[dict[str, Any]]]:
    today = SystemClock().now().astimezone(UTC).date()
    async with one_connection(url) as connection:
        if wanted.account is None:
            return await read(connection, wanted, None, today)
        account = await accounts.id_of(connection, wanted.account)
        if account is None:
            raise ZektError("not_found", f"There is no account {wanted.account!r}.")
        return await read(connection, wanted, [account], today)


def _table(found: dict[str, Any]) -> Table:
    named = ("account", "day") if found["by"] == "day" else ("account", "repository", "workflowPath")
    costs = ("cost", "blockedCost")
    title = f"{found['from']} to {found['to']}, costs in {found['currency']}"
    columns = [Column(name, no_wrap=True) for name in named]
    columns += [Column(name, justify="right") for name in (*COUNTS, *costs)]
    table = Table(*columns, title=plain(title))
    for row in found["usage"]:
        table.add_row(*(Text(plain(row[name])) for name in (*named, *COUNTS, *costs)))
    table.add_section()
    table.add_row("total", *[""] * (len(named) - 1), *(str(found["total"][name]) for name in (*COUNTS, *costs)))
    return table
