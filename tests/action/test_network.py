"""A token crosses no network in the open: not by a proxy, and not to another token service."""

import sys
from typing import Any

import pytest

pytestmark = pytest.mark.usefixtures("each_front")

CONFIRM = "/api/event-delivery/confirm"
ANSWER = {"deliveryId": "delivery-9", "correlationId": "7", "status": "confirmed", "attempt": 1}


@pytest.fixture
def proxied(closed_port: int) -> dict[str, str]:
    """A machine on which all that may go by a proxy does, and fails."""
    return dict.fromkeys(("http_proxy", "https_proxy", "all_proxy", "ALL_PROXY"), f"http://127.0.0.1:{closed_port}")


def test_plain_http_goes_past_the_proxy(runner: Any, broker: Any, reply: Any, proxied: dict[str, str]) -> None:
    done = runner.send(proxied, max_attempts="1")
    assert done.code == 0, done.log
    broker.reply(CONFIRM, reply(200, ANSWER))
    done = runner.receive("confirm", sys.executable, proxied, correlation_id="7", max_attempts="1")
    assert done.outputs["status"] == "confirmed", done.log


def test_https_goes_by_the_proxy(runner: Any, broker: Any) -> None:
    """The stand-in is no proxy, so it refuses; what matters is that it was asked to connect."""
    environ = {"https_proxy": broker.url, "ZEKT_API_URL": "https://zekt.invalid"}
    assert "The proxy (HTTPS_PROXY) did not connect" in runner.send(environ, max_attempts="1").log
    done = runner.receive("confirm", sys.executable, environ, correlation_id="7", max_attempts="1")
    assert "The proxy (HTTPS_PROXY) did not connect" in done.log


@pytest.mark.parametrize(
    "url", ["http://tokens.example.com/?a=b", "https://u:p@tokens.example.com", "file:///etc/passwd"]
)
def test_the_runners_secret_goes_to_no_open_token_service(runner: Any, url: str) -> None:
    environ = {"ACTIONS_ID_TOKEN_REQUEST_URL": url}
    assert runner.send(environ).outputs["error-code"] == "oidc_unavailable"
    done = runner.receive("confirm", sys.executable, environ, correlation_id="7")
    assert done.outputs["error-code"] == "oidc_unavailable"
    assert "no https address" in done.log
