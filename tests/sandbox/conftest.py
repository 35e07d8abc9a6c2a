"""A real stand-in GitHub on a socket, real clients, and a real listener for its webhooks."""

import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
import requests

from zekt_sandbox.server import SandboxServer

ORDERS = "shop-team/orders"
PLATFORM = "infra-team/platform"


@dataclass
class Heard:
    """One webhook as it arrived."""

    headers: dict[str, str]
    body: bytes

    @property
    def payload(self) -> dict[str, Any]:
        value: dict[str, Any] = json.loads(self.body)
        return value


@dataclass
class Listener:
    """Answers each webhook with the next of `answers` (then 202), while `open` is set."""

    url: str = ""
    heard: list[Heard] = field(default_factory=list)
    answers: list[int] = field(default_factory=list)
    open: threading.Event = field(default_factory=threading.Event)
    arrived: threading.Condition = field(default_factory=threading.Condition)

    def take(self, headers: dict[str, str], body: bytes) -> int:
        with self.arrived:
            self.heard.append(Heard(headers, body))
            self.arrived.notify_all()
        self.open.wait(10)
        return self.answers.pop(0) if self.answers else 202

    def wait(self, number: int) -> list[Heard]:
        with self.arrived:
            assert self.arrived.wait_for(lambda: len(self.heard) >= number, 10), f"heard {len(self.heard)}"
            return list(self.heard)


@pytest.fixture
def gh() -> Iterator[SandboxServer]:
    with SandboxServer(port=0) as server:
        server.add_repository(ORDERS, id=1001, installation_id=51)
        server.add_repository(PLATFORM, id=2002, installation_id=62)
        yield server


@pytest.fixture
def listener() -> Iterator[Listener]:
    ear = Listener()
    ear.open.set()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            status = ear.take(dict(self.headers), body)
            self.send_response(status)
            self.send_header("Content-Length", "2")
            self.end_headers()
            self.wfile.write(b"ok")

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class named it
            """Tests need no access log."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    ear.url = f"http://127.0.0.1:{server.server_address[1]}/api/github/webhooks"
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    yield ear
    ear.open.set()
    server.shutdown()
    thread.join()
    server.server_close()


@dataclass
class Client:
    """A `requests` session with a bearer token, rooted at the sandbox."""

    url: str
    session: requests.Session

    def call(self, method: str, path: str, **how: Any) -> requests.Response:
        return self.session.request(method, self.url + path, **{"timeout": 10, **how})

    def dispatch(self, repository: str, event_type: str = "order", **how: Any) -> requests.Response:
        body = {"event_type": event_type, "client_payload": how.pop("client_payload", {"a": 1})}
        return self.call("POST", f"/repos/{repository}/dispatches", json=body, **how)


@pytest.fixture
def anonymous(gh: SandboxServer) -> Iterator[Client]:
    with requests.Session() as session:
        session.trust_env = False
        yield Client(gh.url, session)


@pytest.fixture
def orders(gh: SandboxServer) -> Iterator[Client]:
    """With an installation token of shop-team."""
    token, _ = gh.world.credentials.issue(51)
    with requests.Session() as session:
        session.trust_env = False
        session.headers["Authorization"] = f"Bearer {token}"
        yield Client(gh.url, session)
