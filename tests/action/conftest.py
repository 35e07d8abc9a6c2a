"""What the action's tests share: a broker and token service on a real socket, a runner, an old Python."""

import contextlib
import json
import os
import shutil
import socket
import ssl
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from zekt_testing.steps import Runner


@dataclass(frozen=True)
class Heard:
    """One request as it came over the wire."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes


@dataclass
class Reply:
    """What to answer next; `hang` waits until the broker is closed, `cut` closes the connection without a word."""

    status: int = 202
    body: Any = None
    headers: dict[str, str] = field(default_factory=dict)
    hang: bool = False
    cut: bool = False
    short: int = 0
    """Bytes of the body that never come."""
    drip: float = 0
    """Seconds between two bytes."""

    def raw(self) -> bytes:
        return self.body if isinstance(self.body, bytes) else json.dumps(self.body).encode()


RECEIPT = {"success": True, "eventId": "evt-1", "consumersNotified": 2, "correlationId": "42", "message": "stored"}


class Broker:
    """Answers tokens and everything else as told, over real sockets; the last reply of a path repeats."""

    def __init__(self) -> None:
        self.heard: list[Heard] = []
        self._arrived = threading.Condition()
        self.closing = threading.Event()
        self._replies: dict[str, list[Reply]] = {}
        self._tokens = 0
        self._lock = threading.Lock()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,))
        self._thread.start()
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        self.reply("/api/events/receive", Reply(202, RECEIPT))

    def reply(self, path: str, *replies: Reply) -> None:
        self._replies[path] = list(replies)

    def asked(self, path: str) -> list[Heard]:
        return [heard for heard in self.heard if heard.path.partition("?")[0] == path]

    def arrived_at(self, path: str, seconds: float) -> bool:
        """Wait until something was asked of a path."""
        with self._arrived:
            return self._arrived.wait_for(lambda: bool(self.asked(path)), seconds)

    def speak_tls(self, context: ssl.SSLContext) -> None:
        self._server.socket = context.wrap_socket(self._server.socket, server_side=True)
        self.url = self.url.replace("http:", "https:")

    def close(self) -> None:
        self.closing.set()
        self._server.shutdown()
        self._thread.join(10)
        self._server.server_close()

    def next_reply(self, heard: Heard) -> Reply:
        path = heard.path.partition("?")[0]
        with self._lock:
            self.heard.append(heard)
            queue = self._replies.get(path, [])
            found = queue.pop(0) if len(queue) > 1 else queue[0] if queue else None
            if found is None and path == "/token":
                self._tokens += 1
                found = Reply(200, {"value": f"header.body.signature{self._tokens}"})
        with self._arrived:
            self._arrived.notify_all()
        return found or Reply(404, {"code": "not_found", "detail": "No such page"})

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        broker = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def answer(self) -> None:
                body = self.rfile.read(int(self.headers.get("content-length", 0)))
                headers = {name.lower(): value for name, value in self.headers.items()}
                reply = broker.next_reply(Heard(self.command, self.path, headers, body))
                if reply.hang:
                    broker.closing.wait(30)
                if reply.hang or reply.cut:
                    self.close_connection = True
                    return
                self.send_response(reply.status)
                for name, value in reply.headers.items():
                    self.send_header(name, value)
                self.send_header("content-length", str(len(reply.raw())))
                self.end_headers()
                self.write(reply)

            def write(self, reply: Reply) -> None:
                raw = reply.raw()[: -reply.short or None]
                self.close_connection = self.close_connection or bool(reply.short)
                step = 1 if reply.drip else max(len(raw), 1)
                with contextlib.suppress(ConnectionError):  # a step that has gone home hears no more
                    for start in range(0, len(raw), step):
                        self.wfile.write(raw[start : start + step])
                        if broker.closing.wait(reply.drip):
                            return

            do_GET = do_POST = answer  # noqa: N815 - the library's own names

            def log_message(self, *_: Any) -> None:
                """Say nothing on stderr."""

        return Handler


@pytest.fixture
def broker() -> Iterator[Broker]:
    broker = Broker()
    yield broker
    broker.close()


@pytest.fixture
def closed_port() -> Iterator[int]:
    """A port that is taken, so that no other test gets it, and on which nobody listens."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        yield taken.getsockname()[1]


@pytest.fixture
def reply() -> type[Reply]:
    return Reply


@pytest.fixture
def runner(tmp_path: Path, broker: Broker) -> Runner:
    return Runner(tmp_path, broker.url)


@pytest.fixture(params=["image", "composite"])
def each_front(runner: Runner, request: pytest.FixtureRequest) -> str:
    """`runner.send` is the Docker action's way of sending, and then the composite's."""
    runner.front = request.param
    return runner.front


def _pythons() -> Iterator[str]:
    """Where a Python 3.9 may be: on the path, from pyenv, or in a GitHub runner's tool cache."""
    if found := shutil.which("python3.9"):
        yield found
    pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv"))
    cache = Path(os.environ.get("RUNNER_TOOL_CACHE", "/opt/hostedtoolcache"))
    yield from map(str, sorted(pyenv.glob("versions/3.9.*/bin/python")))
    yield from map(str, sorted(cache.glob("Python/3.9.*/x64/bin/python")))


@pytest.fixture(scope="session")
def old_python() -> str:
    """A Python 3.9, the oldest that confirm and complete promise to run on."""
    for candidate in _pythons():
        asked = subprocess.run([candidate, "--version"], check=False, capture_output=True)
        if asked.stdout.startswith(b"Python 3.9."):
            return candidate
    pytest.skip("no Python 3.9 on this machine: install one to run this")


@pytest.fixture(params=["3.9", "current"])
def python(request: pytest.FixtureRequest) -> str:
    """The oldest and the present Python, one after the other."""
    return str(request.getfixturevalue("old_python")) if request.param == "3.9" else sys.executable
