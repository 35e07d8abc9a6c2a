"""Run it: serve, worker."""

from typing import Annotated

import typer

import zekt_backend.lean  # noqa: F401 — before all that follow
from zekt_backend import log, process
from zekt_backend.settings import Settings


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


def _settings() -> Settings:
    settings = Settings.load()
    log.configure(settings.log_format)
    return settings
