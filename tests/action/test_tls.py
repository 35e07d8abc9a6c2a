"""Image and composites over https: to whom the machine's authorities vouch for, and by the proxy that it names."""

import base64
import contextlib
import http.server
import shutil
import ssl
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from zekt_action.by_requests import RequestsTransport
from zekt_action.transport import NoAnswerError, Request
from zekt_testing.certificate import certified
from zekt_testing.proxy import Proxy

RECEIVE = "/api/events/receive"


@pytest.fixture
def authority(broker: Any, tmp_path: Path) -> str:
    """The broker and the token service speak TLS; a file with who vouches for them."""
    context, path = certified(tmp_path)
    broker.speak_tls(context)
    return str(path)


@pytest.fixture
def send(authority: str, broker: Any, runner: Any, python: str) -> Any:
    """Sends once by the composite, on a machine which trusts the authority and has these variables, too."""
    runner.front, runner.python = "composite", python

    def send(**environ: str) -> Any:
        hosts = {"ZEKT_API_URL": broker.url, "ACTIONS_ID_TOKEN_REQUEST_URL": f"{broker.url}/token?api-version=2.0"}
        return runner.send({"SSL_CERT_FILE": authority, **hosts, **environ}, max_attempts="1")

    return send


def test_what_the_machine_s_authorities_vouch_for_is_sent_to(send: Any, broker: Any) -> None:
    done = send()
    assert (done.code, done.outputs["status"]) == (0, "success"), done.log
    assert [heard.headers["authorization"] for heard in broker.heard] == [
        "Bearer runner-secret",
        "Bearer header.body.signature1",
    ]


@pytest.mark.parametrize("wrong", ["nobody vouches for it", "it is another's"])
def test_a_certificate_that_is_not_good_gets_neither_token_nor_message(send: Any, broker: Any, wrong: str) -> None:
    others = broker.url.replace("127.0.0.1", "localhost")
    done = send(
        **{"SSL_CERT_FILE": "/dev/null"}
        if wrong == "nobody vouches for it"
        else {"ZEKT_API_URL": others, "ACTIONS_ID_TOKEN_REQUEST_URL": f"{others}/token"}
    )
    assert (done.code, done.outputs["error-code"]) == (1, "oidc_unreachable")
    assert "TLS failed: the certificate is not trusted here" in done.log
    assert broker.heard == []


@pytest.mark.parametrize("variable", ["https_proxy", "HTTPS_PROXY"])
def test_a_proxy_connects_and_sees_nothing_else(send: Any, broker: Any, proxy: Proxy, variable: str) -> None:
    port = proxy.server_address[1]
    done = send(**{variable: f"http://user:p%40ss/w@127.0.0.1:{port}"})
    assert (done.code, done.outputs["status"]) == (0, "success"), done.log
    assert len(proxy.asked) == len(broker.heard) == 2
    basic = base64.b64encode(b"user:p@ss/w").decode()
    for head in proxy.asked:
        assert head.startswith(f"CONNECT {broker.url.removeprefix('https://')} HTTP/1.")
        assert f"\r\nProxy-Authorization: Basic {basic}\r\n" in head
        assert "Bearer" not in head
    assert not any("proxy-authorization" in heard.headers for heard in broker.heard)


def test_a_proxy_without_a_user_or_a_scheme_is_asked_without(send: Any, proxy: Proxy) -> None:
    assert send(https_proxy=f"127.0.0.1:{proxy.server_address[1]}").code == 0
    assert len(proxy.asked) == 2
    assert "Proxy-Authorization" not in "".join(proxy.asked)


def test_no_proxy_is_asked_for_a_host_that_needs_none(send: Any, proxy: Proxy, broker: Any) -> None:
    assert send(https_proxy=f"http://127.0.0.1:{proxy.server_address[1]}", no_proxy="127.0.0.1").code == 0
    assert proxy.asked == []
    assert broker.asked(RECEIVE)


@contextlib.contextmanager
def _another(certificate: Path) -> Iterator[str]:
    """A second host, which is not able to do what it is asked for."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), http.server.BaseHTTPRequestHandler) as server:
        server.socket = context.wrap_socket(server.socket, server_side=True)
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield f"https://127.0.0.1:{server.server_address[1]}"
        finally:
            server.shutdown()
            thread.join(10)


def test_the_image_reads_once_whom_it_trusts_and_trusts_nobody_else(
    authority: str, broker: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The file is empty by the time that it asks a second host, for which it vouched, and a third, for which not."""
    (tmp_path / "elsewhere").mkdir()
    _, strange = certified(tmp_path / "elsewhere")
    trusted = tmp_path / "trusted.pem"
    shutil.copy(authority, trusted)
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(trusted))
    send = RequestsTransport()
    assert send(Request("GET", f"{broker.url}/token", {}), 5).status == 200
    trusted.write_text("")
    with _another(Path(authority)) as second, _another(strange) as third:
        assert send(Request("GET", second, {}), 5).status == 501
        with pytest.raises(NoAnswerError, match="TLS failed: the certificate is not trusted here"):
            send(Request("GET", third, {}), 5)


def test_the_image_sends_neither_token_nor_message_to_whom_nobody_vouches_for(
    authority: str, runner: Any, broker: Any
) -> None:
    hosts = {"ZEKT_API_URL": broker.url, "ACTIONS_ID_TOKEN_REQUEST_URL": f"{broker.url}/token?api-version=2.0"}
    assert runner.send({"REQUESTS_CA_BUNDLE": authority, **hosts}, max_attempts="1").outputs["status"] == "success"
    heard = len(broker.heard)
    for environ in ({}, {"REQUESTS_CA_BUNDLE": "/dev/null"}):
        done = runner.send({**environ, **hosts}, max_attempts="1")
        assert (done.code, done.outputs["error-code"]) == (1, "oidc_unreachable")
        assert "TLS failed: the certificate is not trusted here" in done.log
    assert len(broker.heard) == heard


def test_the_images_proxy_connects_and_sees_nothing_else(
    authority: str, runner: Any, broker: Any, proxy: Proxy
) -> None:
    hosts = {"ZEKT_API_URL": broker.url, "ACTIONS_ID_TOKEN_REQUEST_URL": f"{broker.url}/token?api-version=2.0"}
    way = {"REQUESTS_CA_BUNDLE": authority, "https_proxy": f"http://127.0.0.1:{proxy.server_address[1]}"}
    assert runner.send({**hosts, **way}).outputs["status"] == "success"
    assert "".join(proxy.asked).startswith(f"CONNECT {broker.url.removeprefix('https://')} HTTP/1.")
    assert "Bearer" not in "".join(proxy.asked)
