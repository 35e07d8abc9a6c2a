"""Asks what is wrong with connections, and prints it."""

import asyncio
import json
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

import typer
from rich.console import Console
from rich.text import Text

from zekt_backend.broker import github_app
from zekt_backend.cli.connections import tell
from zekt_backend.cli.look import plain
from zekt_backend.clock import SystemClock
from zekt_backend.flows.diagnose import Diagnosis, diagnose
from zekt_backend.flows.examine_connection import examine_connection
from zekt_backend.github.inspect import Inspector
from zekt_backend.rules.diagnosis import worst
from zekt_backend.rules.facts import Finding, Verdict
from zekt_backend.settings import Settings
from zekt_backend.store.database import one_connection

EXIT_CODES = {Verdict.OK: 0, Verdict.WARNING: 0, Verdict.PROBLEM: 1, Verdict.UNKNOWN: 3}
"""2 is a command line that does not fit."""

MOST_CHECKED = 25
"""Newly approved connections that `zekt setup apply` looks at; each costs about ten calls."""

_STYLES = {Verdict.OK: "green", Verdict.WARNING: "yellow", Verdict.UNKNOWN: "magenta", Verdict.PROBLEM: "bold red"}
_INDENT = " " * 9


def report(name: str, url: str, settings: Settings, *, as_json: bool) -> int:
    """Print every check of one connection; gives the exit code.

    Raises:
        ZektError: `not_found`; `settings_invalid` where no App is set.
    """
    (found,) = asyncio.run(_diagnose([name], url, settings))
    verdict = worst(found.findings)
    health = asyncio.run(_examine(found, url, settings))
    if as_json:
        typer.echo(json.dumps({**_as_json(found, verdict), "health": health}, indent=2))
        return EXIT_CODES[verdict]
    out = Console()
    out.print(plain(found.connection.name), markup=False, highlight=False, soft_wrap=True)
    for finding in found.findings:
        _print(out, finding)
    tell(out, health)
    return EXIT_CODES[verdict]


def warn(names: Sequence[str], url: str, settings: Settings, out: Console) -> None:
    """Print what keeps these connections from running; say nothing of what is well."""
    for found in asyncio.run(_diagnose(names[:MOST_CHECKED], url, settings)):
        wrong = [finding for finding in found.findings if finding.verdict is not Verdict.OK]
        if not wrong:
            continue
        sure = worst(wrong) is Verdict.PROBLEM
        what = "will not run yet" if sure else "may not run yet"
        _line(
            out, f"{found.connection.name} is approved, and {what}; `zekt doctor {found.connection.name}` looks again:"
        )
        for finding in wrong:
            _print(out, finding)
    if left := names[MOST_CHECKED:]:
        _line(out, f"{len(left)} more newly approved connections were not checked: `zekt doctor CONNECTION` does it.")


async def _examine(found: Diagnosis, url: str, settings: Settings) -> dict[str, Any]:
    """The same as the API's diagnostics."""
    async with one_connection(url) as tx:
        told = await examine_connection(
            found.connection.subscription_id, tx=tx, mine=None, web_url=settings.github_url, now=SystemClock().now()
        )
    if told is None:
        raise AssertionError("nothing deletes subscriptions")
    return told


async def _diagnose(names: Sequence[str], url: str, settings: Settings) -> list[Diagnosis]:
    app = github_app(settings)
    # Unset, the address is the one this process would listen on, which the world need not reach.
    inspector = Inspector(app, settings.webhook_url if settings.public_url else None)
    try:
        async with one_connection(url) as tx:
            now = SystemClock().now()
            return [await diagnose(name, tx=tx, now=now, inspector=inspector) for name in names]
    finally:
        app.close()


def _print(out: Console, finding: Finding) -> None:
    head = Text(f"{finding.verdict.value:<8} ", style=_STYLES[finding.verdict])
    # As Text, nothing of it is read as markup.
    out.print(head + Text(f"{finding.check:<20} {plain(finding.what)}"), highlight=False, soft_wrap=True)
    for line in (finding.why, *(f"    {line}" for line in finding.paste.splitlines())):
        if line.strip():
            _line(out, _INDENT + plain(line))


def _line(out: Console, text: str) -> None:
    out.print(plain(text), markup=False, highlight=False, soft_wrap=True)


def _as_json(found: Diagnosis, verdict: Verdict) -> dict[str, object]:
    findings = [{name: text for name, text in asdict(finding).items() if text} for finding in found.findings]
    return {"connection": found.connection.name, "verdict": verdict.value, "findings": findings}
