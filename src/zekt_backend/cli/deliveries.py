"""Deliveries, one or many."""

import asyncio
import json
import re
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Column, Table
from rich.text import Text

from zekt_backend.cli.listing import AsJson, Before, Limit, tell_next
from zekt_backend.cli.look import plain
from zekt_backend.clock import SystemClock
from zekt_backend.errors import ZektError
from zekt_backend.rules.lifecycle import Status
from zekt_backend.settings import Settings
from zekt_backend.store import delivery_views, server, subscriptions
from zekt_backend.store.database import Listing, Tx, one_connection
from zekt_backend.store.delivery_search import Wanted

_NARROWEST = 170
_UNITS = {"m": timedelta(minutes=1), "h": timedelta(hours=1), "d": timedelta(days=1)}


def moment(given: str) -> datetime:
    """A time with its offset (`2026-11-21T08:00Z`), a day (UTC), or how long ago: `90m`, `36h`, `7d`."""
    ago = re.fullmatch(r"([1-9][0-9]{0,4})([mhd])", given)
    if ago:
        return SystemClock().now() - int(ago[1]) * _UNITS[ago[2]]
    try:
        found = datetime.fromisoformat(given)
    except ValueError:
        raise typer.BadParameter("a time as 2026-11-21T08:00Z, a day as 2026-11-21, or as 90m, 36h, 7d ago") from None
    return found if found.tzinfo else found.replace(tzinfo=UTC)


Since = Annotated[
    datetime | None, typer.Option(parser=moment, metavar="TIME", help="Made then or later: a time, a day, or 36h, 7d.")
]
Until = Annotated[datetime | None, typer.Option(parser=moment, metavar="TIME", help="Made before then.")]
Statuses = Annotated[list[Status] | None, typer.Option("--status", help="Only those that stand so; may be repeated.")]


def deliveries(
    delivery_id: Annotated[str | None, typer.Argument(help="Show this one, with history and attempts.")] = None,
    *,
    status: Statuses = None,
    connection: Annotated[
        str | None, typer.Option(metavar="CONNECTION", help="Only of this one: its id, or SERVICE-SLUG@OWNER/REPO.")
    ] = None,
    since: Since = None,
    until: Until = None,
    limit: Limit = 50,
    before: Before = None,
    as_json: AsJson = False,
) -> None:
    """What became of each delivery, newest first."""
    statuses = tuple(one.value for one in status or ())

    async def read(tx: Tx) -> Listing:
        if delivery_id is not None:
            return await _one(tx, delivery_id)
        chosen = await connection_id(tx, connection) if connection else None
        wanted = Wanted(statuses, connection=chosen, since=since, until=until)
        return await delivery_views.page(tx, wanted, before=before, limit=limit)

    with server.database(Settings.load()) as url:
        found, following = asyncio.run(_read(url, read))
    if as_json:
        typer.echo(json.dumps(found if delivery_id is None else found[0], indent=2))
    elif delivery_id is None:
        # Ids are there to be copied: no terminal is too narrow for them, and a pipe has no width.
        Console(width=max(Console().width, _NARROWEST)).print(_table(found) if found else "No deliveries.")
    else:
        _print_one(found[0])
    tell_next(following)


async def connection_id(tx: Tx, name: str) -> int:
    """By the subscription's id, or by SERVICE-SLUG@OWNER/REPO.

    Raises:
        ZektError: `not_found`.
    """
    if re.fullmatch("[1-9][0-9]{0,17}", name):
        found = int(name) if await subscriptions.homes_of(tx, int(name)) else None
    else:
        slug, _, consumer = name.partition("@")
        found = await subscriptions.id_of(tx, slug, consumer)
    if found is None:
        raise ZektError("not_found", f"There is no connection {name!r}: `zekt subscriptions list` lists them.")
    return found


async def _read(url: str, read: Callable[[Tx], Awaitable[Listing]]) -> Listing:
    async with one_connection(url) as connection:
        return await read(connection)


async def _one(tx: Tx, delivery_id: str) -> Listing:
    found = await delivery_views.whole(tx, delivery_id)
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
        if key not in ("history", "attemptList", "decision", "run", "sides") and value not in (None, []):
            shown = ", ".join(value) if isinstance(value, list) else value
            out.print(f"{key:>15}  {plain(shown)}", markup=False, soft_wrap=True)
    for line in found["history"]:
        text = f"{line['at']}  {line['fact']:<10} {line['from'] or '-'} → {line['to']}  {plain(line['detail'])}"
        out.print(text, markup=False, soft_wrap=True)
