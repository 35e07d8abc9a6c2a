"""What tests of notices share: receivers on sockets, and deliveries that fail."""

import itertools
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
import requests
from typer.testing import CliRunner, Result

from zekt_backend.cli import app
from zekt_testing import described
from zekt_testing.broker import ADMIN_TOKEN, SECRET, Zekt

Ask = Callable[..., requests.Response]


@dataclass(frozen=True)
class Letter:
    """What came in."""

    path: str
    headers: dict[str, str]
    body: bytes


@dataclass
class Receiver:
    """An endpoint of somebody's; answers `answers` one after the other, then `status` for ever."""

    url: str = ""
    status: int = 204
    answers: list[int] = field(default_factory=list)
    letters: list[Letter] = field(default_factory=list)
    headers: dict[str, str] = field(default_factory=dict)
    changed: threading.Condition = field(default_factory=threading.Condition)
    open: threading.Event = field(default_factory=threading.Event)
    """Cleared: it takes a letter, and answers nothing until it is set."""

    def wait(self, count: int = 1, seconds: float = 20) -> list[Letter]:
        with self.changed:
            assert self.changed.wait_for(lambda: len(self.letters) >= count, seconds), f"{len(self.letters)} of {count}"
            return list(self.letters)


@pytest.fixture
def receivers() -> Iterator[Callable[[], Receiver]]:
    """Starts one: `receivers()`."""
    servers: list[tuple[ThreadingHTTPServer, Receiver]] = []

    def make() -> Receiver:
        receiver = Receiver()
        receiver.open.set()
        server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(receiver))
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
        receiver.url = f"http://127.0.0.1:{server.server_port}/hooks/zekt?key=of-theirs"
        servers.append((server, receiver))
        return receiver

    yield make
    for server, receiver in servers:
        receiver.open.set()
        server.shutdown()
        server.server_close()


def _handler(receiver: Receiver) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            headers = {name.lower(): value for name, value in self.headers.items()}
            with receiver.changed:
                receiver.letters.append(Letter(self.path, headers, body))
                status = receiver.answers.pop(0) if receiver.answers else receiver.status
                receiver.changed.notify_all()
            receiver.open.wait(30)
            with suppress(OSError):
                self.send_response(status)
                for name, value in receiver.headers.items():
                    self.send_header(name, value)
                self.send_header("content-length", "0")
                self.end_headers()

        def log_message(self, *_: Any) -> None: ...

    return Handler


@pytest.fixture
def receiver(receivers: Callable[[], Receiver]) -> Receiver:
    return receivers()


@pytest.fixture
def zekt(start: Callable[..., Zekt]) -> Zekt:
    """A broker with one subscription, fire-and-forget."""
    return start(durable=False)


@pytest.fixture
def ask(zekt: Zekt) -> Ask:
    """`ask("PUT", "/api/…", body, token=…)`; without a token, the operator."""

    def send(
        method: str, path: str, body: Any = None, *, token: str = ADMIN_TOKEN, **headers: str
    ) -> requests.Response:
        sent = {"Authorization": f"Bearer {token}", **{name.replace("_", "-"): text for name, text in headers.items()}}
        return requests.request(
            method, zekt.url + path, json=body, headers=sent, timeout=60, hooks={"response": described.check}
        )

    return send


@pytest.fixture
def choose(ask: Ask) -> Callable[..., dict[str, Any]]:
    """`choose("infra-team", url=…)` as the operator; gives the settings."""

    def put(account: str, **wanted: Any) -> dict[str, Any]:
        answer = ask("PUT", f"/api/accounts/{account}/notices", wanted)
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = answer.json()
        return found

    return put


@pytest.fixture
def rotate(ask: Ask) -> Callable[[str], str]:
    """Makes an account's signing secret, and gives it."""

    def post(account: str) -> str:
        answer = ask("POST", f"/api/accounts/{account}/notices/secret")
        assert answer.status_code == 200, answer.text
        return str(answer.json()["secret"])

    return post


@pytest.fixture
def notices(ask: Ask) -> Callable[[], list[dict[str, Any]]]:
    """All that accounts were told, oldest first."""
    return lambda: ask("GET", "/api/notices?limit=500").json()["notices"][::-1]


_numbers = itertools.count(1)


@pytest.fixture
def fail(zekt: Zekt) -> Callable[..., list[str]]:
    """Makes deliveries fail, each by a run of its own: `fail(3)`; gives their ids, when they have failed."""

    def make(count: int = 1, consumer: str = "infra-team/platform") -> list[str]:
        known = {delivery["deliveryId"] for delivery in zekt.deliveries()}
        refused = zekt.github.faults.add(where="dispatch", kind="status", status=404, repository=consumer, times=count)
        for _ in range(count):
            run = zekt.start_run()
            zekt.send(run, {"secret": "of the message"}, messageId=f"m-{next(_numbers)}")
            zekt.github.finish_run(run)
        zekt.until_sql(f"SELECT 1 FROM deliveries WHERE status = 'failed' HAVING count(*) >= {count}")
        assert refused is not None
        new = [delivery["deliveryId"] for delivery in zekt.deliveries() if delivery["deliveryId"] not in known]
        for delivery_id in new:
            zekt.until(delivery_id, "failed")
        return new

    return make


@pytest.fixture
def zekt_command(zekt: Zekt, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Result]:
    """Runs `zekt ARGUMENTS` as on the broker's machine."""
    for name, value in (
        ("ZEKT_DATABASE_URL", zekt.database_url),
        ("ZEKT_WEBHOOK_SECRET", SECRET),
        ("ZEKT_GITHUB_API_URL", zekt.github.url),
        ("ZEKT_GITHUB_APP_ID", zekt.github.app_id),
        ("ZEKT_GITHUB_APP_PRIVATE_KEY", zekt.github.app_private_key),
    ):
        monkeypatch.setenv(name, value)
    return lambda *arguments: CliRunner().invoke(app, arguments, catch_exceptions=False)
