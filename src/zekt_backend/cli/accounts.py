"""Accounts: what each is here for."""

import json
from typing import Annotated, Any

import typer
from rich.console import Console

from zekt_backend.cli.listing import AsJson, Before, Limit, pages, show, with_database
from zekt_backend.clock import SystemClock
from zekt_backend.errors import ZektError
from zekt_backend.flows import accounts as flow
from zekt_backend.rules.access import OPERATOR
from zekt_backend.store import accounts as stored
from zekt_backend.store.database import Database, Listing, Tx

accounts = typer.Typer(no_args_is_help=True)


@accounts.command("list")
def list_accounts(limit: Limit = 50, before: Before = None, as_json: AsJson = False) -> None:
    """Accounts, the newest first."""

    async def read(tx: Tx) -> Listing:
        return await stored.page(tx, accounts=None, before=before, limit=limit)

    def shown(found: list[dict[str, Any]]) -> None:
        rows = [{**row, **{name: "yes" if row[name] else "" for name in flow.PERSONAS}} for row in found]
        show(rows, ("login", "kind", *flow.PERSONAS), ("Account", "Kind", "Provider", "Consumer"))

    pages(read, shown, as_json=as_json)


@accounts.command("show")
def show_account(login: str, as_json: AsJson = False) -> None:
    """One account with its people, as GitHub told last."""

    async def read(db: Database) -> dict[str, Any] | None:
        async with db.reading() as connection:
            account_id = await stored.id_of(connection, login)
            return await stored.shown(connection, account_id) if account_id is not None else None

    found = with_database(read)
    if found is None:
        raise ZektError("not_found", f"There is no account {login!r} here.")
    if as_json:
        typer.echo(json.dumps(found, indent=2))
        return
    personas = " and ".join(name for name in flow.PERSONAS if found[name]) or "neither provider nor consumer yet"
    Console(stderr=True).print(f"{found['login']} ({found['kind']}) is {personas}.", markup=False)
    show(found["members"], ("login", "role"), ("Person", "Role"))


@accounts.command("upgrade")
def upgrade_account(
    login: str,
    provider: Annotated[bool, typer.Option("--provider", help="It provides, too.")] = False,
    consumer: Annotated[bool, typer.Option("--consumer", help="It consumes, too.")] = False,
    as_json: AsJson = False,
) -> None:
    """Add a persona; none is ever taken away."""
    if not (provider or consumer):
        raise typer.BadParameter("say --provider, --consumer or both")
    wanted = {name: True for name, given in (("provider", provider), ("consumer", consumer)) if given}
    found = with_database(
        lambda db: flow.upgrade(login, wanted, version=None, actor=OPERATOR, now=SystemClock().now(), db=db)
    )
    if as_json:
        typer.echo(json.dumps(found, indent=2))
        return
    personas = " and ".join(name for name in flow.PERSONAS if found[name])
    Console(stderr=True).print(f"{found['login']} is {personas}.", markup=False)
