"""init: a workflow to start from, for either side."""

import shlex
from pathlib import Path
from typing import Annotated

import typer

from zekt_action.address import check
from zekt_action.errors import ActionError
from zekt_backend.cli.look import plain
from zekt_workflows.starter import API_URL, EVENT_TYPE, Side, starter


def init(  # noqa: PLR0917 - typer's options
    side: Annotated[Side, typer.Argument(help="Which side of a connection.")],
    event_type: Annotated[str, typer.Option(help="What is sent and listened for, 1 to 100 characters.")] = EVENT_TYPE,
    durable: Annotated[bool, typer.Option("--durable", help="A consumer that tells how it ended.")] = False,
    api_url: Annotated[str, typer.Option(help="The broker's address, https.")] = API_URL,
    output: Annotated[
        Path | None, typer.Option(help="The file to write; left out: .github/workflows/zekt-SIDE.yml.")
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Write over what is there.")] = False,
) -> None:
    """Write a workflow to start from, and say what comes next."""
    if durable and side is Side.PROVIDER:
        raise typer.BadParameter(
            "--durable is for a consumer: it is each subscription's own, and the provider's no more"
        )
    try:
        text = starter(side, event_type=event_type, api_url=check(api_url), durable=durable)
    except (ValueError, ActionError) as error:
        raise typer.BadParameter(plain(getattr(error, "detail", None) or error)) from None
    file = output or Path(f".github/workflows/zekt-{side}.yml")
    _write(file, text, force=force)
    typer.echo(f"Wrote {plain(file)}. What comes next:\n")
    typer.echo(_next_for_provider(file, event_type) if side is Side.PROVIDER else _next_for_consumer(file, durable))


def _write(file: Path, text: str, *, force: bool) -> None:
    if not force and (file.exists() or file.is_symlink()):
        raise typer.BadParameter(f"{plain(file)} is there already; --force writes over it, --output elsewhere")
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        with file.open("w" if force else "x", encoding="utf-8", newline="\n") as opened:
            opened.write(text)
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or error
        raise typer.BadParameter(f"{plain(file)} cannot be written: {why}") from None


def _next_for_provider(file: Path, event_type: str) -> str:
    return f"""\
1. Let it write the message that you mean, then: zekt lint {_word(file)}
2. Commit it to the default branch.
3. Once your OWNER/REPO is enabled as a provider (docs/onboarding.md), have it whitelisted and published:
     zekt workflows allow OWNER/REPO {_path(file)}
     zekt services publish SLUG OWNER/REPO {_path(file)} --event-type {_word(event_type)}"""


def _next_for_consumer(file: Path, durable: bool) -> str:
    return f"""\
1. Let it do the work that you mean, then: zekt lint {_word(file)}
2. Commit it to the default branch: GitHub starts it from there alone.
3. Once your OWNER/REPO is enabled as a consumer (docs/onboarding.md), ask for the service that sends it:
     zekt subscriptions request SLUG@OWNER/REPO{" --durable" if durable else ""}
4. When the provider has approved, this says whether it will run:
     zekt doctor SLUG@OWNER/REPO"""


def _path(file: Path) -> str:
    return _word(f".github/workflows/{file.name}")


def _word(text: object) -> str:
    """As a shell takes it for one word."""
    return shlex.quote(plain(text))
