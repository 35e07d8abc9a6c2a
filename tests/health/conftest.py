"""A broker whose clock stands still, so that a boundary is one; and whoever asks it."""

import asyncio
import socket
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest
import requests
import uvicorn
from typer.testing import CliRunner, Result

from market.town import three
from zekt_backend.app import create_app
from zekt_backend.broker import Broker
from zekt_backend.cli import app
from zekt_testing import described, setup
from zekt_testing.broker import ADMIN_TOKEN, settings_for
from zekt_testing.clock import ManualClock


@dataclass
class Still:
    """infra-team consumes what shop-team provides; rival-team has nothing to do with it."""

    url: str
    database_url: str
    clock: ManualClock

    def ask(self, path: str, token: str | None = None, **how: Any) -> requests.Response:
        """A GET unless told otherwise; the token None is the operator's."""
        headers = {"Authorization": f"Bearer {token or ADMIN_TOKEN}"}
        return requests.request(
            how.pop("method", "GET"),
            self.url + path,
            headers=headers,
            timeout=30,
            hooks={"response": described.check},
            **how,
        )

    def get(self, path: str, token: str | None = None) -> Any:
        answer = self.ask(path, token)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def token(self, account: str) -> str:
        answer = self.ask("/api/tokens", method="POST", json={"account": account, "name": "ci"})
        return str(answer.json()["token"])

    def connection(self, token: str | None = None) -> dict[str, Any]:
        """The one that there is."""
        (found,) = self.get("/api/connections", token)["connections"]
        return dict(found)

    def diagnostics(self, token: str | None = None) -> dict[str, Any]:
        found = self.get(f"/api/connections/{self.connection(token)['id']}/diagnostics", token)
        assert found["connection"] == self.connection(token)
        return dict(found)


@pytest.fixture
def wanted() -> dict[str, Any]:
    """The setup file."""
    return three()


@pytest.fixture
def still(github: Any, new_database: Callable[[], str], wanted: dict[str, Any]) -> Iterator[Still]:
    url, clock = new_database(), ManualClock()
    setup.apply(url, wanted)
    listening = socket.create_server(("127.0.0.1", 0))
    broker = Broker.build(settings_for(github), url, clock=clock)
    server = uvicorn.Server(uvicorn.Config(create_app(broker), lifespan="off", log_config=None))

    async def main() -> None:
        await broker.open()
        try:
            await server.serve(sockets=[listening])
        finally:
            await broker.close()

    thread = threading.Thread(target=lambda: asyncio.run(main()), daemon=True)
    thread.start()
    # It listens already: the first request waits until somebody answers.
    yield Still(f"http://127.0.0.1:{listening.getsockname()[1]}", url, clock)
    server.should_exit = True
    thread.join(30)
    assert not thread.is_alive()


@pytest.fixture
def zekt_command(still: Still, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Result]:
    """Runs `zekt ARGUMENTS` on the test's database."""
    monkeypatch.setenv("ZEKT_DATABASE_URL", still.database_url)
    return lambda *arguments: CliRunner().invoke(app, arguments, catch_exceptions=False)
