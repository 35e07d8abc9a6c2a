"""Connections: how each is doing, why one failed, and what to do about it."""

import json
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.text import Text

from zekt_backend.cli.listing import Account, AsJson, Before, Limit, only, pages, show, with_database
from zekt_backend.cli.look import plain
from zekt_backend.clock import SystemClock
from zekt_backend.errors import ZektError
from zekt_backend.flows.examine_connection import examine_connection
from zekt_backend.rules.health import State
from zekt_backend.rules.subscription import Standing
from zekt_backend.settings import Settings
from zekt_backend.store import connection_views, subscriptions
from zekt_backend.store.database import Database, Listing, Tx

connections = typer.Typer(no_args_is_help=True)

_STYLES = {"healthy": "green", "warning": "yellow", "critical": "bold red", None: "dim"}
_INDENT = " " * 9
_LARGEST_ID = 2**63 - 1


@connections.command("list")
def list_connections(
    *,
    state: Annotated[State | None, typer.Option(help="Only those that are doing so.")] = None,
    status: Annotated[Standing | None, typer.Option(help="Only those whose subscription stands so.")] = None,
    account: Account = None,
    limit: Limit = 50,
    before: Before = None,
    as_json: AsJson = False,
) -> None:
    """Connections, the newest first, with the figures of 24 hours."""
    wanted = connection_views.Wanted(status=status, state=state)

    async def read(tx: Tx) -> Listing:
        now, accounts = SystemClock().now(), await only(tx, account)
        return await connection_views.page(tx, wanted, accounts=accounts, before=before, limit=limit, now=now)

    def shown(found: list[dict[str, Any]]) -> None:
        names = ("id", "name", "from", "status", "state", "day", "rate", "lastEventAt")
        titles = ("Id", "Connection", "From", "Status", "State", "24 hours", "Succeeded", "Last event")
        show([_row(each) for each in found], names, titles)

    pages(read, shown, as_json=as_json)


def _row(found: dict[str, Any]) -> dict[str, Any]:
    figures = found["statistics"]
    day = f"{figures['succeeded']} of {figures['total']}{'+' if figures['capped'] else ''}"
    rate = None if figures["successRate"] is None else f"{figures['successRate']:.2f} %"
    return {**found, "from": found["provider"]["repository"], "day": day, "rate": rate}


@connections.command("show")
def show_connection(
    name: Annotated[str, typer.Argument(metavar="ID|SERVICE@OWNER/REPO", help="As `zekt connections list` has it.")],
    as_json: AsJson = False,
) -> None:
    """One connection: its figures, why deliveries failed, and what to do. `zekt doctor` asks GitHub, too."""
    web_url = Settings.load().github_url

    async def read(db: Database) -> dict[str, Any]:
        async with db.reading() as tx:
            number = await _id(tx, name)
            now = SystemClock().now()
            found = await examine_connection(number, tx=tx, mine=None, web_url=web_url, now=now) if number else None
        if found is None:
            raise ZektError("not_found", f"There is no connection {name!r}: `zekt connections list` shows them.")
        return found

    found = with_database(read)
    if as_json:
        typer.echo(json.dumps(found, indent=2))
        return
    out = Console()
    _line(out, found["connection"]["name"])
    tell(out, found)


async def _id(tx: Tx, name: str) -> int | None:
    if name.isascii() and name.isdecimal():
        return min(int(name[:20]), _LARGEST_ID)
    service, _, consumer = name.partition("@")
    return await subscriptions.id_of(tx, service, consumer)


def tell(out: Console, found: dict[str, Any]) -> None:
    """Print what `examine_connection` has found."""
    connection, failures = found["connection"], found["failures"]
    state = connection["state"] or connection["status"]
    head = Text(f"{state:<8} ", style=_STYLES[connection["state"]])
    out.print(head + Text(_figures(connection)), highlight=False, soft_wrap=True)
    if failures["count"]:
        groups = "; ".join(f"{group['title']}: {group['count']}" for group in failures["groups"])
        more = "+" if failures["capped"] else ""
        _line(out, f"{_INDENT}{failures['count']}{more} failed in the last 30 days. {groups}.")
    for each in failures["newest"]:
        request = f", GitHub's request {each['githubRequestId']}" if each["githubRequestId"] else ""
        said = each["detail"] or each["category"]
        _line(out, f"{_INDENT}{each['failedAt'][:19]}  {each['deliveryId']}  {said}{request}")
    for remedy in found["recommendations"]:
        _advise(out, remedy)


def _figures(connection: dict[str, Any]) -> str:
    figures, last = connection["statistics"], connection["lastEventAt"]
    if last is None:
        return "There was no delivery yet."
    rate = "" if figures["successRate"] is None else f" ({figures['successRate']:.2f} %)"
    newest = "the newest " if figures["capped"] else ""
    text = f"24 hours: {figures['succeeded']} of {newest}{figures['total']} deliveries succeeded{rate}"
    for name, word in (("failed", "failed"), ("late", "late"), ("underway", "underway"), ("retries", "retries")):
        text += f", {figures[name]} {word}" if figures[name] else ""
    return f"{text}. The last was made at {last[:19].replace('T', ' ')} UTC."


def _advise(out: Console, remedy: dict[str, Any]) -> None:
    fix = remedy["fix"]
    _line(out, f"to do    {remedy['what']}")
    _line(out, f"{_INDENT}{fix['text']}")
    for line in (*fix["commands"], *fix["paste"].splitlines(), *fix["links"]):
        _line(out, f"{_INDENT}    {line}")


def _line(out: Console, text: str) -> None:
    # What strangers wrote is in it: nothing of it is read as markup.
    out.print(plain(text), markup=False, highlight=False, soft_wrap=True)
