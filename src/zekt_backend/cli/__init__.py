"""`zekt`: every command, on one screen."""

import sys

import typer
from rich.console import Console

from zekt_backend.cli import look, operate, try_out
from zekt_backend.errors import ZektError

app = typer.Typer(
    name="zekt",
    help="A broker between GitHub workflows of different organisations.",
    no_args_is_help=True,
    pretty_exceptions_show_locals=False,  # locals hold secrets
)
app.command()(operate.serve)
app.command()(operate.worker)
app.command()(operate.migrate)
app.command()(operate.doctor)
app.command()(look.deliveries)
app.command()(try_out.demo)
app.command()(try_out.sandbox)

setup = typer.Typer(help="Say who provides, who consumes and who may.", no_args_is_help=True)
setup.command()(operate.apply)
app.add_typer(setup, name="setup")


def main() -> None:
    """Run a command; what we know to go wrong is a sentence and exit code 1, never a traceback."""
    try:
        app()
    except ZektError as error:
        # soft_wrap keeps paths and URLs in one piece, so that they can be copied.
        Console(stderr=True).print(f"{error.code}: {error.detail}", style="red", markup=False, soft_wrap=True)
        sys.exit(1)
