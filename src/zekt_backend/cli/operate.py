"""Run it: serve, worker, migrate, doctor."""

from typing import Annotated

import typer
from rich.console import Console

from zekt_backend import log, process
from zekt_backend.cli import diagnosis
from zekt_backend.errors import ZektError
from zekt_backend.settings import Settings
from zekt_backend.store import embedded, schema, server


def serve(
    host: Annotated[str | None, typer.Option(help="Address to listen on (ZEKT_HOST).")] = None,
    port: Annotated[
        int | None, typer.Option(min=0, max=65535, help="Port to listen on; 0 takes a free one (ZEKT_PORT).")
    ] = None,
    work: Annotated[bool, typer.Option("--worker/--no-worker", help="Also work off jobs in this process.")] = True,
) -> None:
    """Serve the API, and work off jobs, until stopped."""
    settings = _settings()
    given = {name: value for name, value in (("host", host), ("port", port)) if value is not None}
    process.run(settings.model_copy(update=given), api=True, work=work)


def worker(
    metrics_port: Annotated[
        int | None,
        typer.Option(min=0, max=65535, help="Port for /metrics alone, on ZEKT_HOST; 0 a free one (ZEKT_METRICS_PORT)."),
    ] = None,
) -> None:
    """Work off jobs only. Start as many as you like on one ZEKT_DATABASE_URL."""
    settings = _settings()
    given = {} if metrics_port is None else {"metrics_port": metrics_port}
    process.run(settings.model_copy(update=given), api=False, work=True)


def migrate() -> None:
    """Bring the database to this version's tables (serve and worker do it too)."""
    with server.database(_settings()) as url:
        schema.migrate(url)
    Console(stderr=True).print("The database is up to date.")


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
