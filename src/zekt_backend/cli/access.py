"""Who may, and who did: API tokens and the audit trail. Whoever runs these holds the database, and is the operator."""

import json
import re
from datetime import timedelta
from enum import StrEnum
from typing import Annotated, Any

import typer
from rich.console import Console

from zekt_backend.cli.listing import Account, AsJson, Before, Limit, as_time, only, pages, show, with_database
from zekt_backend.clock import SystemClock
from zekt_backend.flows import api_tokens
from zekt_backend.rules.access import OPERATOR, TOKEN_NAME, Right
from zekt_backend.store import api_tokens as stored_tokens
from zekt_backend.store import audit as trail
from zekt_backend.store.database import Listing, Tx

tokens = typer.Typer(no_args_is_help=True)


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
    secret = api_tokens.new_secret()
    wanted = api_tokens.Wanted(account, name, Right(scope), timedelta(days=days))
    made = with_database(lambda db: api_tokens.create(wanted, secret, actor=OPERATOR, now=SystemClock().now(), db=db))
    if as_json:
        typer.echo(json.dumps({**made, "token": secret}, indent=2))
        return
    Console(stderr=True).print(
        f"Token {made['id']} of {made['account']} may {made['scope']} until {as_time(made['expiresAt'])} UTC."
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
