"""What tests of services, subscriptions and the directory share: three accounts, and whoever asks for each."""

from collections.abc import Callable
from typing import Any

import pytest
import requests
from typer.testing import CliRunner, Result

from market.town import three
from zekt_backend.cli import app
from zekt_testing import described
from zekt_testing.broker import ADMIN_TOKEN, Zekt

Ask = Callable[..., requests.Response]


@pytest.fixture
def zekt(start: Callable[..., Zekt]) -> Zekt:
    zekt = start(wanted=three())
    zekt.github.add_repository("rival-team/tools", id=3003, installation_id=53)
    return zekt


@pytest.fixture
def ask(zekt: Zekt) -> Ask:
    """`ask(token, path)`, or with a method and a JSON body; the token None is the operator's."""

    def send(token: str | None, path: str, method: str = "GET", body: Any = None, **headers: str) -> requests.Response:
        told = {"Authorization": f"Bearer {ADMIN_TOKEN if token is None else token}", **headers}
        return requests.request(
            method, zekt.url + path, json=body, headers=told, timeout=30, hooks={"response": described.check}
        )

    return send


@pytest.fixture
def make(ask: Ask) -> Callable[..., str]:
    """Makes an account's token, as the operator does: `make("infra-team", scope="read")`."""

    def token(account: str, **wanted: Any) -> str:
        answer = ask(None, "/api/tokens", "POST", {"account": account, "name": "ci", "scope": "manage", **wanted})
        assert answer.status_code == 201, answer.text
        return str(answer.json()["token"])

    return token


@pytest.fixture
def shop(make: Callable[..., str]) -> str:
    return make("shop-team")


@pytest.fixture
def infra(make: Callable[..., str]) -> str:
    return make("infra-team")


@pytest.fixture
def rival(make: Callable[..., str]) -> str:
    return make("rival-team")


@pytest.fixture
def requested(ask: Ask, rival: str) -> str:
    """The path of a subscription that rival-team has asked shop-team for."""
    wanted = {"service": "infrastructure-orders", "consumer": "rival-team/tools", "note": "We build what you order."}
    answer = ask(rival, "/api/subscriptions", "POST", wanted)
    assert answer.status_code == 201, answer.text
    return f"/api/subscriptions/{answer.json()['id']}"


@pytest.fixture
def zekt_command(zekt: Zekt, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Result]:
    """Runs `zekt ARGUMENTS` on the test's database."""
    monkeypatch.setenv("ZEKT_DATABASE_URL", zekt.database_url)
    return lambda *arguments: CliRunner().invoke(app, arguments, catch_exceptions=False)
