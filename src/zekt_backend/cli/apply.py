"""Make the directory what a file says, or only see what that would change: setup apply."""

import asyncio
import json
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Column, Table
from rich.text import Text

from zekt_backend import log
from zekt_backend.broker import github_app
from zekt_backend.cli import diagnosis, repositories, setup_file
from zekt_backend.cli.listing import AsJson
from zekt_backend.cli.look import plain
from zekt_backend.clock import SystemClock
from zekt_backend.flows.apply_setup import Applied, Identity, apply_setup, needs_github
from zekt_backend.github import lookup
from zekt_backend.rules.access import OPERATOR
from zekt_backend.rules.setup import SetupFile
from zekt_backend.settings import Settings
from zekt_backend.store import schema, server
from zekt_backend.store.audit import camel
from zekt_backend.store.database import Database
from zekt_backend.store.directory_changes import Change

_WIDTH = 150
_EMPTY: tuple[Any, ...] = (None, False, "", [], {}, 0)


setup = typer.Typer(no_args_is_help=True)


@setup.command()
def apply(
    file: Annotated[Path, typer.Argument(help="The setup file, YAML: see docs/setup.md.")],
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show what would be changed, and change nothing.")] = False,
    check: Annotated[
        bool, typer.Option("--check/--no-check", help="Ask GitHub whether what is newly approved will run.")
    ] = True,
    webhooks: Annotated[
        bool, typer.Option("--webhooks", help="Place the webhooks that its repositories need, remove what none needs.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Make accounts, repositories, workflows, services and subscriptions what FILE says, and print each change."""
    wanted = setup_file.read(file)
    settings = Settings.load()
    log.configure(settings.log_format)
    with server.database(settings) as url:
        if not dry_run:
            schema.migrate(url)
        applied = asyncio.run(_apply(wanted, url, settings, dry_run=dry_run))
        if as_json:
            typer.echo(json.dumps(_as_json(applied, dry_run=dry_run), indent=2))
        else:
            _show(applied)
        out = Console(stderr=True)
        out.print(_sum(file, applied, dry_run=dry_run), markup=False, soft_wrap=True)
        if check and not dry_run and settings.github_app_id is not None:
            diagnosis.warn(applied.approved, url, settings, out)
    if webhooks and not dry_run:
        names = [f"{account.login}/{part.name}" for account in wanted.accounts for part in account.repositories]
        raise typer.Exit(1 if repositories.settle_webhooks(names, out) else 0)


async def _apply(wanted: SetupFile, url: str, settings: Settings, *, dry_run: bool) -> Applied:
    apps = [github_app(settings)] if needs_github(wanted) else []

    def identify(full_name: str) -> Identity:
        found = lookup.repository(apps[0], full_name)
        return Identity(found.repository_id, found.installation_id, found.owner_id)

    db = await Database(url, size=2).open()
    try:
        now = SystemClock().now()
        return await apply_setup(wanted, actor=OPERATOR, now=now, db=db, identify=identify, dry_run=dry_run)
    finally:
        await db.close()
        for app in apps:
            app.close()


def _sum(file: Path, applied: Applied, *, dry_run: bool) -> str:
    if dry_run:
        return f"{len(applied.changes)} changes would make it what {file} says. Nothing was written."
    return (
        f"{applied.accounts} accounts, {applied.repositories} repositories, {applied.workflows} workflows,"
        f" {applied.services} services, {applied.subscriptions} subscriptions are as {file} says."
    )


def _as_json(applied: Applied, *, dry_run: bool) -> dict[str, Any]:
    changes = [
        {"noun": change.noun, "name": change.name, "before": camel(change.before), "after": camel(change.after)}
        for change in applied.changes
    ]
    return {"dryRun": dry_run, "changes": changes, "approved": list(applied.approved)}


def _show(applied: Applied) -> None:
    table = Table("", "What", Column("Name", overflow="fold"), Column("Before → after", overflow="fold"))
    for change in applied.changes:
        # Names come from strangers: as Text, none of it is read as markup.
        sign = "+" if change.before is None else "-" if change.after is None else "~"
        cells = (sign, change.noun, plain(change.name), "\n".join(_lines(change)))
        table.add_row(*(Text(cell) for cell in cells))
    Console(width=max(Console().width, _WIDTH)).print(table if applied.changes else "Nothing to change.")


def _lines(change: Change) -> list[str]:
    """What differs; of a new row what somebody would have to say, not its keys, times and defaults."""
    now = change.after or {}
    if change.before is not None:
        return [f"{_key(name)}: {_value(was)} → {_value(now.get(name))}" for name, was in change.before.items()]
    return [
        f"{_key(name)}: {_value(value)}"
        for name, value in now.items()
        if value not in (*_EMPTY, change.name) and name not in ("id", "version") and not name.endswith(("_id", "_at"))
    ]


def _key(name: str) -> str:
    return name.replace("_", "-")


def _value(value: Any) -> str:
    return "-" if value is None else plain(json.dumps(value, ensure_ascii=False))
