"""Bent bodies and headers against the running broker: every answer is one of the documented, none is a 5xx."""

import hashlib
import hmac
import json
from http.client import HTTPConnection
from typing import Any
from urllib.parse import quote, urlsplit

from hypothesis import given, settings
from hypothesis import strategies as st

from zekt_backend.errors import PROBLEMS
from zekt_sandbox import events
from zekt_testing.broker import ADMIN_TOKEN, SECRET, Zekt
from zekt_testing.fuzzing import bent, steadily, texts

HEADER_VALUES = st.one_of(
    st.binary(max_size=60).map(lambda raw: raw.translate(None, b"\0\r\n")),
    st.sampled_from([b"", b" ", b"Bearer", b"Bearer  ", b"\xff\xfe", b"-1", b"9" * 400, b"{}", b"a" * 9_000]),
)
READ_HEADERS = (
    "Authorization",
    "Content-Length",
    "Content-Type",
    "Content-Encoding",
    "Host",
    "X-GitHub-Event",
    "X-GitHub-Delivery",
    "X-Hub-Signature-256",
    "x-github-repository",
    "Idempotency-Key",
    "X-Forwarded-For",
)


class Wire:
    """One connection after another to a broker, each request as it is given."""

    def __init__(self, zekt: Zekt) -> None:
        self._netloc = urlsplit(zekt.url).netloc

    def ask(self, method: str, path: str, body: bytes, headers: dict[str, Any]) -> int:
        """The status; every answer is held to the shape of all answers."""
        connection = HTTPConnection(self._netloc, timeout=10)
        try:
            connection.putrequest(method, path, skip_host="Host" in headers, skip_accept_encoding=True)
            for name, value in {"Content-Length": str(len(body)), **headers}.items():
                connection.putheader(name, value)
            connection.endheaders(body)
            answer = connection.getresponse()
            raw = answer.read()
        finally:
            connection.close()
        if answer.status >= 400 and "json" in (answer.getheader("content-type") or ""):
            assert json.loads(raw)["code"] in PROBLEMS
        return answer.status


def few(count: int) -> settings:
    return settings(steadily, max_examples=count)


def test_no_webhook_that_github_could_sign_breaks_the_broker(zekt: Zekt) -> None:
    run = zekt.start_run()
    run.status, run.conclusion = "completed", "success"
    good, wire = events.workflow_run_event(run, "completed"), Wire(zekt)

    @few(150)
    @given(bent(good), st.integers(0, 2**32))
    def post(body: bytes, guid: int) -> None:
        signature = "sha256=" + hmac.new(SECRET.encode(), body, hashlib.sha256).hexdigest()
        headers = {"X-GitHub-Event": "workflow_run", "X-GitHub-Delivery": str(guid), "X-Hub-Signature-256": signature}
        assert wire.ask("POST", "/api/github/webhooks", body, headers) in (202, 400)

    post()
    assert zekt.sql("SELECT count(*) FROM events")[0][0] > 0, "some of them are read"


def test_no_body_that_a_run_could_send_breaks_the_broker(zekt: Zekt) -> None:
    run, wire = zekt.start_run(), Wire(zekt)
    head = {"eventType": "order", "repository": "shop-team/orders", "runAttempt": 1, "job": "a", "messageId": "m"}
    doors = {
        "/api/events/receive": {**head, "causation": {"correlationId": "1", "deliveryId": "d"}, "payload": {"a": [1]}},
        "/api/event-delivery/confirm": {"correlationId": str(run.id), "deliveryId": "delivery-1"},
        "/api/event-delivery/complete": {"correlationId": "1", "success": True, "conclusion": "x", "result": {"a": 1}},
    }
    bodies = st.sampled_from(sorted(doors)).flatmap(lambda path: st.tuples(st.just(path), bent(doors[path])))

    @few(150)
    @given(bodies)
    def post(sent: tuple[str, bytes]) -> None:
        headers = {"Authorization": f"Bearer {run.token()}"}
        assert wire.ask("POST", *sent, headers) in (200, 202, 400, 403, 413)

    post()
    assert zekt.sql("SELECT count(*) FROM messages")[0][0] > 0, "some of them are read"


def test_no_header_and_no_address_breaks_the_broker(zekt: Zekt) -> None:
    wire = Wire(zekt)
    names = st.sampled_from(READ_HEADERS)
    parts = st.text(max_size=20) | texts | st.sampled_from(["\0", "..", "x" * 3_000])
    paths = st.one_of(
        st.sampled_from(["/api/events/receive", "/api/github/webhooks", "/api/event-delivery/confirm", "/readyz"]),
        parts.map(lambda part: f"/api/deliveries/{quote(part, errors='replace')}"),
        parts.map(lambda part: f"/api/event-delivery/{quote(part, errors='replace')}/payload"),
        st.tuples(st.sampled_from(["status", "correlationId", "consumer", "limit", "before", "x"]), parts).map(
            lambda pair: f"/api/deliveries?{pair[0]}={quote(pair[1], errors='replace')}"
        ),
    )

    @few(250)
    @given(st.sampled_from(["GET", "POST"]), paths, st.dictionaries(names, HEADER_VALUES, max_size=3), st.booleans())
    def ask(method: str, path: str, headers: dict[str, Any], admin: bool) -> None:
        if admin:
            headers["Authorization"] = f"Bearer {ADMIN_TOKEN}"
        if "Content-Length" in headers:
            headers["Content-Length"] = "0"
        assert wire.ask(method, path, b"", headers) < 500

    ask()
    assert wire.ask("GET", "/readyz", b"", {}) == 200
