"""Dispatches over the network as it is: certificates, proxies, many at a time, and answers without end."""

import asyncio
import base64
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import uvloop

from zekt_backend.errors import ZektError
from zekt_backend.github.connection import Reply
from zekt_backend.github.failures import UnansweredError
from zekt_backend.github.posts import Posts
from zekt_testing.certificate import certified
from zekt_testing.proxy import Proxy
from zekt_testing.tcp import drip, say

PATH = "/repos/infra-team/platform/dispatches"
BODY = {"event_type": "order"}
NO_CONTENT = b"HTTP/1.1 204 No Content\r\nX-GitHub-Request-Id: ABCD:1\r\n\r\n"
SECONDS = 0.5


@pytest.fixture(autouse=True)
def no_proxies(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)


Post = Callable[[str], Reply]


@pytest.fixture(params=[asyncio.new_event_loop, uvloop.new_event_loop], ids=["asyncio", "uvloop"])
def loop(request: pytest.FixtureRequest) -> Iterator[asyncio.Runner]:
    """A worker's, and the one that it has on Windows."""
    with asyncio.Runner(loop_factory=request.param) as made:
        yield made


@pytest.fixture
def post(loop: asyncio.Runner) -> Post:
    async def posted(url: str) -> Reply:
        posts = Posts(api_url=url, timeout=SECONDS, headers={"User-Agent": "zekt"})
        try:
            return await posts(PATH, BODY, token="t-1")
        finally:
            await posts.close()

    return lambda url: loop.run(posted(url))


def unanswered(post: Post, url: str) -> UnansweredError:
    with pytest.raises(UnansweredError) as caught:
        post(url)
    return caught.value


def test_what_goes_out_is_one_request_with_all_that_github_asks_for(post: Post, listening: Callable[..., Any]) -> None:
    port, heard = listening(say(NO_CONTENT))
    reply = post(f"http://127.0.0.1:{port}")
    assert (reply.status, reply.headers["x-github-request-id"], reply.text) == (204, "ABCD:1", "")
    (request,) = heard
    head, _, body = request.partition(b"\r\n\r\n")
    first, *lines = head.decode().lower().split("\r\n")
    assert first == f"post {PATH} http/1.1"
    assert {
        f"host: 127.0.0.1:{port}",
        "authorization: bearer t-1",
        "user-agent: zekt",
        "accept: application/vnd.github+json",
        "accept-encoding: identity",
        "content-type: application/json",
        f"content-length: {len(body)}",
    } == set(lines)
    assert body == b'{"event_type": "order"}', "head and body come in one piece"


def test_a_certificate_is_good_where_the_environment_names_its_authority(
    post: Post, listening: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    context, path = certified(tmp_path)
    port, heard = listening(say(NO_CONTENT), context)
    url = f"https://127.0.0.1:{port}"
    refused = unanswered(post, url)
    assert (refused.kind, heard) == ("connect", []), "nothing was sent"
    assert "certificate" in refused.text.lower()
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(path))
    assert post(url).status == 204


@pytest.mark.parametrize("text", [None, b"", b"no certificate"])
def test_authorities_that_cannot_be_read_are_told_before_anything_is_sent(
    post: Post, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: bytes | None
) -> None:
    named = tmp_path / "authorities.pem"
    if text is not None:
        named.write_bytes(text)
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(named))
    with pytest.raises(ZektError) as caught:
        post("https://127.0.0.1:1")
    assert caught.value.code == "settings_invalid"
    assert f"{named}, which REQUESTS_CA_BUNDLE" in caught.value.detail
    assert "None" not in caught.value.detail


def test_who_takes_the_call_and_says_nothing_was_sent_nothing(post: Post, listening: Callable[..., Any]) -> None:
    hung_up = threading.Event()
    port, _ = listening(lambda _: hung_up.wait(10))
    late = unanswered(post, f"https://127.0.0.1:{port}")
    hung_up.set()
    assert (late.kind, late.text) == ("connect", f"no connection within {SECONDS:g} seconds")


@pytest.fixture
def secure(listening: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[str, list[bytes]]:
    """An https server that is believed, and what it heard."""
    context, path = certified(tmp_path)
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(path))
    port, heard = listening(say(NO_CONTENT), context)
    return f"https://127.0.0.1:{port}", heard


