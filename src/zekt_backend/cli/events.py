"""Ends of runs, and whether each was delivered to anybody."""

from enum import StrEnum
from typing import Annotated, Any

import typer

from zekt_backend.cli.listing import Account, AsJson, Before, Limit, only, pages, show
from zekt_backend.store import events as stored
from zekt_backend.store import repositories
from zekt_backend.store.database import Listing, Tx


class Outcome(StrEnum):
    DELIVERED = "delivered"
    BLOCKED = "blocked"


def events(
    *,
    run_id: Annotated[int | None, typer.Option("--run", min=1, max=2**63 - 1, help="Only of this run.")] = None,
    repository: Annotated[str | None, typer.Option(metavar="OWNER/REPO", help="Only of this repository.")] = None,
    outcome: Annotated[Outcome | None, typer.Option(help="Only those that ended so.")] = None,
    account: Account = None,
    limit: Limit = 50,
    before: Before = None,
    as_json: AsJson = False,
) -> None:
    """Ends of runs as GitHub told them, the newest first. Why each did (not) arrive: zekt explain RUN."""
    wanted = stored.Wanted(run_id, repository, outcome)

    async def read(tx: Tx) -> Listing:
        mine = await repositories.of_accounts(tx, await only(tx, account))
        return await stored.page(tx, wanted, mine=mine, before=before, limit=limit)

    def shown(found: list[dict[str, Any]]) -> None:
        names = ("guid", "repository", "runId", "runAttempt", "conclusion", "headBranch", "receivedAt", "outcome")
        show(found, names, ("Event", "Repository", "Run", "Attempt", "Conclusion", "Branch", "Received", "Outcome"))

    pages(read, shown, as_json=as_json)
