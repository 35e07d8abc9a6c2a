"""What is tried again, what is not, and when it ends; over real sockets."""

import time
from email.utils import formatdate
from typing import Any

import pytest

pytestmark = pytest.mark.usefixtures("each_front")

RECEIVE = "/api/events/receive"
RECEIPT = {"success": True, "eventId": "evt-1", "consumersNotified": 2, "correlationId": "42", "message": "stored"}


@pytest.mark.parametrize("status", [408, 425, 429, 500, 502, 503, 504, 599])
def test_a_temporary_answer_is_tried_again_with_a_fresh_token(
    runner: Any, broker: Any, reply: Any, status: int
) -> None:
    broker.reply(RECEIVE, reply(status, {"code": "database_unavailable", "detail": "asleep"}), reply(202, RECEIPT))
    done = runner.send()
    assert done.code == 0, done.log
    assert f"Try 1 of 5: The broker answered HTTP {status}: asleep Again in 0." in done.log
    first, second = broker.asked(RECEIVE)
    assert first.headers["authorization"] != second.headers["authorization"]
    assert first.headers["idempotency-key"] == second.headers["idempotency-key"]
    assert first.body == second.body


def test_a_cut_connection_is_tried_again(runner: Any, broker: Any, reply: Any) -> None:
    broker.reply(RECEIVE, reply(cut=True), reply(202, RECEIPT))
    done = runner.send()
    assert done.code == 0, done.log
    assert "The connection broke" in done.log


def test_an_answer_cut_in_its_middle_is_none(runner: Any, broker: Any, reply: Any) -> None:
    broker.reply(RECEIVE, reply(202, RECEIPT, short=5), reply(202, RECEIPT))
    done = runner.send()
    assert done.code == 0, done.log
    assert "in the middle of the answer" in done.log


@pytest.mark.parametrize("status", [400, 401, 403, 404, 409, 413, 422])
def test_a_refusal_is_final_and_speaks_with_the_brokers_words(
    runner: Any, broker: Any, reply: Any, status: int
) -> None:
    broker.reply(RECEIVE, reply(status, {"code": "token_audience", "detail": "made for somebody else"}))
    done = runner.send()
    assert (done.code, done.outputs["error-code"]) == (1, "token_audience")
    assert f"HTTP {status}. made for somebody else%0A`audience` here and ZEKT_OIDC_AUDIENCE" in done.log
    assert len(broker.asked(RECEIVE)) == 1


@pytest.mark.parametrize("body", [b"<html>", b"[1]", b"", b'{"code": "Evil\\ncode", "detail": 7}', b"[" * 100_000])
def test_a_refusal_that_is_no_brokers_is_told_as_such(runner: Any, broker: Any, reply: Any, body: bytes) -> None:
    broker.reply(RECEIVE, reply(403, body))
    done = runner.send()
    assert (done.code, done.outputs["error-code"]) == (1, "backend_refused")


@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_a_redirect_is_never_followed_with_the_token(runner: Any, broker: Any, reply: Any, status: int) -> None:
    broker.reply(RECEIVE, reply(status, "", {"location": f"{broker.url}/elsewhere"}))
    done = runner.send()
    assert (done.code, done.outputs["error-code"]) == (1, "redirected")
    assert broker.asked("/elsewhere") == []


def test_a_redirect_to_nowhere_is_told_too(runner: Any, broker: Any, reply: Any) -> None:
    broker.reply(RECEIVE, reply(302, "", {"location": "http://[bad"}))
    assert runner.send().outputs["error-code"] == "redirected"


@pytest.mark.parametrize(
    "body",
    [
        b"<html>",
        b"{}",
        b'{"eventId": 7, "consumersNotified": 1}',
        b'{"eventId": "::error::x", "consumersNotified": 1}',
        b'{"eventId": "evt-1"}',
        b'{"eventId": "evt-1", "consumersNotified": true}',
        b'{"eventId": "evt-1", "consumersNotified": -1}',
        b'{"eventId": "evt-1", "consumersNotified": 1000001}',
    ],
)
def test_a_success_without_a_receipt_is_no_success(runner: Any, broker: Any, reply: Any, body: bytes) -> None:
    broker.reply(RECEIVE, reply(200, body))
    done = runner.send()
    assert (done.code, done.outputs["error-code"]) == (1, "answer_unreadable")


def test_the_tries_end_at_max_attempts(runner: Any, broker: Any, reply: Any) -> None:
    broker.reply(RECEIVE, reply(503, {"detail": "asleep"}))
    done = runner.send(max_attempts="2")
    assert (done.code, done.outputs["error-code"]) == (1, "backend_unavailable")
    assert "Given up after 2 tries" in done.log
    assert len(broker.asked(RECEIVE)) == 2


