"""What a person sees who starts it wrongly: one sentence, exit code 1, no traceback, no secret."""

import socket
import subprocess
import sys
from pathlib import Path

import pytest
from pydantic import ValidationError

from zekt_backend.errors import ZektError
from zekt_backend.settings import Settings
from zekt_sandbox.server import SandboxServer


def run(tmp_path: Path, *arguments: str, **environment: str) -> str:
    """The last line on standard error of a command that must fail."""
    done = subprocess.run(
        [sys.executable, "-m", "zekt_backend.cli", *arguments],
        env={"PATH": "/usr/bin:/bin", "PYTHONPATH": ":".join(sys.path), "HOME": str(tmp_path), **environment},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 1, done.stderr
    assert "Traceback" not in done.stderr
    assert "hunter2" not in done.stderr + done.stdout
    return done.stderr.splitlines()[-1]


DEAD = "postgresql://zekt:hunter2@127.0.0.1:1/zekt"


def test_without_an_app_it_says_which_settings_and_offers_the_demo(new_database: object, tmp_path: Path) -> None:
    assert callable(new_database)
    said = run(tmp_path, "serve", ZEKT_DATABASE_URL=new_database())
    assert said.startswith("settings_invalid:")
    assert "ZEKT_GITHUB_APP_PRIVATE_KEY_FILE" in said
    assert "zekt demo" in said


def test_a_taken_port_is_named(new_database: object, github: SandboxServer, tmp_path: Path) -> None:
    assert callable(new_database)
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        environment = github.broker_environment() | {"ZEKT_DATABASE_URL": new_database(), "ZEKT_PORT": port}
        said = run(tmp_path, "serve", **environment)
    assert f"Cannot listen on 127.0.0.1:{port}" in said
    assert "ZEKT_PORT" in said


@pytest.mark.parametrize("command", ["serve", "migrate", "deliveries"])
def test_a_database_that_is_not_there_is_a_sentence(tmp_path: Path, command: str) -> None:
    said = run(tmp_path, command, ZEKT_DATABASE_URL=DEAD)
    assert said.startswith("database_unavailable:")
    assert "Check ZEKT_DATABASE_URL" in said


def test_a_database_url_that_cannot_be_read_is_not_repeated(tmp_path: Path) -> None:
    said = run(tmp_path, "migrate", ZEKT_DATABASE_URL="postgres:hunter2@h/x")
    assert "ZEKT_DATABASE_URL cannot be read" in said


@pytest.mark.parametrize("arguments", [("worker",), ("serve", "--host", "0.0.0.0")])
def test_an_address_that_consumers_cannot_reach_is_refused(tmp_path: Path, arguments: tuple[str, ...]) -> None:
    assert "ZEKT_PUBLIC_URL" in run(tmp_path, *arguments, ZEKT_DATABASE_URL=DEAD)


@pytest.mark.parametrize(
    ("name", "value", "says"),
    [
        ("ZEKT_ADMIN_TOKEN", "", "ZEKT_ADMIN_TOKEN: is set but empty"),
        ("ZEKT_WEBHOOK_SECRET", " ", "ZEKT_WEBHOOK_SECRET: is set but empty"),
        ("ZEKT_ADMIN_TOKEN_FILE", "/nowhere", "ZEKT_ADMIN_TOKEN_FILE names /nowhere, which cannot be read"),
        ("ZEKT_ADMIN_TOKEN_FILE", "/dev/null", "is set but empty"),
        ("ZEKT_PORT", "99999", "ZEKT_PORT"),
        ("ZEKT_CONFIRM_TIMEOUT", "-1", "ZEKT_CONFIRM_TIMEOUT: must be longer than zero"),
        ("ZEKT_GITHUB_APP_ID", "7", "set both or none"),
        ("ZEKT_OIDC_ISSUER", "https://a.example,https://b.example", "all of the same host"),
        ("ZEKT_OIDC_ISSUER", "", "all of the same host"),
        ("ZEKT_OIDC_ISSUER", "foo", "all of the same host"),
        ("ZEKT_PUBLIC_URL", "zekt.example.com", "ZEKT_PUBLIC_URL: must start with https://"),
        ("ZEKT_CONFIRM_TIMEOUT", "5m", "ZEKT_CONFIRM_TIMEOUT: write seconds (300)"),
    ],
)
def test_a_setting_that_does_not_fit_is_named(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str, says: str
) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(ZektError) as caught:
        Settings.load()
    assert caught.value.code == "settings_invalid"
    assert says in caught.value.detail


def test_a_secret_may_come_from_a_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "token").write_text("from a file\n")
    monkeypatch.setenv("ZEKT_ADMIN_TOKEN_FILE", str(tmp_path / "token"))
    settings = Settings.load()
    assert settings.admin_token is not None
    assert settings.admin_token.get_secret_value() == "from a file"
    assert "from a file" not in repr(settings)


def test_settings_cannot_be_changed_after_they_were_read() -> None:
    with pytest.raises(ValidationError):
        setattr(Settings(), "port", 1)  # noqa: B010 - mypy knows that it cannot be written
