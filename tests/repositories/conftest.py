"""What tests of repositories share: two accounts without any, and a desk from which they are onboarded."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
import requests
from typer.testing import CliRunner, Result

from zekt_backend.cli import app
from zekt_sandbox.letters import Hook
from zekt_testing.broker import ADMIN_TOKEN, SECRET, Zekt

ORDERS, PLATFORM = "shop-team/orders", "infra-team/platform"
IDS = {ORDERS: 1001, PLATFORM: 2002}


@dataclass
class Desk:
    """Whoever onboards repositories, over HTTP or by commands."""

    zekt: Zekt
    monkeypatch: pytest.MonkeyPatch

    def ask(
        self, method: str, path: str, body: Any = None, token: str = ADMIN_TOKEN, **headers: str
    ) -> requests.Response:
        """`path` goes on from /api/repositories."""
        sent = {"Authorization": f"Bearer {token}", **{name.replace("_", "-"): text for name, text in headers.items()}}
        return requests.request(method, f"{self.zekt.url}/api/repositories{path}", json=body, headers=sent, timeout=60)

    def add(self, *names: str) -> None:
        for name in names:
            answer = self.ask("POST", "", {"repository": name})
            assert answer.status_code == 201, answer.text

    def put(self, name: str, what: str, body: Any = None) -> dict[str, Any]:
        answer = self.ask("PUT", f"/{IDS[name]}/{what}", body)
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = answer.json()
        return found

    def delete(self, name: str, what: str) -> dict[str, Any]:
        answer = self.ask("DELETE", f"/{IDS[name]}/{what}")
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = answer.json()
        return found

    def refused(self, method: str, path: str, body: Any = None) -> tuple[str, str]:
        """The code, and what is said."""
        answer = self.ask(method, path, body)
        assert answer.status_code >= 400, answer.text
        return answer.json()["code"], answer.json()["detail"]

    def hooks(self, name: str) -> list[Hook]:
        return [hook for hook in self.zekt.github.world.hooks.all() if str(hook.repository) == name]

    def command(self, *arguments: str) -> Result:
        """`zekt ARGUMENTS`, on this broker's database and GitHub."""
        settings = {
            **self.zekt.github.broker_environment(),
            "ZEKT_DATABASE_URL": self.zekt.database_url,
            "ZEKT_PUBLIC_URL": self.zekt.url,
            "ZEKT_WEBHOOK_SECRET": SECRET,
        }
        for variable, value in settings.items():
            self.monkeypatch.setenv(variable, value)
        return CliRunner().invoke(app, arguments, catch_exceptions=False)

    def audit(self) -> list[dict[str, Any]]:
        """Oldest first."""
        found: list[dict[str, Any]] = self.zekt.get("/api/audit?limit=500")["audit"]
        return found[::-1]

    def decided(self) -> list[tuple[str, dict[str, str]]]:
        """Each decision, oldest first: its outcome, and what every rule that did not pass says."""
        return [
            (outcome, {rule["name"]: rule["detail"] for rule in reasons["provider"] if not rule["passed"]})
            for outcome, reasons in self.zekt.sql("SELECT outcome, reasons FROM decisions ORDER BY id")
        ]


@pytest.fixture
def accounts() -> dict[str, Any]:
    """Both are here for both, and have nothing yet."""
    return {"accounts": [{"login": login, "persona": "both"} for login in ("shop-team", "infra-team")]}


@pytest.fixture
def desk(start: Callable[..., Zekt], accounts: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> Desk:
    """No webhook is there but those that get placed."""
    zekt = start(wanted=accounts)
    for hook in zekt.hooks:
        zekt.github.world.hooks.remove(hook.id)
    return Desk(zekt, monkeypatch)
