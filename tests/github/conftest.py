"""Fakes at the wire only: an issuer with real keys behind a real socket, and a GitHub that misbehaves on demand."""

import base64
import json
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa

Handle = Callable[[BaseHTTPRequestHandler], None]
Serve = Callable[[Handle], str]


@pytest.fixture
def serve() -> Iterator[Serve]:
    """Starts HTTP servers on 127.0.0.1; each answers every request by calling the given function."""
    servers: list[tuple[ThreadingHTTPServer, threading.Thread]] = []

    def start(handle: Handle) -> str:
        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                handle(self)

            do_POST = do_GET  # noqa: N815 - the same

            def log_message(self, *_: Any) -> None:
                """Nothing on standard error."""

        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        server.daemon_threads = True
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        servers.append((server, thread))
        return f"http://127.0.0.1:{server.server_address[1]}"

    yield start
    for server, thread in servers:
        server.shutdown()
        server.server_close()
        thread.join(10)


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
def issuer(serve: Serve, clock: MovedClock, new_key: Callable[[str], rsa.RSAPrivateKey]) -> Issuer:
    made = Issuer(clock, {"first": new_key("first")})
    made.gate.set()
    made.url = serve(made.answer)
    return made
