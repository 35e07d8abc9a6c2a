"""The GitHub App: its manifest, and its credentials once it is registered."""

import html
import json
import os
from contextlib import suppress
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console

from zekt_backend.errors import ZektError
from zekt_backend.github import registration
from zekt_backend.rules.app_manifest import manifest
from zekt_backend.settings import Settings

github_app = typer.Typer(no_args_is_help=True)

_PAGE = """<!doctype html>
<meta charset="utf-8">
<title>Register the GitHub App</title>
<form action="{action}" method="post">
<input type="hidden" name="manifest" value="{manifest}">
<button>Register the app at {host}</button>
</form>
"""


@github_app.command("manifest")
def print_manifest(
    name: Annotated[str, typer.Option(help="The app's name; no other app's.", show_default=True)] = "Zekt",
    private: Annotated[bool, typer.Option("--private", help="Only its own owner may install it.")] = False,
    issues: Annotated[bool, typer.Option("--issues", help="It may open issues: for notices of failure.")] = False,
    form: Annotated[bool, typer.Option("--form", help="As a web page with the button that registers it.")] = False,
    organization: Annotated[str | None, typer.Option(help="With --form: register it there, not for yourself.")] = None,
) -> None:
    """Print the App's manifest, as the settings make it."""
    settings = Settings.load()
    made = manifest(
        name=name,
        base_url=settings.base_url,
        webhook_url=settings.webhook_url,
        callback_url=settings.callback_url,
        public=not private,
        issues=issues,
    )
    typer.echo(_page(settings, made, organization) if form else json.dumps(made, indent=2))


def _page(settings: Settings, made: dict[str, Any], organization: str | None) -> str:
    where = f"/organizations/{organization}" if organization else ""
    return _PAGE.format(
        action=html.escape(f"{settings.github_url}{where}/settings/apps/new"),
        manifest=html.escape(json.dumps(made)),
        host=html.escape(settings.github_url),
    )


@github_app.command()
def register(
    code: Annotated[str, typer.Argument(help="What follows ?code= in the address that GitHub led you to.")],
    into: Annotated[Path, typer.Option(help="The folder for the three secrets, one file each.")] = Path(),
) -> None:
    """Fetch the credentials of the App that was registered by its manifest, and write them to files."""
    settings = Settings.load()
    files = {name: into / f"zekt-{name}" for name in ("private-key.pem", "webhook-secret", "client-secret")}
    _reserve(list(files.values()))
    try:
        found = registration.convert(settings.github_api_url, code, settings.github_timeout.total_seconds())
    except BaseException:
        for path in files.values():
            path.unlink()
        raise
    files["private-key.pem"].write_text(found.pem)
    files["webhook-secret"].write_text(found.webhook_secret or "")
    files["client-secret"].write_text(found.client_secret)
    where = {name: path.resolve() for name, path in files.items()}
    typer.echo(f"ZEKT_GITHUB_APP_ID={found.id}")
    typer.echo(f"ZEKT_GITHUB_APP_PRIVATE_KEY_FILE={where['private-key.pem']}")
    typer.echo(f"ZEKT_WEBHOOK_SECRET_FILE={where['webhook-secret']}")
    typer.echo(f"ZEKT_OAUTH_CLIENT_ID={found.client_id}")
    typer.echo(f"ZEKT_OAUTH_CLIENT_SECRET_FILE={where['client-secret']}")
    Console(stderr=True).print(f"Registered. Install it: {found.html_url}", markup=False, soft_wrap=True)


def _reserve(paths: list[Path]) -> None:
    """Empty files that only we may read: GitHub gives the secrets once, so there must be a place for them before.

    Raises:
        ZektError: `settings_invalid`; none of them is left behind then.
    """
    made: list[Path] = []
    try:
        for path in paths:
            os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
            made.append(path)
    except OSError as error:
        for path in made:
            with suppress(OSError):
                path.unlink()
        raise ZektError("settings_invalid", f"{error.filename} cannot be made: {error.strerror}.") from None
