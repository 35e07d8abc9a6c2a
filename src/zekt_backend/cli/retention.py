"""What was let go of, and what would go now."""

import json
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from zekt_backend.cli.listing import AsJson, with_database
from zekt_backend.clock import SystemClock
from zekt_backend.flows.retain import Kept, shown
from zekt_backend.settings import Settings
from zekt_backend.store.database import Database

_COLUMNS = ("payloadsExpired", "payloadsDispatched", "payloadBytes", "deliveries", "events", "messages")
_DAY = 86_400


def retention(
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Tell what the next round would let go.")] = False,
    as_json: AsJson = False,
) -> None:
    """How long what is kept, and what the workers have let go."""

    async def read(db: Database) -> dict[str, Any]:
        async with db.reading() as tx:
            return await shown(tx, Kept.of(Settings.load()), SystemClock().now())

    told = with_database(read)
    if as_json:
        typer.echo(json.dumps(told, indent=2))
        return
    out = Console()
    for name, what in (("payloadRetention", "Messages"), ("deliveryRetention", "Deliveries, events and decisions")):
        out.print(f"{what} are kept for {told[name] / _DAY:g} days.")
    out.print(f"Messages of fire-and-forget deliveries: {told['flushAfter'] / 3600:g} hours after their dispatch.")
    if dry_run:
        out.print("Due now: " + ", ".join(f"{number} {name}" for name, number in told["due"].items()) + ".")
    table = Table("Day", "Messages past it", "Dispatched", "Bytes", "Deliveries", "Events", "Messages deleted")
    for row in (*told["days"], {"day": "in all", **told["total"]}):
        table.add_row(row["day"], *(f"{row[name]:,}" for name in _COLUMNS))
    out.print(table)
