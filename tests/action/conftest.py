"""What the action's tests share: a broker and token service on a real socket, a runner, an old Python."""

import contextlib
import json
import os
import shutil
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

SOURCE = Path(__file__).parents[2] / "src"


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


@dataclass(frozen=True)
class Done:
    """A finished step, as the runner sees it."""

    code: int
    log: str
    outputs: dict[str, str]
    summary: str


@dataclass
class Runner:
    """Starts a step as its own process, with the variables and files a runner gives it."""

    folder: Path
    broker: Broker
    environ: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.workspace, self.temp = self.folder / "workspace", self.folder / "temp"
        self.workspace.mkdir()
        self.temp.mkdir()
        self.environ = {
            # Set where coverage is measured in child processes, too.
            **{name: os.environ[name] for name in ("COVERAGE_PROCESS_CONFIG",) if name in os.environ},
            "PATH": os.environ["PATH"],
            "GITHUB_ACTIONS": "true",
            "GITHUB_REPOSITORY": "shop-team/orders",
            "GITHUB_REPOSITORY_ID": "1001",
            "GITHUB_RUN_ID": "42",
            "GITHUB_RUN_ATTEMPT": "1",
            "GITHUB_WORKFLOW": "Order",
            "GITHUB_JOB": "send",
            "GITHUB_ACTION": "__zekt",
            "GITHUB_ACTOR": "octocat",
            "GITHUB_SHA": "a" * 40,
            "GITHUB_REF": "refs/heads/main",
            "GITHUB_EVENT_NAME": "push",
            "GITHUB_WORKSPACE": str(self.workspace),
            "RUNNER_TEMP": str(self.temp),
            "GITHUB_EVENT_PATH": str(self.folder / "event.json"),
            "GITHUB_OUTPUT": str(self.folder / "output"),
            "GITHUB_STEP_SUMMARY": str(self.folder / "summary"),
            "ACTIONS_ID_TOKEN_REQUEST_URL": f"{self.broker.url}/token?api-version=2.0",
            "ACTIONS_ID_TOKEN_REQUEST_TOKEN": "runner-secret",
            "ZEKT_API_URL": self.broker.url,
        }
        self.event({})

    def event(self, event: Any) -> None:
        (self.folder / "event.json").write_text(json.dumps(event))

    def inputs(self, **values: str) -> dict[str, str]:
        return {f"INPUT_{name.upper().replace('_', '-')}": value for name, value in values.items()}

    def start(self, command: list[str], environ: dict[str, str]) -> subprocess.Popen[bytes]:
        for name in ("output", "summary"):
            (self.folder / name).write_bytes(b"")
        return subprocess.Popen(
            command,
            env=self.environ | environ,
            cwd=self.workspace,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )

    def finish(self, process: subprocess.Popen[bytes]) -> Done:
        with process:
            log, _ = process.communicate(timeout=30)
        outputs = parse_outputs((self.folder / "output").read_bytes().decode())
        summary = (self.folder / "summary").read_text()
        return Done(process.returncode, log.decode(), outputs, summary)

    def send(self, environ: dict[str, str] | None = None, **inputs: str) -> Done:
        """Run the Docker action's entry point; `event_type` and the hosts have defaults."""
        return self.finish(self.start_send(environ, **inputs))

    def start_send(self, environ: dict[str, str] | None = None, **inputs: str) -> subprocess.Popen[bytes]:
        given = self.inputs(**{"event_type": "order-placed", "payload": "{}"} | inputs)
        return self.start_bare(given | (environ or {}))

    def start_bare(self, environ: dict[str, str]) -> subprocess.Popen[bytes]:
        """As the image does, -I included: then the working folder is no place to import from."""
        script = (
            f"import sys, runpy; sys.path.insert(0, {str(SOURCE)!r}); runpy.run_module('zekt_action', None, '__main__')"
        )
        return self.start([sys.executable, "-I", "-c", script], environ)

    def receive(self, verb: str, python: str, environ: dict[str, str] | None = None, **inputs: str) -> Done:
        """Run confirm or complete as its composite does."""
        launch = SOURCE / "zekt_action" / "receive" / "launch.py"
        given = {name.replace("-", "_"): value for name, value in self.inputs(**inputs).items()}
        return self.finish(self.start([python, "-I", "-S", "-B", str(launch), verb], given | (environ or {})))


def parse_outputs(text: str) -> dict[str, str]:
    """Read GITHUB_OUTPUT as the runner does: `name<<mark`, lines, `mark`."""
    found: dict[str, str] = {}
    lines = iter(text.split("\n"))
    for line in lines:
        if not line:
            continue
        name, _, mark = line.partition("<<")
        value: list[str] = []
        for inner in lines:
            if inner == mark:
                break
            value.append(inner)
        found[name] = "\n".join(value)
    return found


@pytest.fixture
def runner(tmp_path: Path, broker: Broker) -> Runner:
    return Runner(tmp_path, broker)


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
