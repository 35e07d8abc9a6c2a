"""Recover what GitHub failed to tell: reconcile."""

import asyncio
import json
from dataclasses import asdict
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from zekt_backend import log
from zekt_backend.broker import Broker
from zekt_backend.errors import ZektError
from zekt_backend.flows.reconcile import accept_gaps
from zekt_backend.flows.reconciling import Report
from zekt_backend.rules.access import OPERATOR
from zekt_backend.settings import Settings
from zekt_backend.store import schema, server

_WORDS = {
    "lost": "webhooks newly found to have failed",
    "asked": "redeliveries asked for",
    "recovered": "webhooks that have come since they were asked for",
    "delivered": "runs that had ended without a webhook, now delivered",
    "closed": "runs that GitHub does not know any more",
    "owed": "webhooks still to come, or to be asked for again",
    "awaited": "runs still to be asked about",
    "lines": "lines of webhook logs read",
    "listed": "runs read from lists",
    "going": "runs that were asked about and go on",
    "calls": "requests to GitHub",
}


def reconcile(
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Read only: ask GitHub for nothing, remember nothing.")
    ] = False,
    accept: Annotated[
        bool, typer.Option("--accept-gaps", help="Close the gaps that are open: you have seen them.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Find what GitHub failed to tell, now. Exit code 0 when nothing is missing, 1 when there are gaps."""
    settings = Settings.load()
    log.configure(settings.log_format)
    settings.require_public_url(api=False)
    with server.database(settings) as url:
        schema.migrate(url)
        report = asyncio.run(_reconcile(settings, url, dry_run=dry_run, accept=accept))
    if as_json:
        typer.echo(json.dumps(_as_json(report), indent=2))
    else:
        _show(report)
    if not report.whole:
        raise typer.Exit(1)


async def _reconcile(settings: Settings, url: str, *, dry_run: bool, accept: bool) -> Report:
    broker = Broker.build(settings, url)
    await broker.open()
    try:
        report = await broker.reconcile(dry_run=dry_run)
        if report is None:
            raise ZektError("reconcile_busy", "Another process is reconciling just now: try again in a minute.")
        if accept and not dry_run:
            await accept_gaps(actor=OPERATOR, db=broker.db, clock=broker.clock)
            report.gaps.clear()
        return report
    finally:
        await broker.close()


def _as_json(report: Report) -> dict[str, Any]:
    whole = asdict(report)
    found = [{**gap, "found_at": gap["found_at"].isoformat()} for gap in whole["gaps"]]
    return {"complete": report.whole, **report.as_fields(), **whole, "gaps": found}


def _show(report: Report) -> None:
    out = Console()
    fields = report.as_fields()
    table = Table("What", "How many", title="Nothing was asked for, nothing was kept." if report.dry_run else None)
    for name, words in _WORDS.items():
        table.add_row(words, str(fields[name]))
    out.print(table)
    if report.dry_run:
        for step in report.steps:
            out.print(f"would be {step.what}: {_plain(step.subject)}", markup=False, soft_wrap=True)
    for owner, why in report.unfinished.items():
        whose = f"installation {owner}" if owner else "the app"
        out.print(f"Left for the next round, {whose}: {_plain(why)}.", markup=False, soft_wrap=True)
    if not report.gaps:
        out.print("No gaps.")
        return
    out.print(_gaps(report))


def _gaps(report: Report) -> Table:
    table = Table("Gap", "Of", "Since (UTC)", "What happened, and what to do", show_lines=True)
    for gap in report.gaps:
        # GitHub's words and names are a stranger's: as Text, none of it is read as markup.
        cells = (gap.kind, gap.subject, f"{gap.found_at:%Y-%m-%d %H:%M}", gap.detail)
        table.add_row(*(Text(_plain(cell)) for cell in cells))
    return table


def _plain(value: str) -> str:
    """Control characters, with which a terminal could be steered, become visible escapes."""
    return "".join(char if char.isprintable() else repr(char)[1:-1] for char in value)
