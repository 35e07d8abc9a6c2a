"""What followed from what: trace."""

import asyncio
import json
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Column, Table
from rich.text import Text

from zekt_backend.api.traces import readable
from zekt_backend.cli.listing import AsJson
from zekt_backend.cli.look import plain
from zekt_backend.errors import ZektError
from zekt_backend.flows.follow_chain import follow_chain
from zekt_backend.settings import Settings
from zekt_backend.store import server
from zekt_backend.store.database import one_connection

_NARROWEST = 170
_STEPS = ("toEvent", "toDispatch", "toConfirm", "toComplete", "total")
_SECOND, _MINUTE, _HOUR = 1_000, 60_000, 3_600_000


def trace(
    correlation_id: Annotated[str, typer.Argument(help="The id of any run in the chain, as in its address at GitHub.")],
    as_json: AsJson = False,
) -> None:
    """The whole chain around a run: its first cause, and all that followed, with how long each step took."""
    with server.database(Settings.load()) as url:
        found = asyncio.run(_read(url, correlation_id))
    if as_json:
        typer.echo(json.dumps(found, indent=2))
    else:
        _show(found)


async def _read(url: str, correlation_id: str) -> dict[str, Any]:
    async with one_connection(url) as connection:
        found = await follow_chain(connection, correlation_id, mine=None)
    if found is None:
        why = f"No run {correlation_id!r} has sent anything, or its end is not known: `zekt explain RUN_ID` says more."
        raise ZektError("not_found", why)
    shown: dict[str, Any] = readable(found)
    return shown


def _show(found: dict[str, Any]) -> None:
    columns = ("Event type", "Status", "Began (UTC)")
    waits = [Column(name, justify="right") for name in ("Run", "Dispatch", "Confirm", "Complete", "All")]
    table = Table(Column("From", no_wrap=True), Column("To", no_wrap=True), *columns, *waits)
    for hop in found["hops"]:
        began = hop["messageReceivedAt"] or hop["eventReceivedAt"] or hop["decidedAt"] or ""
        cells = (
            "   " * max(hop["depth"] - 1, 0) + ("└─ " if hop["depth"] else "") + str(hop["provider"]),
            hop["consumer"] or "nobody",
            hop["eventType"] or "",
            _status(hop),
            began[:19].replace("T", " "),
            *(_wait(hop["durations"][name]) for name in _STEPS),
        )
        # Names and event types come from strangers: as Text, none of it is read as markup.
        table.add_row(*(Text(plain(cell)) for cell in cells))
    out = Console()
    Console(width=max(out.width, _NARROWEST)).print(table)
    out.print(f"{len(found['hops'])} hops in {_wait(found['durationMs'])}; trace {found['traceId']}", soft_wrap=True)
    for hop in found["hops"]:
        if hop["deliveryId"]:
            out.print(f"  {hop['hop']}  {plain(hop['deliveryId'])}", markup=False, soft_wrap=True)
    if found["more"]:
        out.print("There is more: ask for the id of a run further down.", style="yellow")


def _status(hop: dict[str, Any]) -> str:
    marks = [hop["status"]]
    if hop["conclusion"] not in (None, "success"):
        marks.append(hop["conclusion"])
    if hop["isReplay"]:
        marks.append("replay")
    if hop["asked"]:
        marks.append("← asked")
    return " ".join(marks)


def _wait(ms: int | None) -> str:
    if ms is None:
        return ""
    if ms < _SECOND:
        return f"{ms} ms"
    for unit, name in ((_HOUR, "h"), (_MINUTE, "min")):
        if ms >= 2 * unit:
            return f"{ms / unit:.1f} {name}"
    return f"{ms / _SECOND:.1f} s"
