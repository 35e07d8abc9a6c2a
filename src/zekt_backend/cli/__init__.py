"""`zekt`: every command, on one screen; each is imported when somebody runs it."""

import sys
from importlib import import_module
from typing import Annotated, Any, NoReturn

import typer
from typer.core import TyperCommand, TyperGroup

from zekt_backend import __version__
from zekt_backend.errors import ZektError

COMMANDS = {
    "serve": ("operate:serve", "Serve the API, and work off jobs, until stopped."),
    "worker": ("operate:worker", "Work off jobs only. Start as many as you like on one ZEKT_DATABASE_URL."),
    "migrate": ("maintain:migrate", "Bring the database to this version's tables (serve and worker do it too)."),
    "doctor": (
        "maintain:doctor",
        "Will CONNECTION run, and did it? Without one: was an embedded PostgreSQL left over by a process that was killed?",  # noqa: E501
    ),
    "deliveries": ("deliveries:deliveries", "What became of each delivery, newest first."),
    "events": (
        "events:events",
        "Ends of runs as GitHub told them, the newest first. Why each did (not) arrive: zekt explain RUN.",
    ),
    "explain": (
        "explain:explain",
        "Why did this run's message or end (not) arrive? Rule by rule, for each attempt, message and consumer.",
    ),
    "trace": (
        "trace:trace",
        "The whole chain around a run: its first cause, and all that followed, with how long each step took.",
    ),
    "replay": (
        "replays:replay",
        "Deliver once more, as new deliveries from the archived messages. Prints the new ids; a worker must be running.",  # noqa: E501
    ),
    "reconcile": (
        "recover:reconcile",
        "Find what GitHub failed to tell, now. Exit code 0 when nothing is missing, 1 when there are gaps.",
    ),
    "audit": ("access:audit", "Who changed what, the newest first."),
    "usage": (
        "usage:usage",
        "What each account has used, per day or workflow, with what it would cost by ZEKT_PRICES.",
    ),
    "retention": ("retention:retention", "How long what is kept, and what the workers have let go."),
    "lint": ("lint:lint", "What is wrong with workflows that use Zekt: docs/lint.md has every rule."),
    "init": ("init:init", "Write a workflow to start from, and say what comes next."),
    "demo": ("try_out:demo", "One order and its answer, between two organisations, on this machine."),
    "setup": ("apply:setup", "Say who provides, who consumes and who may."),
    "policy": ("policy:policies", "Try a changed policy on what has happened."),
    "sandbox": ("sandbox:sandbox", "A stand-in GitHub on this machine; `up` plays local folders on it."),
    "app": ("github_app:github_app", "Register the GitHub App that the broker speaks as."),
    "accounts": ("accounts:accounts", "GitHub owners: provider, consumer or both."),
    "repositories": ("repositories:repositories", "Repositories: what each is enabled as."),
    "workflows": ("repositories:workflows", "Workflows of a repository: which are whitelisted."),
    "services": ("services:services", "Services: whitelisted workflows that others may subscribe to."),
    "directory": ("directory:directory", "The directory: services to subscribe to."),
    "subscriptions": ("subscriptions:subscriptions", "Subscriptions: asked for, approved, denied, revoked."),
    "connections": ("connections:connections", "Connections: how each is doing, and what to do about it."),
    "tokens": ("access:tokens", "API tokens, for automation: each acts for one account."),
    "notices": ("notices:notices", "Notices of failure: where accounts are told, and what."),
}
"""By name: where it is, and what the list of all commands says of it.

To import all of them takes Python a second, and somebody who runs one waits for it.
"""


class _Commands(TyperGroup):
    """Lists what the table says, and imports what is run."""

    def __init__(self, **given: Any) -> None:
        listed = {name: TyperCommand(name, help=about) for name, (_, about) in COMMANDS.items()}
        super().__init__(**{**given, "commands": listed})

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """With the command itself where the list has a line."""
        name, command, rest = super().resolve_command(ctx, args)
        return name, command and _imported(COMMANDS[args[0]][0], args[0]), rest


def _imported(where: str, name: str) -> Any:
    module, _, attribute = where.partition(":")
    found = getattr(import_module(f"zekt_backend.cli.{module}"), attribute)
    around = typer.Typer(add_completion=False)
    if not isinstance(found, typer.Typer):
        around.command(name)(found)
        return typer.main.get_command(around)
    around.add_typer(found, name=name, help=COMMANDS[name][1])
    group: Any = typer.main.get_command(around)
    return group.commands[name]


app = typer.Typer(
    name="zekt",
    cls=_Commands,
    help="A broker between GitHub workflows of different organisations.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,  # its tracebacks are long, and locals hold secrets
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"zekt {__version__}")
        raise typer.Exit


@app.callback()
def options(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version and leave.")
    ] = False,
) -> None:
    """A broker between GitHub workflows of different organisations."""


def main() -> None:
    """Run a command; what we know to go wrong is a sentence and exit code 1, never a traceback."""
    try:
        app(prog_name="zekt")  # also as `python -m`, so that what completes is the command that is there
    except ZektError as error:
        _fail(error.code, error.detail)
    except Exception as error:
        # By their names: whoever asked no database has not imported its driver, and need not for another error.
        if not {"psycopg", "sqlalchemy"} & {kind.__module__.partition(".")[0] for kind in type(error).__mro__}:
            raise
        _fail(*_of_the_database(error))


def _of_the_database(error: Exception) -> tuple[str, str]:
    if type(error).__name__ == "UndefinedTable":
        return "schema_missing", "This database has no tables of Zekt's yet: run `zekt migrate`, or start `zekt serve`."
    # The first line is the server's or libpq's own; it names host and user, never the password.
    why = str(error.__cause__ or error).strip().splitlines()[:1]
    return "database_unavailable", f"{' '.join(why)}. Check ZEKT_DATABASE_URL, and that the server runs."


def _fail(code: str, detail: str) -> NoReturn:
    from rich.console import Console  # noqa: PLC0415 — most commands end well

    # soft_wrap keeps paths and URLs in one piece, so that they can be copied.
    Console(stderr=True).print(f"{code}: {detail}", style="red", markup=False, soft_wrap=True)
    sys.exit(1)
