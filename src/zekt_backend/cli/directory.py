"""The directory of services."""

import json
from typing import Annotated, Any

import typer

from zekt_backend.cli.access import Account, AsJson, Limit, only, show, with_database
from zekt_backend.store import market
from zekt_backend.store.database import Database

directory = typer.Typer(help="The directory: services to subscribe to.", no_args_is_help=True)


@directory.command("search")
def search(
    text: Annotated[str | None, typer.Argument(help="As in a web search; nothing finds everything.")] = None,
    tag: Annotated[str | None, typer.Option(help="Only with this tag.")] = None,
    account: Account = None,
    limit: Limit = 50,
    as_json: AsJson = False,
) -> None:
    """Services that are published and not unlisted, the newest first; with --account as that account finds them."""

    async def read(db: Database) -> list[dict[str, Any]]:
        async with db.reading() as connection:
            whose = await only(connection, account)
            found, _ = await market.search(
                connection, accounts=whose, text=(text or "").strip() or None, tag=tag, before=None, limit=limit
            )
            return found

    found = with_database(read)
    if as_json:
        typer.echo(json.dumps(found, indent=2))
        return
    rows = [{**row, "tags": " ".join(row["tags"]), "badge": row["badge"].replace("-", " ")} for row in found]
    show(rows, ("slug", "alias", "provider", "badge", "eventType", "tags"), _TITLES)


_TITLES = ("Service", "Alias", "Provider", "Trust", "Event type", "Tags")
