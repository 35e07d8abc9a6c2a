"""Notices of failure: where an account is told, and what it was told."""

import asyncio
import json
from collections.abc import Mapping
from contextlib import closing
from typing import Annotated, Any

import typer
from rich.console import Console

from zekt_backend.broker import github_app
from zekt_backend.broker import sandbox as stand_in
from zekt_backend.cli.listing import Account, AsJson, Before, Limit, only, pages, show, with_database
from zekt_backend.clock import SystemClock
from zekt_backend.errors import ZektError
from zekt_backend.flows import notices as flow
from zekt_backend.flows import notifier
from zekt_backend.flows.change import Change
from zekt_backend.flows.notices import Wanted
from zekt_backend.rules.access import OPERATOR
from zekt_backend.rules.notices import Answered
from zekt_backend.settings import Settings
from zekt_backend.store import accounts, notice_settings
from zekt_backend.store import notices as stored
from zekt_backend.store.database import Database, Listing, Tx
from zekt_backend.store.notice_settings import Chosen

notices = typer.Typer(no_args_is_help=True)

Login = Annotated[str, typer.Argument(metavar="LOGIN", help="The account that is told.")]


@notices.command("list")
def list_notices(account: Account = None, limit: Limit = 50, before: Before = None, as_json: AsJson = False) -> None:
    """What accounts were told, the newest first."""

    async def read(tx: Tx) -> Listing:
        return await stored.page(tx, accounts=await only(tx, account), before=before, limit=limit)

    def shown(found: list[dict[str, Any]]) -> None:
        rows = [{**row, "of": f"{row['service']}@{row['consumer']}", "times": str(row["times"])} for row in found]
        names = ("day", "account", "channel", "kind", "of", "times", "status", "answer")
        show(rows, names, ("Day", "Account", "By", "Told", "Connection", "Times", "Status", "Answer"))

    pages(read, shown, as_json=as_json)


@notices.command("show")
def show_notices(login: Login, as_json: AsJson = False) -> None:
    """Where an account is told."""

    async def read(db: Database) -> Chosen:
        return await _chosen(db, login)

    _tell(with_database(read), as_json)


@notices.command("set")
def set_notices(
    login: Login,
    url: Annotated[str | None, typer.Option(help="An https address that takes Standard Webhooks.")] = None,
    issues: Annotated[
        str | None, typer.Option(metavar="OWNER/REPO", help="One of its repositories, for GitHub issues.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Choose where an account is told: there, and nowhere else. `zekt notices rotate` gives the signing secret."""
    settings = Settings.load()
    if url is None and issues is None:
        raise typer.BadParameter("say --url, --issues or both; `zekt notices remove` tells nothing more")

    async def work(db: Database) -> Chosen:
        account_id = (await _chosen(db, login)).account_id
        development = await asyncio.to_thread(_post(settings).is_development)
        terms = notifier.terms(settings)
        wanted = Wanted(url, issues)
        return await flow.choose(account_id, wanted, _change(), db=db, terms=terms, development=development)

    _tell(with_database(work), as_json)


@notices.command("remove")
def remove_notices(login: Login, as_json: AsJson = False) -> None:
    """Tell the account nothing more; its secret never signs again."""

    async def work(db: Database) -> Chosen:
        return await flow.remove((await _chosen(db, login)).account_id, _change(), db=db)

    _tell(with_database(work), as_json)


@notices.command("rotate")
def rotate_secret(login: Login) -> None:
    """Make a new signing secret. It is printed this once, to standard output; the one before signs beside it a day."""
    settings = Settings.load()

    async def work(db: Database) -> tuple[Chosen, str]:
        account_id = (await _chosen(db, login)).account_id
        return await flow.rotate(account_id, _change(), db=db, terms=notifier.terms(settings))

    chosen, secret = with_database(work)
    Console(stderr=True).print(f"Notices to {chosen.account} are signed with a new secret:", markup=False)
    typer.echo(secret)


@notices.command("test")
def send_test(login: Login, as_json: AsJson = False) -> None:
    """Send a notice that tells nothing, and say how it was answered."""
    settings = Settings.load()
    send = _post(settings)

    async def post(url: str, headers: Mapping[str, str], body: bytes) -> Answered:
        return await asyncio.to_thread(send, url, headers, body)

    async def work(db: Database) -> dict[str, Any]:
        account_id = (await _chosen(db, login)).account_id
        terms, clock = notifier.terms(settings), SystemClock()
        return await notifier.test(account_id, _change(), db=db, clock=clock, terms=terms, post=post)

    told = with_database(work)
    if as_json:
        typer.echo(json.dumps(told, indent=2))
    else:
        Console(stderr=True).print(f"{'Taken' if told['delivered'] else 'Not taken'}: {told['answer']}", markup=False)
    if not told["delivered"]:
        raise typer.Exit(1)


def _change() -> Change:
    return Change(OPERATOR, SystemClock().now())


def _post(settings: Settings) -> Any:
    if settings.github_app_id is None:
        return notifier.post(settings, None)
    with closing(github_app(settings)) as github:
        return notifier.post(settings, stand_in(settings, github))


async def _chosen(db: Database, login: str) -> Chosen:
    async with db.reading() as connection:
        account_id = await accounts.id_of(connection, login)
        found = None if account_id is None else await notice_settings.of(connection, account_id)
    if found is None:
        raise ZektError("not_found", f"There is no account {login!r} here.")
    return found


def _tell(chosen: Chosen, as_json: bool) -> None:
    found = flow.shown(chosen, whole=True)
    if as_json:
        typer.echo(json.dumps(found, indent=2))
        return
    show([found], ("account", "url", "issuesRepository", "stoppedAt"), ("Account", "Webhook", "Issues in", "Stopped"))
