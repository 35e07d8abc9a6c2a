"""Repositories and their workflows: made known, enabled and disabled, whitelisted."""

import json
from collections.abc import Awaitable, Callable, Sequence
from contextlib import closing
from typing import Annotated, Any, TypeVar

import typer
from rich.console import Console

from zekt_backend.broker import github_app, hub
from zekt_backend.cli.listing import Account, AsJson, Before, Limit, only, pages, show, with_database
from zekt_backend.cli.look import plain
from zekt_backend.clock import SystemClock
from zekt_backend.errors import ZektError
from zekt_backend.flows import repositories as flow
from zekt_backend.flows import whitelist
from zekt_backend.flows.change import Change
from zekt_backend.flows.repository_rows import Done, Hub
from zekt_backend.rules.access import OPERATOR
from zekt_backend.rules.onboarding import HOOKED, Role
from zekt_backend.settings import Settings
from zekt_backend.store import repositories as stored
from zekt_backend.store.database import Database, Listing, Tx
from zekt_backend.store.repositories import State

repositories = typer.Typer(no_args_is_help=True)
workflows = typer.Typer(no_args_is_help=True)

Name = Annotated[str, typer.Argument(metavar="OWNER/REPO")]
File = Annotated[str, typer.Argument(metavar="PATH", help="`.github/workflows/release.yml`, or `release.yml`.")]
_Provider = Annotated[bool, typer.Option("--provider", help="As a provider: the ends of its runs are delivered.")]
_Consumer = Annotated[bool, typer.Option("--consumer", help="As a consumer: dispatches go there.")]
_Tracking = Annotated[
    bool, typer.Option("--completion-tracking", help="The end of its run ends the deliveries that the run confirmed.")
]
_FLAGS = ("enabled", "provider", "consumer", "completionTracking")
_Result = TypeVar("_Result")


@repositories.command("list")
def list_repositories(
    account: Account = None, limit: Limit = 50, before: Before = None, as_json: AsJson = False
) -> None:
    """Repositories, GitHub's newest first."""

    async def read(tx: Tx) -> Listing:
        return await stored.page(tx, accounts=await only(tx, account), before=before, limit=limit)

    def shown(found: list[dict[str, Any]]) -> None:
        rows = [
            {**row, **{flag: "yes" if row[flag] else "" for flag in _FLAGS}, "hookId": _text(row["hookId"])}
            for row in found
        ]
        titles = ("Repository", "Account", "Switched on", "Provider", "Consumer", "Completion tracking", "Webhook")
        show(rows, ("fullName", "account", *_FLAGS, "hookId"), titles)

    pages(read, shown, as_json=as_json)


@repositories.command("show")
def show_repository(name: Name) -> None:
    """Everything of one, as JSON."""
    typer.echo(json.dumps(with_database(lambda db: _named(db, name)).shown(), indent=2))


@repositories.command("add")
def add_repository(name: Name, as_json: AsJson = False) -> None:
    """Make a repository known; the app must be installed on it, and its owner be an account here."""
    found, new = _at_github(lambda hub: flow.add(name, _change(), hub))
    _tell(Done(found), as_json, f"{found.full_name} is known{'' if new else ' already'}.")


@repositories.command("enable")
def enable_repository(
    name: Name,
    provider: _Provider = False,
    consumer: _Consumer = False,
    completion_tracking: _Tracking = False,
    as_json: AsJson = False,
) -> None:
    """Enable it: checks what the app may do there, and places its webhook."""
    _switch(flow.enable, name, _roles(provider, consumer, completion_tracking), as_json)


@repositories.command("disable")
def disable_repository(
    name: Name,
    provider: _Provider = False,
    consumer: _Consumer = False,
    completion_tracking: _Tracking = False,
    as_json: AsJson = False,
) -> None:
    """Disable it, at once; its webhook is taken away where nothing needs it any more."""
    _switch(flow.disable, name, _roles(provider, consumer, completion_tracking), as_json)


@repositories.command("rotate")
def rotate_secret(names: Annotated[list[str], typer.Argument(metavar="OWNER/REPO...")]) -> None:
    """Give the webhook of each a new secret: after one leaked, or ZEKT_WEBHOOK_SECRET was changed."""
    for name in names:

        async def work(hub: Hub, name: str = name) -> Done:
            return await flow.rotate((await _named(hub.db, name)).id, _change(), hub)

        done = _at_github(work)
        _tell(done, False, f"The webhook of {done.state.full_name} has a new secret.")


