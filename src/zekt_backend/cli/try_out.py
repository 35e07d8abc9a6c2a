"""Try it without GitHub: the demo, and the sandbox alone."""

from typing import Annotated

import typer
from rich.console import Console

from zekt_backend.errors import ZektError


def demo(
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object and nothing else.")] = False,
    keep: Annotated[bool, typer.Option("--keep", help="Leave it running for a look, until Ctrl-C.")] = False,
) -> None:
    """One order and its answer, between two organisations, on this machine."""
    from zekt_sandbox import demo as run_demo  # noqa: PLC0415 — the sandbox is no part of a running broker

    raise typer.Exit(run_demo.run(as_json=as_json, keep=keep, console=Console(stderr=as_json)))


def sandbox(
    port: Annotated[
        int, typer.Option(min=0, max=65535, help="Port to listen on, on loopback; 0 takes a free one.")
    ] = 8760,
) -> None:
    """A stand-in GitHub on this machine, driven over /_sandbox/."""
    from zekt_sandbox import server  # noqa: PLC0415 — the sandbox is no part of a running broker

    try:
        server.serve("127.0.0.1", port)
    except server.CannotListen as error:
        raise ZektError("settings_invalid", str(error)) from None
