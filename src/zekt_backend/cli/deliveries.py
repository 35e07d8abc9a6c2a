"""Deliveries, one or many."""

import asyncio
import json
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Column, Table
from rich.text import Text

from zekt_backend import process
from zekt_backend.cli.access import AsJson, Before, Limit, tell_next
from zekt_backend.cli.look import plain
from zekt_backend.errors import ZektError
from zekt_backend.rules.lifecycle import Status
from zekt_backend.settings import Settings
from zekt_backend.store import delivery_views
from zekt_backend.store.database import Listing, one_connection

_NARROWEST = 170


def deliveries(
    delivery_id: Annotated[str | None, typer.Argument(help="Show this one, with history and attempts.")] = None,
    status: Annotated[Status | None, typer.Option(help="Only those that stand so.")] = None,
    limit: Limit = 50,
    before: Before = None,
    as_json: AsJson = False,
) -> None:
    """What became of each delivery, newest first."""
    settings = Settings.load()
    with process.database(settings) as url:
        found, following = asyncio.run(_read(url, delivery_id, status.value if status else None, before, limit))
    if as_json:
        typer.echo(json.dumps(found if delivery_id is None else found[0], indent=2))
    elif delivery_id is None:
        # Ids are there to be copied: no terminal is too narrow for them, and a pipe has no width.
        Console(width=max(Console().width, _NARROWEST)).print(_table(found) if found else "No deliveries.")
    else:
        _print_one(found[0])
    tell_next(following)


async def _read(url: str, delivery_id: str | None, status: str | None, before: int | None, limit: int) -> Listing:
    async with one_connection(url) as connection:
        if delivery_id is None:
            return await delivery_views.page(
                connection, status=status, correlation_id=None, consumer=None, before=before, limit=limit
            )
        found = await delivery_views.whole(connection, delivery_id)
    if found is None:
        raise ZektError("not_found", f"There is no delivery {delivery_id!r}: `zekt deliveries` lists them.")
    return [found], None


def _table(found: list[dict[str, Any]]) -> Table:
    columns = ("From", "To", "Event type", "Status", "Attempts", "Replay", "Created (UTC)")
    table = Table(Column("Delivery", no_wrap=True), *columns)
    for row in found:
        row["createdAt"] = row["createdAt"][:19].replace("T", " ")
        row["isReplay"] = "yes" if row["isReplay"] else ""
        cells = ("deliveryId", "provider", "consumer", "eventType", "status", "attempts", "isReplay", "createdAt")
        # Names and event types come from strangers: as Text, none of it is read as markup.
        table.add_row(*(Text(plain(row[cell])) for cell in cells))
    return table


def _print_one(found: dict[str, Any]) -> None:
    out = Console()
    for key, value in found.items():
        if key not in ("history", "attemptList", "decision") and value not in (None, []):
            shown = ", ".join(value) if isinstance(value, list) else value
            out.print(f"{key:>15}  {plain(shown)}", markup=False, soft_wrap=True)
    for line in found["history"]:
        text = f"{line['at']}  {line['fact']:<10} {line['from'] or '-'} → {line['to']}  {plain(line['detail'])}"
        out.print(text, markup=False, soft_wrap=True)