def test_retry_after_is_obeyed_in_seconds(runner: Any, broker: Any, reply: Any) -> None:
    broker.reply(RECEIVE, reply(429, "", {"retry-after": "1"}), reply(202, RECEIPT))
    started = time.monotonic()
    assert runner.send().code == 0
    assert time.monotonic() - started >= 1


@pytest.mark.alone
def test_a_retry_after_beyond_the_deadline_ends_it_at_once(runner: Any, broker: Any, reply: Any) -> None:
    for value in ("3000", formatdate(time.time() + 3000, usegmt=True)):
        broker.reply(RECEIVE, reply(503, "", {"retry-after": value}))
        started = time.monotonic()
        done = runner.send(timeout_seconds="30")
        assert (done.code, done.outputs["error-code"]) == (1, "backend_unavailable")
        assert "would be too late: 30 s are allowed" in done.log
        assert time.monotonic() - started < 10


@pytest.mark.parametrize("value", ["soon", "-1", "²", "Fri, 99 Foo 2026", "0"])
def test_a_senseless_retry_after_is_ignored(runner: Any, broker: Any, reply: Any, value: str) -> None:
    broker.reply(RECEIVE, reply(503, "", {"retry-after": value.encode().decode("latin-1")}), reply(202, RECEIPT))
    assert runner.send().code == 0


def test_a_retry_after_that_is_over_does_not_undercut_our_own_wait(runner: Any, broker: Any, reply: Any) -> None:
    for value in ("0", formatdate(time.time() - 3000, usegmt=True)):
        broker.reply(RECEIVE, reply(503, "", {"retry-after": value}), reply(503), reply(202, RECEIPT))
        started = time.monotonic()
        assert runner.send().code == 0
        assert time.monotonic() - started >= 0.5 + 1


@pytest.mark.alone
def test_a_hanging_broker_is_left_at_the_deadline(runner: Any, broker: Any, reply: Any) -> None:
    broker.reply(RECEIVE, reply(hang=True))
    started = time.monotonic()
    done = runner.send(timeout_seconds="1")
    assert done.code == 1
    assert done.outputs["error-code"] in {"backend_unreachable", "deadline"}
    assert time.monotonic() - started < 5


@pytest.mark.alone
def test_a_dripping_answer_is_left_at_the_deadline_too(runner: Any, broker: Any, reply: Any) -> None:
    broker.reply(RECEIVE, reply(202, RECEIPT, drip=0.3))
    started = time.monotonic()
    done = runner.send(timeout_seconds="1")
    assert (done.code, done.outputs["error-code"]) == (1, "deadline")
    assert time.monotonic() - started < 5


def test_nobody_listens(runner: Any, closed_port: int) -> None:
    done = runner.send(zekt_api_url=f"http://127.0.0.1:{closed_port}", max_attempts="2")
    assert (done.code, done.outputs["error-code"]) == (1, "backend_unreachable")
    assert "nothing listens there" in done.log


def test_tls_where_none_is_spoken(runner: Any, broker: Any) -> None:
    done = runner.send(zekt_api_url=broker.url.replace("http:", "https:"), max_attempts="1")
    assert (done.code, done.outputs["error-code"]) == (1, "backend_unreachable")
    assert "TLS failed" in done.log


def test_an_answer_without_end_is_cut(runner: Any, broker: Any, reply: Any) -> None:
    broker.reply(RECEIVE, reply(202, b'{"eventId": "' + b"a" * 5_000_000))
    assert runner.send().outputs["error-code"] == "answer_unreadable"


def test_the_token_service_is_tried_again_too(runner: Any, broker: Any, reply: Any) -> None:
    broker.reply("/token", reply(503), reply(200, {"value": "a.b.c"}))
    done = runner.send()
    assert done.code == 0, done.log
    assert "GitHub's token service answered HTTP 503" in done.log


@pytest.mark.parametrize(
    ("status", "body"), [(403, {}), (200, {}), (200, {"value": "a\nb"}), (200, {"value": ""}), (302, {"value": "a"})]
)
def test_a_token_service_that_gives_none_ends_it(runner: Any, broker: Any, reply: Any, status: int, body: Any) -> None:
    broker.reply("/token", reply(status, body))
    done = runner.send()
    assert (done.code, done.outputs["error-code"]) == (1, "oidc_refused")
    assert broker.asked(RECEIVE) == []


def test_a_token_service_that_stays_away_is_not_the_brokers_fault(runner: Any, broker: Any, reply: Any) -> None:
    broker.reply("/token", reply(cut=True))
    assert runner.send(max_attempts="1").outputs["error-code"] == "oidc_unreachable"


def test_a_netrc_file_does_not_take_the_tokens_place(runner: Any, broker: Any) -> None:
    netrc = runner.folder / "netrc"
    netrc.write_text("machine 127.0.0.1 login stranger password theirs\n")
    netrc.chmod(0o600)
    assert runner.send({"NETRC": str(netrc)}).code == 0
    assert broker.asked(RECEIVE)[0].headers["authorization"] == "Bearer header.body.signature1"
