"""What tests of access share: API tokens, and whoever asks with them."""

from collections.abc import Callable
from typing import Any

import pytest
import requests
from typer.testing import CliRunner, Result

from zekt_backend.cli import app
from zekt_testing import described
from zekt_testing.broker import ADMIN_TOKEN, Zekt

Ask = Callable[..., requests.Response]


@pytest.fixture
def ask(zekt: Zekt) -> Ask:
    """`ask(token, path)`, or with a method and a JSON body; the token None is the operator's."""

    def send(token: str | None, path: str, method: str = "GET", body: Any = None) -> requests.Response:
        headers = {"Authorization": f"Bearer {ADMIN_TOKEN if token is None else token}"}
        return requests.request(
            method, zekt.url + path, json=body, headers=headers, timeout=30, hooks={"response": described.check}
        )

    return send


@pytest.fixture
def make(ask: Ask) -> Callable[..., str]:
    """Makes an account's token, as the operator does: `make("infra-team", scope="manage")`."""

    def token(account: str, **wanted: Any) -> str:
        answer = ask(None, "/api/tokens", "POST", {"account": account, "name": "ci", **wanted})
        assert answer.status_code == 201, answer.text
        return str(answer.json()["token"])

    return token


@pytest.fixture
def zekt_command(zekt: Zekt, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Result]:
    """Runs `zekt ARGUMENTS` on the test's database."""
    monkeypatch.setenv("ZEKT_DATABASE_URL", zekt.database_url)
    return lambda *arguments: CliRunner().invoke(app, arguments, catch_exceptions=False)
