"""Fakes at the wire only: an issuer with real keys behind a real socket, and a GitHub that misbehaves on demand."""

import base64
import json
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

Handle = Callable[[BaseHTTPRequestHandler], None]


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    # By itself five may wait to be let in. The next is not heard for a second, which is as long as they wait here.
    request_queue_size = 64

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that goes away is what some tests are about; anything else is told."""
        if not isinstance(sys.exc_info()[1], ConnectionError):
            super().handle_error(request, client_address)


class Servers:
    """HTTP servers on 127.0.0.1; each answers every request by calling the given function."""

    def __init__(self) -> None:
        self._running: dict[str, tuple[_Server, threading.Thread]] = {}

    def __call__(self, handle: Handle, closed: Callable[[], None] = lambda: None) -> str:
        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                handle(self)

            do_POST = do_GET  # noqa: N815 - http.server calls it so

            def finish(self) -> None:
                super().finish()
                closed()

            def log_message(self, *_: Any) -> None:
                """Nothing on standard error."""

        server = _Server(("127.0.0.1", 0), Handler)
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        url = f"http://127.0.0.1:{server.server_address[1]}"
        self._running[url] = (server, thread)
        return url

    def stop(self, url: str) -> None:
        """New connections are refused from now on; those that stand are left alone."""
        server, thread = self._running.pop(url)
        server.shutdown()
        server.server_close()
        thread.join(10)

    def stop_all(self) -> None:
        for url in list(self._running):
            self.stop(url)


@pytest.fixture
def serve() -> Iterator[Servers]:
    servers = Servers()
    yield servers
    servers.stop_all()


@dataclass
class MovedClock:
    """A clock that stands still until it is moved."""

    at: datetime = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)

    def now(self) -> datetime:
        return self.at

    def move(self, **by: float) -> None:
        self.at += timedelta(**by)


@pytest.fixture
def clock() -> MovedClock:
    return MovedClock()


@pytest.fixture(scope="session")
def new_key() -> Callable[[str], rsa.RSAPrivateKey]:
    """Real 2,048-bit keys by name; made once in a session, since each takes a quarter of a second."""
    made: dict[str, rsa.RSAPrivateKey] = {}

    def key(name: str) -> rsa.RSAPrivateKey:
        if name not in made:
            made[name] = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        return made[name]

    return key


def _b64(number: int) -> str:
    raw = number.to_bytes((number.bit_length() + 7) // 8, "big")
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def public_jwk(kid: str, key: rsa.RSAPrivateKey) -> dict[str, str]:
    numbers = key.public_key().public_numbers()
    return {"kty": "RSA", "use": "sig", "alg": "RS256", "kid": kid, "n": _b64(numbers.n), "e": _b64(numbers.e)}


@dataclass
class Issuer:
    """An OIDC issuer: signs tokens, and publishes `keys` at its own address, or answers `status`."""

    clock: MovedClock
    keys: dict[str, rsa.RSAPrivateKey]
    url: str = ""
    status: int = 200
    body: bytes | None = None
    """Answered instead of the key set."""
    fetches: int = 0
    gate: threading.Event = field(default_factory=threading.Event)
    """Closed: fetches wait for it, up to ten seconds."""

    def answer(self, request: BaseHTTPRequestHandler) -> None:
        self.fetches += 1
        self.gate.wait(10)
        keys = {"keys": [public_jwk(kid, key) for kid, key in self.keys.items()]}
        body = self.body if self.body is not None else json.dumps(keys).encode()
        found = request.path.endswith("/.well-known/jwks")
        request.send_response(self.status if found else 404)
        request.send_header("Content-Length", str(len(body)))
        if self.status == 302:
            request.send_header("Location", f"{self.url}/elsewhere/.well-known/jwks")
        request.end_headers()
        request.wfile.write(body)

    def claims(self, **changes: Any) -> dict[str, Any]:
        """As GitHub's, with `changes`; a change to None takes the claim away."""
        now = int(self.clock.now().timestamp())
        claims = {
            "iss": self.url,
            "aud": "api://zekt",
            "iat": now,
            "nbf": now - 600,
            "exp": now + 300,
            "jti": "9f3a",
            "sub": "repo:shop-team/orders:ref:refs/heads/main",
            "repository": "shop-team/orders",
            "repository_id": "1001",
            "repository_owner": "shop-team",
            "repository_owner_id": "2001",
            "run_id": "16123456789",
            "run_number": "42",
            "run_attempt": "1",
            "workflow": "Order",
            "workflow_ref": "shop-team/orders/.github/workflows/order.yml@refs/heads/main",
            "ref": "refs/heads/main",
            "sha": "0" * 40,
            "event_name": "push",
            "actor": "octocat",
            "actor_id": "583231",
            "check_run_id": "777",
        }
        return {name: value for name, value in {**claims, **changes}.items() if value is not None}

    def token(self, kid: str = "first", *, key: rsa.RSAPrivateKey | None = None, **changes: Any) -> str:
        signer = key or self.keys[kid]
        return jwt.encode(self.claims(**changes), signer, algorithm="RS256", headers={"kid": kid})


