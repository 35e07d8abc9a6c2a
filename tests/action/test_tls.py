"""The composites over https: to whom the machine's authorities vouch for, and by the proxy that it names."""

import base64
from pathlib import Path
from typing import Any

import pytest

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
