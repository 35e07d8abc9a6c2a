"""The directory of services."""

from typing import Annotated, Any

import typer

from zekt_backend.cli.listing import Account, AsJson, Before, Limit, only, pages, show
from zekt_backend.store import market
from zekt_backend.store.database import Listing, Tx

directory = typer.Typer(no_args_is_help=True)


@directory.command("search")
def search(
    *,
    text: Annotated[str | None, typer.Argument(help="As in a web search; nothing finds everything.")] = None,
    tag: Annotated[str | None, typer.Option(help="Only with this tag.")] = None,
    account: Account = None,
    limit: Limit = 50,
    before: Before = None,
    as_json: AsJson = False,
) -> None:
    """Services that are published and not unlisted, the newest first; with --account as that account finds them."""

    async def read(tx: Tx) -> Listing:
        return await market.search(
            tx,
            accounts=await only(tx, account),
            text=(text or "").strip() or None,
            tag=tag,
            before=before,
            limit=limit,
        )

    def shown(found: list[dict[str, Any]]) -> None:
        rows = [{**row, "tags": " ".join(row["tags"]), "badge": row["badge"].replace("-", " ")} for row in found]
        show(rows, ("slug", "alias", "provider", "badge", "eventType", "tags"), _TITLES)

    pages(read, shown, as_json=as_json)


_TITLES = ("Service", "Alias", "Provider", "Trust", "Event type", "Tags")
