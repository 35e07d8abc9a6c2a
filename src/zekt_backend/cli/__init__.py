"""`zekt`: every command, on one screen."""

import sys
from typing import Annotated, NoReturn

import psycopg
import typer
from psycopg_pool import PoolTimeout
from rich.console import Console
from sqlalchemy.exc import SQLAlchemyError

from zekt_backend import __version__
from zekt_backend.cli import (
    access,
    accounts,
    apply,
    connections,
    deliveries,
    directory,
    events,
    explain,
    github_app,
    init,
    lint,
    notices,
    operate,
    policy,
    recover,
    replays,
    repositories,
    retention,
    sandbox,
    services,
    subscriptions,
    trace,
    try_out,
    usage,
)
from zekt_backend.errors import ZektError

app = typer.Typer(
    name="zekt",
    help="A broker between GitHub workflows of different organisations.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,  # its tracebacks are long, and locals hold secrets
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command()(operate.serve)
app.command()(operate.worker)
app.command()(operate.migrate)
app.command()(operate.doctor)
app.command()(deliveries.deliveries)
app.command()(events.events)
app.command()(explain.explain)
app.command()(trace.trace)
app.command()(replays.replay)
app.command()(recover.reconcile)
app.command()(access.audit)
app.command()(usage.usage)
app.command()(retention.retention)
app.command()(lint.lint)
app.command()(init.init)
app.command()(try_out.demo)


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


setup = typer.Typer(help="Say who provides, who consumes and who may.", no_args_is_help=True)
setup.command()(apply.apply)
app.add_typer(setup, name="setup")
policies = typer.Typer(help="Try a changed policy on what has happened.", no_args_is_help=True)
policies.command()(policy.simulate)
app.add_typer(policies, name="policy")
app.add_typer(sandbox.sandbox, name="sandbox")
app.add_typer(github_app.github_app, name="app")
app.add_typer(accounts.accounts, name="accounts")
app.add_typer(repositories.repositories, name="repositories")
app.add_typer(repositories.workflows, name="workflows")
app.add_typer(services.services, name="services")
app.add_typer(directory.directory, name="directory")
app.add_typer(subscriptions.subscriptions, name="subscriptions")
app.add_typer(connections.connections, name="connections")
app.add_typer(access.tokens, name="tokens")
app.add_typer(notices.notices, name="notices")


def main() -> None:
    """Run a command; what we know to go wrong is a sentence and exit code 1, never a traceback."""
    try:
        app(prog_name="zekt")  # also as `python -m`, so that what completes is the command that is there
    except ZektError as error:
        _fail(error.code, error.detail)
    except psycopg.errors.UndefinedTable:
        _fail("schema_missing", "This database has no tables of Zekt's yet: run `zekt migrate`, or start `zekt serve`.")
    except (psycopg.Error, SQLAlchemyError, PoolTimeout) as error:
        # The first line is the server's or libpq's own; it names host and user, never the password.
        why = str(error.__cause__ or error).strip().splitlines()[:1]
        _fail("database_unavailable", f"{' '.join(why)}. Check ZEKT_DATABASE_URL, and that the server runs.")


def _fail(code: str, detail: str) -> NoReturn:
    # soft_wrap keeps paths and URLs in one piece, so that they can be copied.
    Console(stderr=True).print(f"{code}: {detail}", style="red", markup=False, soft_wrap=True)
    sys.exit(1)
