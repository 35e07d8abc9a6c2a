"""What the App asks for, what the document says of it, and how it is registered."""

import html
import json
import re
import stat
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from zekt_backend.cli import app
from zekt_backend.errors import ZektError
from zekt_backend.rules.app_manifest import EVENTS, PERMISSIONS
from zekt_sandbox.repositories import DEFAULT_PERMISSIONS

CONVERTED = {
    "id": 4711,
    "slug": "zekt-of-shop",
    "html_url": "https://ghes.example/github-apps/zekt-of-shop",
    "client_id": "Iv1.abc",
    "client_secret": "the client's secret",
    "pem": "-----BEGIN RSA PRIVATE KEY-----\nthe key\n-----END RSA PRIVATE KEY-----\n",
    "webhook_secret": "the webhook's secret",
    "permissions": {},
}


@pytest.fixture
def zekt_app(monkeypatch: pytest.MonkeyPatch) -> Callable[..., Result]:
    """Runs `zekt app ARGUMENTS` with a GitHub Enterprise Server's settings."""
    monkeypatch.setenv("ZEKT_PUBLIC_URL", "https://zekt.example/")
    monkeypatch.setenv("ZEKT_GITHUB_URL", "https://ghes.example/")
    return lambda *arguments: CliRunner().invoke(app, ["app", *arguments], catch_exceptions=False)


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """A GitHub that converts one code, once; the paths that it was asked for."""
    asked: list[str] = []

    class Answer(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers.get("content-length", "0")))
            first = self.path not in asked
            asked.append(self.path)
            good = first and self.path == "/api/v3/app-manifests/good-code/conversions"
            body = json.dumps(CONVERTED if good else {"message": "Not Found"}).encode()
            self.send_response(201 if good else 404)
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Not on standard error."""

    listening = ThreadingHTTPServer(("127.0.0.1", 0), Answer)
    Thread(target=listening.serve_forever, daemon=True).start()
    monkeypatch.setenv("ZEKT_GITHUB_API_URL", f"http://127.0.0.1:{listening.server_port}/api/v3")
    yield asked
    listening.shutdown()
    listening.server_close()


def table(root: Path, heading: str) -> list[list[str]]:
    """The cells of the first table under a heading of the document."""
    text = (root / "docs/github-app.md").read_text()
    part = text.partition(f"\n## {heading}\n")[2].partition("\n## ")[0]
    rows = [line.strip("|").split("|") for line in part.splitlines() if line.startswith("| `")]
    return [[cell.strip().strip("`") for cell in row] for row in rows]


def test_the_document_gives_a_reason_for_each_permission_and_for_no_other(root: Path) -> None:
    rows = table(root, "Permissions")
    assert {name: level for name, level, _ in rows} == PERMISSIONS
    assert all(len(reason) > 20 for *_, reason in rows)


def test_the_document_gives_a_reason_for_each_event_and_for_no_other(root: Path) -> None:
    rows = table(root, "Events")
    assert sorted(name for name, _ in rows) == sorted(EVENTS)
    assert all(len(reason) > 20 for *_, reason in rows)


def test_the_sandbox_grants_what_the_manifest_asks_for() -> None:
    """So every test of ours would notice an endpoint that needs more."""
    assert DEFAULT_PERMISSIONS == PERMISSIONS


def test_the_manifest_names_the_brokers_own_addresses(zekt_app: Callable[..., Result]) -> None:
    made = json.loads(zekt_app("manifest", "--name", "Zekt of Shop").stdout)
    assert made["name"] == "Zekt of Shop"
    assert made["url"] == made["redirect_url"] == "https://zekt.example"
    assert made["hook_attributes"] == {"url": "https://zekt.example/api/github/webhooks", "active": True}
    assert all(url.startswith("https://zekt.example/") for url in made["callback_urls"])
    assert made["public"] is True
    assert "github.com" not in json.dumps(made)


def test_a_private_app_is_only_for_its_owner(zekt_app: Callable[..., Result]) -> None:
    assert json.loads(zekt_app("manifest", "--private").stdout)["public"] is False


def test_the_form_sends_the_manifest_to_the_github_of_the_settings(zekt_app: Callable[..., Result]) -> None:
    page = zekt_app("manifest", "--form", "--organization", "shop-team", "--name", '"><script>').stdout
    assert 'action="https://ghes.example/organizations/shop-team/settings/apps/new"' in page
    assert "<script>" not in page
    (value,) = re.findall(r'name="manifest" value="([^"]*)"', page)
    assert json.loads(html.unescape(value))["name"] == '"><script>'


@pytest.mark.usefixtures("server")
def test_registering_writes_the_secrets_to_files_of_ones_own_and_prints_none(
    zekt_app: Callable[..., Result], tmp_path: Path
) -> None:
    done = zekt_app("register", "good-code", "--into", str(tmp_path))
    assert done.exit_code == 0
    settings = dict(line.split("=", 1) for line in done.stdout.splitlines())
    assert settings["ZEKT_GITHUB_APP_ID"] == "4711"
    for variable, member in (
        ("ZEKT_GITHUB_APP_PRIVATE_KEY_FILE", "pem"),
        ("ZEKT_WEBHOOK_SECRET_FILE", "webhook_secret"),
        ("ZEKT_OAUTH_CLIENT_SECRET_FILE", "client_secret"),
    ):
        path = Path(settings[variable])
        assert path.read_text() == CONVERTED[member]
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        assert str(CONVERTED[member]) not in done.output


def failure(run: Callable[[], Any]) -> ZektError:
    with pytest.raises(ZektError) as caught:
        run()
    return caught.value


@pytest.mark.usefixtures("server")
def test_a_code_that_was_used_leaves_no_files(zekt_app: Callable[..., Result], tmp_path: Path) -> None:
    error = failure(lambda: zekt_app("register", "used-code", "--into", str(tmp_path)))
    assert error.code == "github_refused"
    assert list(tmp_path.iterdir()) == []


def test_a_code_is_not_spent_where_the_secrets_cannot_be_kept(
    zekt_app: Callable[..., Result], server: list[str], tmp_path: Path
) -> None:
    (tmp_path / "zekt-client-secret").write_text("somebody else's")
    error = failure(lambda: zekt_app("register", "good-code", "--into", str(tmp_path)))
    assert error.code == "settings_invalid"
    assert server == []
    assert [path.read_text() for path in tmp_path.iterdir()] == ["somebody else's"]


@pytest.mark.parametrize("code", ["../../app", "a b", "", "a" * 201])
def test_what_is_no_code_is_not_sent_to_github(
    zekt_app: Callable[..., Result], server: list[str], tmp_path: Path, code: str
) -> None:
    assert failure(lambda: zekt_app("register", "--into", str(tmp_path), "--", code)).code == "github_refused"
    assert server == []
