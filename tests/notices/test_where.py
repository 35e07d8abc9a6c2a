"""Where a notice may go: to the public internet, or where the operator allows; who answers counts, not the name."""

import socket
from ipaddress import ip_network
from typing import Any

import pytest

from zekt_backend.errors import ZektError
from zekt_backend.outside.post import Post
from zekt_backend.rules.addresses import origin, refusal, target
from zekt_testing.tcp import NO_CONTENT, drip, say

HEADERS = {"webhook-id": "notice-1"}


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1", "127.8.8.8", "0.0.0.0", "10.1.2.3", "172.16.0.1", "172.31.255.255", "192.168.1.1",
        "169.254.169.254", "100.64.0.1", "100.127.255.255", "192.0.0.170", "198.18.0.1", "224.0.0.1",
        "239.255.255.255", "240.0.0.1", "255.255.255.255", "192.88.99.1", "192.0.2.1", "203.0.113.9",
        "::", "::1", "fe80::1", "fe80::1%eth0", "fc00::1", "fd12::1", "ff02::1", "::ffff:127.0.0.1", "::ffff:8.8.8.8",
        "::127.0.0.1", "64:ff9b::7f00:1", "64:ff9b:1::a00:1", "2002:7f00:1::", "2001::1", "2001:db8::1", "3fff::1",
        "100::1", "fec0::1", "no address",
    ],
)  # fmt: skip
def test_nothing_is_sent_to_an_address_that_is_not_on_the_public_internet(address: str) -> None:
    assert refusal(address, ()) is not None


@pytest.mark.parametrize("address", ["8.8.8.8", "172.32.0.1", "100.128.0.1", "2606:4700::1111", "2a01:4f8::1"])
def test_the_public_internet_may_be_sent_to(address: str) -> None:
    assert refusal(address, ()) is None


def test_the_operator_allows_networks_and_no_more_than_these() -> None:
    allowed = (ip_network("10.20.0.0/16"), ip_network("fd12::/32"))
    assert [refusal(address, allowed) for address in ("10.20.3.4", "fd12::1")] == [None, None]
    for address in ("10.21.0.1", "fd13::1", "::ffff:10.20.3.4", "127.0.0.1"):
        assert refusal(address, allowed) is not None


def test_the_operator_may_allow_even_this_machine_but_never_in_the_open(listening: Any) -> None:
    port, heard = listening(say(NO_CONTENT))
    post = Post((ip_network("127.0.0.0/8"),))
    assert "TLS" in post(f"https://127.0.0.1:{port}/", HEADERS, b"{}").text
    assert len(heard) == 1
    assert "no address on the public internet" in post(f"http://127.0.0.1:{port}/", HEADERS, b"{}").text
    assert len(heard) == 1


@pytest.mark.parametrize(
    "url",
    [
        "http://hooks.example.com/", "ftp://hooks.example.com/", "//hooks.example.com", "hooks.example.com", "https://",
        "https://user@hooks.example.com/", "https://user:secret@hooks.example.com/", "https://@hooks.example.com/",
        "https://hooks.example.com/#part", "https://hooks.example.com/a b", "https://hooks.example.com/\r\nx: y",
        "https://hooks.example.com\\@127.0.0.1/", "https://hooks.example.com:22/", "https://hooks.example.com:0/",
        "https://hooks.example.com:99999/", "https://hooks.example.com:port/", "https://ex\u00e4mple.com/",
        "https://127.0.0.1.5/", "https://2130706433/", "https://0x7f.0.0.1/", "https://017700000001/", "https://0x7f000001/",
        "https://10.0.0.1/", "https://[fd00::1]/", "https://[::ffff:8.8.8.8]/", "https://[fe80::1%25eth0]/",
        "https://-hooks.example/", "https://hooks..example/", "https://" + "a" * 2_000,
        "https://[2606:4700::1]evil/", "https://[2606:4700::1]evil:443/", "https://[2606:4700::1].evil.example/",
        "https://evil[2606:4700::1]/", "https://[2606:4700::1]:/", "https://hooks.example.com:/",
        "https://hooks.example.com:+443/", "https://hooks.example.com:4_43/", "https://[2606:4700::1%25a]/",
        "https://[2606:4700::1%a]/", "https://hooks.example.com%2eevil/", "https://[hooks.example.com]/",
    ],
)  # fmt: skip
def test_an_address_that_no_notice_may_be_sent_to_is_not_taken(url: str) -> None:
    with pytest.raises(ZektError, match="body_invalid: url: "):
        target(url, ())


def test_an_address_is_taken_apart_as_it_is_called() -> None:
    found = target("https://Hooks.Example.com:8443/zekt?key=x", ())
    assert (found.secure, found.host, found.port, found.path) == (True, "hooks.example.com", 8443, "/zekt?key=x")
    assert target("https://hooks.example.com?x=1", ()).path == "/?x=1"
    six = [target(f"https://[2606:4700::1]{port}/", ()) for port in ("", ":8443")]
    assert [(each.host, each.port) for each in six] == [("2606:4700::1", 443), ("2606:4700::1", 8443)]
    assert origin("https://hooks.example.com:8443/zekt?key=x") == "https://hooks.example.com:8443"


def allowed(seconds: float = 5) -> Post:
    """In development, where loopback may be sent to."""
    return Post(is_development=lambda: True, seconds=seconds)


