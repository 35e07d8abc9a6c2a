"""The sandbox, alone or with local folders as its repositories: `zekt sandbox`, and its verbs."""

import json
import shlex
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Column, Table
from rich.text import Text

from zekt_backend.cli.listing import AsJson
from zekt_backend.cli.look import plain
from zekt_backend.cli.sandbox_client import Sandbox
from zekt_backend.errors import ZektError

_FILES = ("GITHUB_APP_PRIVATE_KEY", "WEBHOOK_SECRET", "OAUTH_CLIENT_SECRET", "ADMIN_TOKEN", "METRICS_TOKEN")
_NARROWEST = 160
_LOCAL = "127.0.0.1,localhost"

sandbox = typer.Typer(invoke_without_command=True)

_PORT = typer.Option(min=1, max=65535, help="Where the sandbox listens, on loopback.")
Port = Annotated[int, _PORT]
RunId = Annotated[int, typer.Argument(min=1, help="As `zekt sandbox ps` lists it.")]


@sandbox.callback()
def alone(
    context: typer.Context,
    port: Annotated[
        int, typer.Option(min=0, max=65535, help="Port to listen on, on loopback; 0 takes a free one.")
    ] = 8760,
) -> None:
    """A stand-in GitHub on this machine, driven over /_sandbox/; with a verb, what that says."""
    if context.invoked_subcommand is not None:
        # `--port` may stand before the verb as well as behind it.
        context.default_map = {context.invoked_subcommand: {"port": port}}
        return
    from zekt_sandbox import server  # noqa: PLC0415 — the sandbox is no part of a running broker

    try:
        server.serve("127.0.0.1", port)
    except server.CannotListen as error:
        raise ZektError("settings_invalid", str(error)) from None


@sandbox.command()
def up(
    folder: Annotated[
        Path, typer.Argument(help="Holds owner/name/.github/workflows/*.yml, for each repository, and setup.yaml.")
    ] = Path(),
    port: Annotated[int, typer.Option(min=0, max=65535, help="Where it listens, on loopback; 0 takes a free one.")] = (
        8760
    ),
    broker_port: Annotated[int, typer.Option(min=0, max=65535, help="The broker's; 0 takes a free one.")] = 8750,
    image: Annotated[
        list[str] | None,
        typer.Option(metavar="LABEL=IMAGE", help="The Docker image for `runs-on: LABEL`. Again for each."),
    ] = None,
) -> None:
    """Play the repositories of a folder, with a broker of their own, until Ctrl-C. Everything is forgotten then."""
    from zekt_backend.cli import sandbox_up  # noqa: PLC0415 — the sandbox is no part of a running broker

    images = dict(_pair(each, "--image", "ubuntu-latest=IMAGE") for each in image or ())
    sandbox_up.run(sandbox_up.Asked(folder, port, broker_port, images), Console())


@sandbox.command()
def run(
    repository: Annotated[str, typer.Argument(metavar="OWNER/REPO")],
    workflow: Annotated[str, typer.Argument(help="The workflow file's name, or its path.")],
    given: Annotated[
        list[str] | None, typer.Option("--input", metavar="NAME=VALUE", help="An input. Again for each.")
    ] = None,
    port: Port = 8760,
) -> None:
    """Start a workflow, as the button `Run workflow` does, and print the run's id."""
    inputs = dict(_pair(each, "--input", "size=large") for each in given or ())
    typer.echo(Sandbox(port).start(repository, workflow, inputs)["id"])


@sandbox.command()
def ps(port: Port = 8760, as_json: AsJson = False) -> None:
    """Runs, newest first."""
    runs = Sandbox(port).runs()
    if as_json:
        typer.echo(json.dumps({"runs": runs}, indent=2))
        return
    table = Table(
        Column("Run", no_wrap=True),
        "Attempt",
        "Repository",
        "Workflow",
        "Event",
        "Status",
        "Started (UTC)",
        "Ended (UTC)",
    )
    for each in runs:
        table.add_row(*(Text(plain(cell)) for cell in _cells(each)))
    # As for deliveries: a pipe has no width, and no terminal is too narrow for what is there to be copied.
    console = Console(width=max(Console().width, _NARROWEST))
    console.print(table if runs else "No runs yet: `zekt sandbox run OWNER/REPO WORKFLOW` starts one.", markup=False)


@sandbox.command()
def logs(
    run_id: RunId,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on until the run has ended.")] = False,
    attempt: Annotated[int | None, typer.Option(min=1, help="Left out: the newest.")] = None,
    port: Port = 8760,
) -> None:
    """A run's log."""
    from zekt_backend.cli.sandbox_lines import shown  # noqa: PLC0415 — the sandbox is no part of a running broker

    console = Console()
    for line in Sandbox(port).log(run_id, attempt=attempt, follow=follow):
        console.print(shown(line), highlight=False, soft_wrap=True)


@sandbox.command()
def cancel(run_id: RunId, port: Port = 8760) -> None:
    """Cancel a run."""
    Sandbox(port).cancel(run_id)


@sandbox.command()
def rerun(run_id: RunId, port: Port = 8760) -> None:
    """Run it once more, as the next attempt of the same run."""
    typer.echo(f"{run_id}, attempt {Sandbox(port).rerun(run_id)['attempt']}")


@sandbox.command()
def env(port: Port = 8760) -> None:
    """Settings for a shell, so that `zekt deliveries`, `zekt doctor` … ask its broker: eval "$(zekt sandbox env)"."""
    for name, value in Sandbox(port).environment().items():
        typer.echo(f"export {name}={shlex.quote(value)}")
    # A file would count before what is exported here, and a proxy would be asked for what is on this machine.
    typer.echo("unset " + " ".join(f"ZEKT_{name}_FILE" for name in _FILES))
    typer.echo(f'export no_proxy="{_LOCAL}${{no_proxy:+,$no_proxy}}" NO_PROXY="{_LOCAL}${{NO_PROXY:+,$NO_PROXY}}"')


def _pair(text: str, option: str, example: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not (name and equals):
        raise typer.BadParameter(f"{text!r} is no NAME=VALUE. Write {option} {example}")
    return name, value


def _cells(run: dict[str, Any]) -> tuple[Any, ...]:
    event = f"{run['event']} {run['eventType']}" if run.get("eventType") else run["event"]
    return (
        run["id"],
        run["attempt"],
        run["repository"],
        run["workflow"].rpartition("/")[2],
        event,
        run["conclusion"] or run["status"],
        _time(run["startedAt"]),
        _time(run["endedAt"]),
    )


def _time(stamp: str | None) -> str:
    return (stamp or "")[:19].replace("T", " ")
