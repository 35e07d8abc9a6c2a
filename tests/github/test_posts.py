"""Dispatches over the network as it is: certificates, proxies, many at a time, and answers without end."""

import asyncio
import base64
import threading
from collections.abc import Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

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


@asynccontextmanager
async def posts(url: str, seconds: float = SECONDS) -> Any:
    made = Posts(api_url=url, timeout=seconds, headers={"User-Agent": "zekt"})
    try:
        yield made
    finally:
        await made.close()


async def post(url: str) -> Any:
    async with posts(url) as made:
        return await made(PATH, BODY, token="t-1")


async def unanswered(url: str) -> UnansweredError:
    with pytest.raises(UnansweredError) as caught:
        await post(url)
    return caught.value


async def test_what_goes_out_is_one_request_with_all_that_github_asks_for(listening: Callable[..., Any]) -> None:
    port, heard = listening(say(NO_CONTENT))
    reply = await post(f"http://127.0.0.1:{port}")
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


async def test_a_certificate_is_good_where_the_environment_names_its_authority(
    listening: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    context, path = certified(tmp_path)
    port, heard = listening(say(NO_CONTENT), context)
    url = f"https://127.0.0.1:{port}"
    refused = await unanswered(url)
    assert (refused.kind, heard) == ("connect", []), "nothing was sent"
    assert "certificate" in refused.text.lower()
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(path))
    assert (await post(url)).status == 204


@pytest.fixture
def secure(listening: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[str, list[bytes]]:
    """An https server that is believed, and what it heard."""
    context, path = certified(tmp_path)
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(path))
    port, heard = listening(say(NO_CONTENT), context)
    return f"https://127.0.0.1:{port}", heard


@pytest.mark.parametrize("scheme", ["http://", ""])
async def test_the_environments_proxy_connects_and_sees_nothing_else(
    secure: tuple[str, list[bytes]], proxy: Proxy, monkeypatch: pytest.MonkeyPatch, scheme: str
) -> None:
    url, heard = secure
    monkeypatch.setenv("HTTPS_PROXY", f"{scheme}user:p%40ss@127.0.0.1:{proxy.server_address[1]}")
    assert (await post(url)).status == 204
    (asked,) = proxy.asked
    basic = base64.b64encode(b"user:p@ss").decode()
    assert asked.startswith(f"CONNECT {url.removeprefix('https://')} HTTP/1.")
    assert f"\r\nProxy-Authorization: Basic {basic}\r\n" in asked
    assert "Bearer" not in asked
    assert b"proxy-authorization" not in heard[0].lower()


async def test_a_proxy_is_gone_round_where_the_environment_says_so(
    secure: tuple[str, list[bytes]], proxy: Proxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTPS_PROXY", f"http://127.0.0.1:{proxy.server_address[1]}")
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    assert (await post(secure[0])).status == 204
    assert proxy.asked == []


@pytest.mark.parametrize(
    "answer", [b"HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n", None], ids=["407", "nobody"]
)
async def test_a_proxy_that_does_not_connect_has_let_nothing_through_and_its_password_is_not_told(
    secure: tuple[str, list[bytes]],
    listening: Callable[..., Any],
    monkeypatch: pytest.MonkeyPatch,
    answer: bytes | None,
) -> None:
    port = listening(say(answer))[0] if answer else 1
    monkeypatch.setenv("HTTPS_PROXY", f"http://user:s3cret@127.0.0.1:{port}")
    refused = await unanswered(secure[0])
    assert (refused.kind, secure[1]) == ("connect", [])
    assert "s3cret" not in refused.text


async def test_a_proxy_whose_address_is_none_lets_nothing_through_and_its_password_is_not_told(
    secure: tuple[str, list[bytes]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "http://user:s3cret@127.0.0.1:port")
    refused = await unanswered(secure[0])
    assert (refused.kind, secure[1]) == ("connect", [])
    assert "s3cret" not in refused.text


@pytest.mark.parametrize(
    "opening", [b"HTTP/1.1 204 No Content\r\n", b"HTTP/1.1 404 Not Found\r\nContent-Length: 9999\r\n\r\n"]
)
async def test_an_answer_that_goes_on_for_ever_was_sent_and_not_heard(
    listening: Callable[..., Any], opening: bytes
) -> None:
    port, heard = listening(drip(b"x", opening))
    late = await unanswered(f"http://127.0.0.1:{port}")
    assert (late.kind, len(heard)) == ("timeout", 1)
    assert f"{SECONDS:g} seconds" in late.text


async def test_of_a_large_answer_the_status_is_told_and_the_rest_left_unread(listening: Callable[..., Any]) -> None:
    left = threading.Event()

    def endless(connection: Any) -> None:
        connection.sendall(b"HTTP/1.1 502 Bad Gateway\r\nTransfer-Encoding: chunked\r\n\r\n")
        try:
            while True:
                connection.sendall(b"10000\r\n" + b"x" * 65_536 + b"\r\n")
        except OSError:
            left.set()

    port, _ = listening(endless)
    reply = await post(f"http://127.0.0.1:{port}")
    assert reply.status == 502
    assert len(reply.text) < 2_000_000
    assert await asyncio.to_thread(left.wait, 10), "the connection is left, and not kept for another"


async def test_many_wait_for_their_answers_at_the_same_time() -> None:
    here = asyncio.Barrier(40)

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"}")
        await here.wait()
        writer.write(NO_CONTENT)
        await reader.read()
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0, backlog=64)
    async with posts(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", 15) as made:
        replies = await asyncio.gather(*(made(PATH, BODY, token="t-1") for _ in range(40)))
    server.close()
    assert {reply.status for reply in replies} == {204}