@workflows.command("list")
def list_workflows(name: Name, as_json: AsJson = False) -> None:
    """Its workflows as GitHub lists them, and which are whitelisted."""

    async def work(hub: Hub) -> dict[str, Any]:
        found = await _named(hub.db, name)
        return await whitelist.workflows_of(found.id, hub, now=SystemClock().now(), prices=settings.prices)

    settings = Settings.load()
    found = {**_at_github(work), "currency": settings.currency}
    if as_json:
        typer.echo(json.dumps(found, indent=2))
        return
    rows = [
        {
            **row,
            "whitelisted": "yes" if row["whitelisted"] else "",
            "services": " ".join(row["services"]),
            "state": row["state"] or "not at GitHub",
            "blocked": f"{row['blocked']}{'' if found['complete'] else '+'}",
            "blockedCost": f"{row['blockedCost']} {found['currency']}",
        }
        for row in found["workflows"]
    ]
    show(
        rows,
        ("path", "name", "state", "whitelisted", "services", "blocked", "blockedCost"),
        ("Path", "Name", "State", "Whitelisted", "Services", "Blocked, 30 days", "Cost"),
    )
    if found["leftOut"]:
        Console(stderr=True).print(f"GitHub has {found['leftOut']} more.")


@workflows.command("allow")
def allow_workflow(
    name: Name,
    path: File,
    force: Annotated[bool, typer.Option("--force", help="Do not ask GitHub whether it is there.")] = False,
    as_json: AsJson = False,
) -> None:
    """Whitelist a workflow: what ends there, and what it sends, is delivered."""

    async def work(hub: Hub) -> dict[str, Any]:
        return await whitelist.allow((await _named(hub.db, name)).id, path, _change(), hub, force=force)

    _tell_workflow(_at_github(work), as_json, "is whitelisted")


@workflows.command("disallow")
def disallow_workflow(name: Name, path: File, as_json: AsJson = False) -> None:
    """Take a workflow off the whitelist: what ends there, and what it sends, is blocked."""

    async def work(hub: Hub) -> dict[str, Any]:
        return await whitelist.disallow((await _named(hub.db, name)).id, path, _change(), hub)

    _tell_workflow(_at_github(work), as_json, "is not whitelisted any more")


def settle_webhooks(names: Sequence[str], out: Console) -> int:
    """Place each one's webhook where it needs one, take it away where it does not. Returns how many GitHub refused."""

    async def work(hub: Hub) -> int:
        refused = 0
        for name in names:
            try:
                warning = await _settle(await _named(hub.db, name), hub)
            except ZektError as error:
                warning, refused = str(error), refused + 1
            if warning is not None:
                out.print(f"warning: {name}: {plain(warning)}", style="yellow", markup=False, soft_wrap=True)
        return refused

    return _at_github(work)


async def _settle(seen: State, hub: Hub) -> str | None:
    needing: list[Role] = [role for role in HOOKED if seen.enabled and getattr(seen, role)]
    if not needing:
        return None if seen.hook_id is None else (await flow.disable(seen.id, "provider", _change(), hub)).warning
    return (await flow.enable(seen.id, needing[0], _change(), hub)).warning


def _roles(provider: bool, consumer: bool, completion_tracking: bool) -> list[Role]:
    given: dict[Role, bool] = {"provider": provider, "consumer": consumer, "completion_tracking": completion_tracking}
    roles = [role for role, wanted in given.items() if wanted]
    if not roles:
        raise typer.BadParameter("say --provider, --consumer, --completion-tracking, or several")
    return roles


def _switch(
    how: Callable[[int, Role, Change, Hub], Awaitable[Done]], name: str, roles: list[Role], as_json: bool
) -> None:
    async def work(hub: Hub) -> Done:
        seen = await _named(hub.db, name)
        done = Done(seen)
        for role in roles:
            done = await how(seen.id, role, _change(), hub)
        return done

    done = _at_github(work)
    shown = done.state.shown()
    on = [flag for flag in _FLAGS[1:] if shown[flag]]
    words = " and ".join(flag.replace("completionTracking", "completion tracking") for flag in on)
    _tell(
        done, as_json, f"{done.state.full_name} is enabled: {words}." if on else f"{done.state.full_name} is disabled."
    )


def _tell(done: Done, as_json: bool, text: str) -> None:
    err = Console(stderr=True)
    if as_json:
        typer.echo(json.dumps({**done.state.shown(), "warning": done.warning}, indent=2))
    else:
        err.print(text, markup=False)
    if done.warning is not None:
        err.print(f"warning: {plain(done.warning)}", style="yellow", markup=False, soft_wrap=True)


def _tell_workflow(found: dict[str, Any], as_json: bool, what: str) -> None:
    if as_json:
        typer.echo(json.dumps(found, indent=2))
    else:
        Console(stderr=True).print(f"{found['path']} {what}.", markup=False)


def _change() -> Change:
    return Change(OPERATOR, SystemClock().now())


async def _named(db: Database, name: str) -> State:
    async with db.reading() as connection:
        found = await stored.named(connection, name)
    if found is None:
        raise ZektError("not_found", f"There is no repository {name!a} here: `zekt repositories add {plain(name)}`.")
    return found


def _text(value: Any) -> str | None:
    return None if value is None else str(value)


def _at_github(work: Callable[[Hub], Awaitable[_Result]]) -> _Result:
    settings = Settings.load()
    settings.require_public_url(api=False)
    with closing(github_app(settings)) as app:
        return with_database(lambda db: work(hub(settings, db, app)))
