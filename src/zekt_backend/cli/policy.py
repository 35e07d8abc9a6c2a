"""Try a changed policy on what has happened: policy simulate."""

import asyncio
import json
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from zekt_backend import log
from zekt_backend.broker import github_app
from zekt_backend.cli import setup_file
from zekt_backend.cli.look import plain
from zekt_backend.flows.apply_setup import Identity
from zekt_backend.flows.simulate import simulate as try_on
from zekt_backend.github import lookup
from zekt_backend.rules.setup import SetupFile
from zekt_backend.rules.simulation import Change, Comparison, shown
from zekt_backend.settings import Settings
from zekt_backend.store import server
from zekt_backend.store.database import Database

policies = typer.Typer(no_args_is_help=True)


@policies.command()
def simulate(
    file: Annotated[Path, typer.Argument(help="The changed setup file, YAML: see docs/setup.md.")],
    last: Annotated[int, typer.Option(min=1, max=10_000, help="How many events, newest first.")] = 1000,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Who would have got more of the last events, and who less, if FILE were applied. Changes nothing."""
    wanted = setup_file.read(file)
    settings = Settings.load()
    log.configure(settings.log_format)
    with server.database(settings) as url:
        found = asyncio.run(_simulate(wanted, url, settings, last))
    if as_json:
        typer.echo(json.dumps(shown(found), indent=2))
    else:
        _show(found)


async def _simulate(wanted: SetupFile, url: str, settings: Settings, last: int) -> Comparison:
    def identify(full_name: str) -> Identity:
        app = github_app(settings)
        try:
            found = lookup.repository(app, full_name)
        finally:
            app.close()
        return Identity(found.repository_id, found.installation_id, found.owner_id)

    db = await Database(url, size=2).open()
    try:
        return await try_on(wanted, db=db, identify=identify if settings.github_app_id else None, last=last)
    finally:
        await db.close()


def _show(found: Comparison) -> None:
    out = Console()
    out.print(
        f"Of the last {found.events} events {found.blocked_before} are blocked as things stand, and"
        f" {found.blocked_after} would be. Nothing was changed.",
        soft_wrap=True,
    )
    changed = [change for change in found.changes if change.gained or change.lost]
    if not changed:
        out.print("Nobody would have got more or less.")
        return
    table = Table("Connection", "Deliveries now", "Then", "More", "Fewer")
    for change in changed:
        cells = (change.connection, change.before, change.after, change.gained, change.lost)
        table.add_row(*(Text(plain(cell)) for cell in cells))
    out.print(table)
    for change in changed:
        _show_examples(out, change)


def _show_examples(out: Console, change: Change) -> None:
    for example in change.examples:
        verb = "would get" if example.gained else "would not get"
        line = f"{change.connection} {verb} run {example.run_id} of {example.repository}: {example.why}"
        out.print(plain(line), markup=False, soft_wrap=True)