@pytest.mark.parametrize("scheme", ["http://", ""])
def test_the_environments_proxy_connects_and_sees_nothing_else(
    post: Post, secure: tuple[str, list[bytes]], proxy: Proxy, monkeypatch: pytest.MonkeyPatch, scheme: str
) -> None:
    url, heard = secure
    monkeypatch.setenv("HTTPS_PROXY", f"{scheme}user:p%40ss@127.0.0.1:{proxy.server_address[1]}")
    assert post(url).status == 204
    (asked,) = proxy.asked
    basic = base64.b64encode(b"user:p@ss").decode()
    assert asked.startswith(f"CONNECT {url.removeprefix('https://')} HTTP/1.")
    assert f"\r\nProxy-Authorization: Basic {basic}\r\n" in asked
    assert "Bearer" not in asked
    assert b"proxy-authorization" not in heard[0].lower()


def test_a_proxy_is_gone_round_where_the_environment_says_so(
    post: Post, secure: tuple[str, list[bytes]], proxy: Proxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTPS_PROXY", f"http://127.0.0.1:{proxy.server_address[1]}")
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    assert post(secure[0]).status == 204
    assert proxy.asked == []


@pytest.mark.parametrize(
    "answer", [b"HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n", None], ids=["407", "nobody"]
)
def test_a_proxy_that_does_not_connect_has_let_nothing_through_and_its_password_is_not_told(
    post: Post,
    secure: tuple[str, list[bytes]],
    listening: Callable[..., Any],
    monkeypatch: pytest.MonkeyPatch,
    answer: bytes | None,
) -> None:
    port = listening(say(answer))[0] if answer else 1
    monkeypatch.setenv("HTTPS_PROXY", f"http://user:s3cret@127.0.0.1:{port}")
    refused = unanswered(post, secure[0])
    assert (refused.kind, secure[1]) == ("connect", [])
    assert "s3cret" not in refused.text


def test_a_proxy_whose_address_is_none_lets_nothing_through_and_its_password_is_not_told(
    post: Post, secure: tuple[str, list[bytes]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "http://user:s3cret@127.0.0.1:port")
    refused = unanswered(post, secure[0])
    assert (refused.kind, secure[1]) == ("connect", [])
    assert "s3cret" not in refused.text


@pytest.mark.parametrize(
    "opening", [b"HTTP/1.1 204 No Content\r\n", b"HTTP/1.1 404 Not Found\r\nContent-Length: 9999\r\n\r\n"]
)
def test_an_answer_that_goes_on_for_ever_was_sent_and_not_heard(
    post: Post, listening: Callable[..., Any], opening: bytes
) -> None:
    port, heard = listening(drip(b"x", opening))
    late = unanswered(post, f"http://127.0.0.1:{port}")
    assert (late.kind, len(heard)) == ("timeout", 1)
    assert f"{SECONDS:g} seconds" in late.text


def test_of_a_large_answer_the_status_is_told_and_the_rest_left_unread(
    post: Post, listening: Callable[..., Any]
) -> None:
    left = threading.Event()

    def endless(connection: Any) -> None:
        connection.sendall(b"HTTP/1.1 502 Bad Gateway\r\nTransfer-Encoding: chunked\r\n\r\n")
        try:
            while True:
                connection.sendall(b"10000\r\n" + b"x" * 65_536 + b"\r\n")
        except OSError:
            left.set()

    port, _ = listening(endless)
    reply = post(f"http://127.0.0.1:{port}")
    assert reply.status == 502
    assert len(reply.text) < 2_000_000
    assert left.wait(10), "the connection is left, and not kept for another"


def test_many_wait_for_their_answers_at_the_same_time(loop: asyncio.Runner) -> None:
    async def at_once(number: int) -> list[Reply]:
        here = asyncio.Barrier(number)

        async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.readuntil(b"}")
            await here.wait()
            writer.write(NO_CONTENT)
            await reader.read()
            writer.close()

        server = await asyncio.start_server(answer, "127.0.0.1", 0, backlog=number)
        url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        posts = Posts(api_url=url, timeout=15, headers={})
        try:
            return await asyncio.gather(*(posts(PATH, BODY, token="t-1") for _ in range(number)))
        finally:
            await posts.close()
            server.close()

    assert [reply.status for reply in loop.run(at_once(40))] == [204] * 40


def test_the_contexts_that_aiohttp_makes_for_itself_hold_no_authorities_and_all_others_do() -> None:
    program = """
import ssl
before = len(ssl.create_default_context().get_ca_certs())
from zekt_backend.github import posts
from aiohttp import connector
made = [each for each in vars(connector).values() if isinstance(each, ssl.SSLContext)]
now = len(ssl.create_default_context().get_ca_certs())
print(len(made), sum(len(each.get_ca_certs()) for each in made), now - before)
"""
    done = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True)
    assert done.stdout.split() == ["2", "0", "0"], done.stderr
