"""Who may, and who did: API tokens and the audit trail. Whoever runs these holds the database, and is the operator."""

import asyncio
import json
import re
from collections.abc import Awaitable, Callable
from datetime import timedelta
from enum import StrEnum
from typing import Annotated, Any, TypeVar

import typer
from rich.console import Console
from rich.table import Column, Table
from rich.text import Text

from zekt_backend import process
from zekt_backend.broker import new_api_token
from zekt_backend.cli.look import plain
from zekt_backend.clock import SystemClock
from zekt_backend.errors import ZektError
from zekt_backend.flows import api_tokens
from zekt_backend.rules.access import OPERATOR, TOKEN_NAME, Right
from zekt_backend.settings import Settings
from zekt_backend.store import accounts, schema
from zekt_backend.store import api_tokens as stored_tokens
from zekt_backend.store import audit as trail
from zekt_backend.store.database import Database, Listing, Tx

tokens = typer.Typer(help="API tokens, for automation: each acts for one account.", no_args_is_help=True)

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Limit = Annotated[int, typer.Option(min=1, max=500)]
Before = Annotated[
    int | None, typer.Option(min=1, max=2**63 - 1, metavar="N", help="Only what comes after the page that told it.")
]
Account = Annotated[str | None, typer.Option(metavar="LOGIN", help="Only of this account.")]
_Result = TypeVar("_Result")
_WIDTH = 150
"""At least so wide: a pipe has no width, and names and times are there to be read whole."""


class Scope(StrEnum):
    READ = "read"
    MANAGE = "manage"


@tokens.command("create")
def create_token(
    account: Annotated[str, typer.Argument(metavar="LOGIN", help="The account that it acts for.")],
    name: Annotated[str, typer.Argument(help="What it is for; it stands in the audit trail.")],
    scope: Annotated[Scope, typer.Option(help="What it may do.")] = Scope.READ,
    days: Annotated[int, typer.Option(min=1, max=366, help="When it expires.")] = 90,
    as_json: AsJson = False,
) -> None:
    """Make a token. It is printed this once, to standard output; only its digest is kept."""
    if not re.fullmatch(TOKEN_NAME, name):
        raise typer.BadParameter("up to 100 letters, digits, spaces and . _ @ / -", param_hint="NAME")
    secret = new_api_token()
    wanted = api_tokens.Wanted(account, name, Right(scope), timedelta(days=days))
    made = with_database(lambda db: api_tokens.create(wanted, secret, actor=OPERATOR, now=SystemClock().now(), db=db))
    if as_json:
        typer.echo(json.dumps({**made, "token": secret}, indent=2))
        return
    Console(stderr=True).print(
        f"Token {made['id']} of {made['account']} may {made['scope']} until {_time(made['expiresAt'])} UTC."
        " It is not shown again:",
        markup=False,
    )
    typer.echo(secret)


@tokens.command("list")
def list_tokens(account: Account = None, limit: Limit = 50, before: Before = None, as_json: AsJson = False) -> None:
    """Tokens, the newest first; never their text."""

    async def read(tx: Tx) -> Listing:
        return await stored_tokens.page(tx, accounts=await only(tx, account), before=before, limit=limit)

    def shown(found: list[dict[str, Any]]) -> None:
        names = ("account", "name", "scope", "createdBy", "expiresAt", "lastUsedAt", "revokedAt")
        show(found, ("id", *names), ("Token", "Account", "Name", "May", "By", "Expires", "Last used", "Revoked"))

    pages(read, shown, as_json=as_json)


@tokens.command("revoke")
def revoke_token(token_id: Annotated[int, typer.Argument(metavar="ID", min=1)]) -> None:
    """From now on the token opens nothing."""
    token = with_database(lambda db: api_tokens.revoke(token_id, actor=OPERATOR, now=SystemClock().now(), db=db))
    Console(stderr=True).print(f"Token {token['id']} ({token['name']}) of {token['account']} is revoked.", markup=False)


def audit(account: Account = None, limit: Limit = 50, before: Before = None, as_json: AsJson = False) -> None:
    """Who changed what, the newest first."""

    async def read(tx: Tx) -> Listing:
        return await trail.page(tx, accounts=await only(tx, account), before=before, limit=limit)

    def shown(found: list[dict[str, Any]]) -> None:
        for line in found:
            sides = (line["before"], line["after"])
            line["change"] = " → ".join("-" if side is None else json.dumps(side, ensure_ascii=False) for side in sides)
        names = ("at", "actor", "account", "action", "subject", "change")
        show(found, names, ("At", "Who", "Account", "Did", "To", ""))

    pages(read, shown, as_json=as_json)


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

    with process.database(settings) as url:
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
    return _time(value) if name == "at" or name.endswith("At") else plain(value)


def _time(value: str) -> str:
    return value[:19].replace("T", " ")
