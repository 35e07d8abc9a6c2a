"""What listings have in common: a page from the database, as a table or as JSON."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import Annotated, Any, TypeVar

import typer
from rich.console import Console
from rich.table import Column, Table
from rich.text import Text

from zekt_backend.cli.look import plain
from zekt_backend.errors import ZektError
from zekt_backend.settings import Settings
from zekt_backend.store import accounts, schema, server
from zekt_backend.store.database import Database, Listing, Tx

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Limit = Annotated[int, typer.Option(min=1, max=500)]
Before = Annotated[
    int | None, typer.Option(min=1, max=2**63 - 1, metavar="N", help="Only what comes after the page that told it.")
]
Account = Annotated[str | None, typer.Option(metavar="LOGIN", help="Only of this account.")]
_Result = TypeVar("_Result")
_WIDTH = 150
"""At least so wide: a pipe has no width, and names and times are there to be read whole."""


async def only(connection: Any, login: str | None) -> list[int] | None:
    """The account of that login alone; of None: all of them."""
    if login is None:
        return None
    account_id = await accounts.id_of(connection, login)
    if account_id is None:
        raise ZektError("not_found", f"There is no account {login!r} here.")
    return [account_id]


def with_database(work: Callable[[Database], Awaitable[_Result]]) -> _Result:
    settings = Settings.load()

    async def main(url: str) -> _Result:
        db = await Database(url, size=2).open()
        try:
            return await work(db)
        finally:
            await db.close()

    with server.database(settings) as url:
        schema.migrate(url)
        return asyncio.run(main(url))


def pages(
    read: Callable[[Tx], Awaitable[Listing]], shown: Callable[[list[dict[str, Any]]], None], *, as_json: bool
) -> None:
    """Prints one page to standard output, and to standard error how to get the next one, if there is one."""

    async def page(db: Database) -> Listing:
        async with db.reading() as connection:
            return await read(connection)

    found, following = with_database(page)
    if as_json:
        typer.echo(json.dumps(found, indent=2))
    else:
        shown(found)
    tell_next(following)


def tell_next(following: int | None) -> None:
    if following is not None:
        typer.echo(f"More: --before {following}", err=True)


def show(found: list[dict[str, Any]], names: tuple[str, ...], titles: tuple[str, ...]) -> None:
    table = Table(*(Column(title, overflow="fold") for title in titles))
    for row in found:
        # Names come from strangers: as Text, none of it is read as markup.
        table.add_row(*(Text(_cell(name, row[name])) for name in names))
    Console(width=max(Console().width, _WIDTH)).print(table if found else "Nothing yet.")


def _cell(name: str, value: Any) -> str:
    if value is None:
        return ""
    return as_time(value) if name == "at" or name.endswith("At") else plain(value)


def as_time(value: str) -> str:
    return value[:19].replace("T", " ")
