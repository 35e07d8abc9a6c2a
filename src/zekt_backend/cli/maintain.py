"""Look after it: migrate, doctor."""

from typing import Annotated

import typer
from rich.console import Console

from zekt_backend import log
from zekt_backend.cli import diagnosis
from zekt_backend.errors import ZektError
from zekt_backend.settings import Settings
from zekt_backend.store import embedded, schema, server


def migrate() -> None:
    """Bring the database to this version's tables (serve and worker do it too)."""
    settings = _settings()
    with server.database(settings) as url:
        schema.migrate(url)
    Console(stderr=True).print(f"Up to date: {server.name_of(settings)}.", markup=False, soft_wrap=True)


def doctor(
    connection: Annotated[
        str | None,
        typer.Argument(help="SERVICE-SLUG@OWNER/REPO, the consumer's repository: ask GitHub what it lacks."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Of a connection: print JSON.")] = False,
    stop: Annotated[
        bool, typer.Option("--stop", help="Without a connection: stop an embedded PostgreSQL that was left over.")
    ] = False,
) -> None:
    """Will CONNECTION run, and did it? Without one: was an embedded PostgreSQL left over by a process that was killed?

    Exit code of a connection: 0 nothing is wrong, 1 something is, 3 nothing was found but not all could be asked.
    """
    if connection is None and as_json:
        raise typer.BadParameter(
            "belongs to a connection: zekt doctor SERVICE-SLUG@OWNER/REPO --json", param_hint="--json"
        )
    if connection is not None and stop:
        raise typer.BadParameter("is about the embedded PostgreSQL: leave the connection out", param_hint="--stop")
    settings = _settings()
    if connection is not None:
        with server.database(settings) as url:
            code = diagnosis.report(connection, url, settings, as_json=as_json)
        raise typer.Exit(code)
    _look_for_leftover(settings, stop=stop)


def _look_for_leftover(settings: Settings, *, stop: bool) -> None:
    out = Console(stderr=True)
    if settings.database_url is not None:
        out.print("ZEKT_DATABASE_URL is set: the embedded PostgreSQL is not used.")
        return
    left = embedded.leftover(settings.data_dir)
    if left is None:
        out.print(f"No PostgreSQL was left over in {settings.data_dir}.", markup=False)
        return
    out.print(left, markup=False)
    if not stop:
        raise ZektError("embedded_refused", "Run `zekt doctor --stop` to stop it, or `zekt serve` to use it again.")
    embedded.stop_leftover(settings.data_dir)
    out.print("Stopped.")


def _settings() -> Settings:
    settings = Settings.load()
    log.configure(settings.log_format)
    return settings