def test_a_name_that_leads_to_this_machine_is_called_by_nobody(listening: Any) -> None:
    """The name is a real one of this machine, and what it leads to is looked at before anything is sent."""
    port, heard = listening(say(NO_CONTENT))
    for url in (f"https://localhost:{port}/", f"https://127.0.0.1:{port}/", f"http://localhost:{port}/"):
        answered = Post()(url, HEADERS, b"{}")
        assert (answered.status, answered.taken) == (None, False)
    assert heard == []


def test_a_name_that_leads_somewhere_else_now_is_found_out_before_anything_is_said(
    listening: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """DNS rebinding: the resolver says what it likes, and it is the peer of the connection that counts."""
    port, heard = listening(say(NO_CONTENT))
    real = socket.socket.connect
    monkeypatch.setattr(
        socket, "getaddrinfo", lambda *_, **__: [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("8.8.8.8", port))]
    )
    # The network between leads the public address to this machine, as a proxy or a route may.
    monkeypatch.setattr(socket.socket, "connect", lambda self, _: real(self, ("127.0.0.1", port)))
    answered = Post()(f"https://hooks.example.com:{port}/", HEADERS, b"{}")
    assert "no address on the public internet" in answered.text
    assert [raw for raw in heard if raw] == []


def test_of_several_addresses_only_those_that_may_be_called_are(
    listening: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    port, heard = listening(say(NO_CONTENT))
    called = []
    real = socket.socket.connect

    def connect(self: socket.socket, address: Any) -> None:
        called.append(address[0])
        real(self, ("127.0.0.1", port))

    found = [
        (socket.AF_INET, socket.SOCK_STREAM, 6, "", (ip, port)) for ip in ("10.0.0.1", "169.254.169.254", "8.8.8.8")
    ]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: found)
    monkeypatch.setattr(socket.socket, "connect", connect)
    Post()(f"https://hooks.example.com:{port}/", HEADERS, b"{}")
    assert (called, [raw for raw in heard if raw]) == (["8.8.8.8"], [])


def test_what_is_sent_is_one_post_with_the_headers_and_the_body(listening: Any) -> None:
    port, heard = listening(say(NO_CONTENT))
    assert allowed()(f"http://127.0.0.1:{port}/zekt?x=1", HEADERS, b'{"a":1}').status == 204
    head, _, body = heard[0].partition(b"\r\n\r\n")
    assert head.startswith(b"POST /zekt?x=1 HTTP/1.1\r\n")
    assert {b"host: 127.0.0.1:%d" % port, b"content-length: 7", b"webhook-id: notice-1"} <= {*head.split(b"\r\n")}
    assert body == b'{"a":1}'


def test_no_redirect_is_followed(listening: Any) -> None:
    elsewhere, heard = listening(say(NO_CONTENT))
    answer = b"HTTP/1.1 307 Temporary Redirect\r\nlocation: http://127.0.0.1:%d/\r\n\r\n" % elsewhere
    port, _ = listening(say(answer))
    answered = allowed()(f"http://127.0.0.1:{port}/", HEADERS, b"{}")
    assert (answered.status, answered.taken, heard) == (307, False, [])


def test_no_proxy_of_the_environment_is_used(listening: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    proxy, asked = listening(say(NO_CONTENT))
    port, heard = listening(say(NO_CONTENT))
    for name in ("http_proxy", "https_proxy", "all_proxy", "HTTP_PROXY"):
        monkeypatch.setenv(name, f"http://127.0.0.1:{proxy}")
    assert allowed()(f"http://127.0.0.1:{port}/", HEADERS, b"{}").taken
    assert (len(heard), asked) == (1, [])


@pytest.mark.parametrize(
    "speak",
    [
        drip(b"H"),
        drip(b"x", b"HTTP/1.1 204 No Content\r\nx: "),
        drip(b"x: y\r\n", b"HTTP/1.1 204 No Content\r\n"),
        drip(b"HTTP/1.1 100 Continue\r\n\r\n"),
    ],
    ids=["status", "header", "headers", "continue"],
)
def test_whoever_answers_one_byte_at_a_time_is_left(listening: Any, speak: Any) -> None:
    port, _ = listening(speak)
    answered = allowed(seconds=0.5)(f"http://127.0.0.1:{port}/", HEADERS, b"{}")
    assert (answered.status, answered.text) == (None, "There was no whole answer within 0.5 seconds.")


@pytest.mark.parametrize(
    "answer",
    [b"", b"garbage\r\n\r\n", b"HTTP/1.1 999999 x\r\n\r\n", b"HTTP/1.1 204\r\n" + b"x: y\r\n" * 40_000, b"\0" * 99_999],
    ids=["nothing", "garbage", "no status", "a large head", "no lines"],
)  # fmt: skip
def test_whatever_is_answered_is_no_success_and_no_error_of_ours(listening: Any, answer: bytes) -> None:
    port, _ = listening(say(answer))
    answered = allowed()(f"http://127.0.0.1:{port}/", HEADERS, b"{}")
    assert not answered.taken
    assert answered.status is None


def test_the_body_of_an_answer_is_not_read(listening: Any) -> None:
    """Nor waited for: the receiver has said all that counts."""
    port, _ = listening(drip(b"x", b"HTTP/1.1 200 OK\r\ncontent-length: 100000000\r\n\r\n"))
    assert allowed(seconds=30)(f"http://127.0.0.1:{port}/", HEADERS, b"{}").taken


def test_nobody_there_is_no_success() -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    answered = allowed()(f"http://127.0.0.1:{port}/", HEADERS, b"{}")
    assert (answered.status, "ConnectionRefusedError" in answered.text) == (None, True)
