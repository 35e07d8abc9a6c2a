"""What a stranger can make the broker hold: no more than a little, and not for long."""

import gzip
import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing
from http.client import HTTPConnection
from urllib.parse import urlsplit

import pytest
import requests

from zekt_backend import routes
from zekt_testing.broker import ADMIN_TOKEN, Zekt

ENOUGH = 8 * 1_048_576
"""Bytes that a stranger pours in where some 64 KiB are allowed; sockets hold a few more on their way."""


def connect(zekt: Zekt) -> socket.socket:
    address = urlsplit(zekt.url)
    return socket.create_connection((address.hostname, address.port), timeout=60)


def poured(zekt: Zekt, opening: bytes, drop: bytes) -> int:
    """How many bytes went in until the broker hung up, or `ENOUGH`."""
    with connect(zekt) as connection:
        sent = 0
        try:
            connection.sendall(opening)
            while sent < ENOUGH:
                connection.sendall(drop)
                sent += len(drop)
        except OSError:
            pass
        return sent


HEAD = b"POST /api/events/receive HTTP/1.1\r\nHost: x\r\n"
CHUNKED = HEAD + b"Transfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n"


@pytest.mark.parametrize(
    ("opening", "drop"),
    [
        (b"GET /", b"a" * 65_536),
        (HEAD + b"X: ", b"a" * 65_536),
        (HEAD, b"X: a\r\n" * 10_000),
        (CHUNKED + b"X: ", b"a" * 65_536),
        (CHUNKED, b"X: a\r\n" * 10_000),
        (HEAD + b"Transfer-Encoding: chunked\r\n\r\n1;", b"a" * 65_536),
    ],
    ids=["address", "one header", "many headers", "one trailer", "many trailers", "a chunk's extension"],
)
def test_a_head_without_end_is_cut_off(zekt: Zekt, opening: bytes, drop: bytes) -> None:
    assert poured(zekt, opening, drop) < ENOUGH
    assert requests.get(f"{zekt.url}/healthz", timeout=10).ok


def test_whoever_dawdles_is_hung_up_on(zekt: Zekt) -> None:
    """All at once, since each takes its time: heads have 10 seconds, a body that is read 30."""
    token = zekt.start_run().token()
    asked = HEAD + b"Content-Length: 100\r\nAuthorization: Bearer "
    slow = {
        "says nothing": b"",
        "says half a line": b"GET /heal",
        "says half a head": HEAD,
        "says nothing but line feeds": b"\r\n",
        "was refused, and goes on with a body": asked + b"x.y.z\r\n\r\n{",
        "goes on with a body that is read": asked + token.encode() + b"\r\n\r\n{",
    }
    with ExitStack() as sockets:
        started = {name: (sockets.enter_context(connect(zekt)), time.monotonic()) for name in slow}
        for name, (connection, _) in started.items():
            connection.sendall(slow[name])
        answers = {name: _until_closed(connection) for name, (connection, _) in started.items()}
    assert answers["says half a head"] == b""
    assert b" 401 " in answers["was refused, and goes on with a body"]
    assert b" 408 " in answers["goes on with a body that is read"]
    assert b"body_too_slow" in answers["goes on with a body that is read"]


def _until_closed(connection: socket.socket) -> bytes:
    """What comes until the other side hangs up; a minute without that fails by the socket's own time-out."""
    return b"".join(iter(lambda: connection.recv(65_536), b""))


def test_who_is_quick_keeps_the_connection(zekt: Zekt) -> None:
    """Else the tests above might hold because every connection is cut."""
    with closing(HTTPConnection(urlsplit(zekt.url).netloc, timeout=10)) as connection:
        connection.connect()
        first = connection.sock
        for _ in range(4):
            connection.request("GET", "/healthz")
            assert connection.getresponse().read()
            assert connection.sock is first


def _pieces(count: int) -> Iterator[bytes]:
    for _ in range(count):
        yield b" " * 65_536


MANAGED = (
    "/api/accounts",
    "/api/policy",
    "/api/replay",
    "/api/repositories",
    "/api/services",
    "/api/subscriptions",
    "/api/tokens",
)
LARGEST = {"/api/github/webhooks": 26_214_400, "/api/events/receive": 1_048_576, "/api/policy/simulate": 1_048_576}


@pytest.mark.parametrize("path", [path for method, path, *_ in routes.TABLE if method == "POST"])
def test_a_body_without_a_length_is_limited_like_any_other(zekt: Zekt, path: str) -> None:
    token = ADMIN_TOKEN if path.startswith(MANAGED) else zekt.start_run().token()
    headers = {
        "Authorization": f"Bearer {token}",
        "X-GitHub-Event": "workflow_run",
        "X-GitHub-Delivery": "1",
        "X-Hub-Signature-256": "sha256=" + "0" * 64,
    }
    limit = LARGEST.get(path, 262_144)
    pieces = limit // 65_536 + 4
    try:
        answer = requests.post(
            zekt.url + path.format(account="x", delivery_id="x", subscription_id="1", repository_id="x"),
            data=_pieces(pieces),
            headers=headers,
            timeout=30,
        )
    except requests.ConnectionError:
        return  # It hung up before all was sent, which is as good.
    # An endpoint that takes no body has answered without it.
    assert answer.json()["code"] in ("body_too_large", "not_found", "not_yours", "session_refused")


def test_a_packed_body_is_not_unpacked(zekt: Zekt) -> None:
    bomb = gzip.compress(b'{"eventType":"order","payload":"' + b" " * 50_000_000 + b'"}')
    headers = {"Authorization": f"Bearer {zekt.start_run().token()}", "Content-Encoding": "gzip"}
    answer = requests.post(f"{zekt.url}/api/events/receive", data=bomb, headers=headers, timeout=10)
    assert (answer.status_code, answer.json()["code"]) == (400, "payload_not_utf8")


def test_a_lie_about_the_length_is_no_way_around_the_limit(zekt: Zekt) -> None:
    head = HEAD + b"Authorization: Bearer " + zekt.start_run().token().encode() + b"\r\nContent-Length: "
    for length in (b"99999999999999999999", b"-1", b"+5", b"0x10", b"5, 6", b"5\r\nContent-Length: 6"):
        with connect(zekt) as connection:
            connection.sendall(head + length + b"\r\n\r\n")
            status = connection.recv(64).split(b" ")[1]
            assert status in (b"400", b"413"), length


def test_a_request_that_two_readers_would_read_differently_is_refused(zekt: Zekt) -> None:
    """What a proxy takes for one request must not be two for us."""
    smuggled = b"0\r\n\r\nGET /api/deliveries HTTP/1.1\r\nHost: x\r\n\r\n"
    both = b"Content-Length: %d\r\nTransfer-Encoding: chunked\r\n\r\n" % len(smuggled)
    twice = b"Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n"
    for head in (both, twice):
        with connect(zekt) as connection:
            connection.sendall(HEAD + head + smuggled)
            answer = connection.recv(65_536)
            assert answer.startswith(b"HTTP/1.1 400"), answer