@pytest.fixture
def issuer(serve: Servers, clock: MovedClock, new_key: Callable[[str], rsa.RSAPrivateKey]) -> Issuer:
    made = Issuer(clock, {"first": new_key("first")})
    made.gate.set()
    made.url = serve(made.answer)
    return made


@dataclass
class Asked:
    verb: str
    path: str
    headers: Any
    body: bytes


class FakeGitHub:
    """A GitHub of scripted answers. Tokens are minted and anything else is a 200, unless a script says otherwise.

    Besides a status, a script may say: `hang` (no answer), `cut` (close unanswered), `cut_body` (close within the
    answer), `drip` (an answer by the byte, for ever).
    """

    def __init__(self, clock: MovedClock) -> None:
        self.url = ""
        self.requests: list[Asked] = []
        self.mints: list[int] = []
        self.connections: set[int] = set()
        self.ending = threading.Event()
        self._clock = clock
        self._closed = threading.Semaphore(0)
        self._scripts: dict[tuple[str, str], list[tuple[int | str, dict[str, str], str]]] = {}
        self._lock = threading.Lock()

    def script(
        self,
        verb: str,
        path: str,
        what: int | str,
        *,
        headers: dict[str, str] | None = None,
        body: str = "",
        times: int = 1,
    ) -> None:
        self._scripts.setdefault((verb, path), []).extend([(what, headers or {}, body)] * times)

    def posts(self, path: str) -> list[Asked]:
        return [asked for asked in self.requests if (asked.verb, asked.path) == ("POST", path)]

    def wait_until_closed(self, count: int) -> bool:
        return all(self._closed.acquire(timeout=5) for _ in range(count))

    def closed(self) -> None:
        self._closed.release()

    def answer(self, request: BaseHTTPRequestHandler) -> None:
        body = request.rfile.read(int(request.headers.get("Content-Length", 0)))
        with self._lock:
            self.requests.append(Asked(request.command, request.path, request.headers, body))
            self.connections.add(request.client_address[1])
            what, headers, text = self._next(request)
        if isinstance(what, int):
            self._reply(request, what, headers, text)
        else:
            self._misbehave(request, what)

    def _next(self, request: BaseHTTPRequestHandler) -> tuple[int | str, dict[str, str], str]:
        scripted = self._scripts.get((request.command, request.path))
        if scripted:
            return scripted.pop(0)
        if request.path.endswith("/access_tokens"):
            self.mints.append(int(request.path.split("/")[3]))
            ends = (self._clock.now() + timedelta(hours=1)).strftime("%Y-%m-%dT%H:%M:%SZ")
            return 201, {}, json.dumps({"token": f"minted-{len(self.mints)}", "expires_at": ends})
        return 200, {}, "{}"

    def _reply(self, request: BaseHTTPRequestHandler, status: int, headers: dict[str, str], text: str) -> None:
        raw = b"" if status == 204 else text.encode("latin-1")
        request.send_response(status)
        request.send_header("X-Was-Authorized-By", request.headers.get("Authorization", ""))
        for name, value in headers.items():
            request.send_header(name, value)
        if status != 204:
            request.send_header("Content-Length", str(len(raw)))
        request.end_headers()
        try:
            request.wfile.write(raw)
        except OSError:
            request.close_connection = True  # The client has had enough, as some tests want it to.

    def _misbehave(self, request: BaseHTTPRequestHandler, what: str) -> None:
        request.close_connection = True
        if what == "hang":
            self.ending.wait(10)
        if what in {"cut_body", "drip"}:
            request.wfile.write(b"HTTP/1.1 404 Not Found\r\nContent-Length: 1000\r\n\r\n{")
        while what == "drip" and not self.ending.wait(0.05):
            try:
                request.wfile.write(b" ")
            except OSError:
                return


@pytest.fixture
def github(serve: Servers, clock: MovedClock) -> Iterator[FakeGitHub]:
    made = FakeGitHub(clock)
    made.url = serve(made.answer, made.closed)
    yield made
    made.ending.set()


@pytest.fixture
def app_key(new_key: Callable[[str], rsa.RSAPrivateKey]) -> str:
    """The app's private key, as GitHub hands it out."""
    pem = new_key("app").private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.TraditionalOpenSSL, serialization.NoEncryption()
    )
    return pem.decode()
