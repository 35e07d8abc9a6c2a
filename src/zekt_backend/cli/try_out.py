"""Try it without GitHub: the demo."""

from typing import Annotated

import typer
from rich.console import Console


def demo(
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object and nothing else.")] = False,
    keep: Annotated[bool, typer.Option("--keep", help="Leave it running for a look, until Ctrl-C.")] = False,
) -> None:
    """One order and its answer, between two organisations, on this machine."""
    from zekt_sandbox import demo as run_demo  # noqa: PLC0415 — the sandbox is no part of a running broker

    raise typer.Exit(run_demo.run(as_json=as_json, keep=keep, console=Console(stderr=as_json)))
