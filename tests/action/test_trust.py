"""When confirm gives a job the event's own message, and how the job knows why it got none."""

import hashlib
from pathlib import Path
from typing import Any

import pytest

CONFIRM = "/api/event-delivery/confirm"
MESSAGE = b'{"size":"large"}'
ANSWER = {"deliveryId": "delivery-9", "correlationId": "7", "status": "confirmed", "attempt": 1, "message": "Noted."}
ZEKT = {
    "deliveryId": "delivery-9",
    "correlationId": "7",
    "payload": {"size": "large"},
    "payloadRef": None,
    "payloadSha256": hashlib.sha256(MESSAGE).hexdigest(),
}


@pytest.fixture
def confirm(runner: Any, python: str) -> Any:
    def confirm(zekt: dict[str, Any], environ: dict[str, str] | None = None, **inputs: str) -> Any:
        runner.event({"client_payload": {"zekt": zekt}})
        return runner.receive("confirm", python, environ, **inputs)

    return confirm


def assert_no_message(done: Any, code: str, runner: Any) -> None:
    assert (done.outputs["payload-path"], done.outputs["payload"]) == ("", "")
    assert done.outputs["error-code"] == code
    assert list(runner.temp.iterdir()) == []


def assert_message(done: Any, code: str) -> None:
    assert Path(done.outputs["payload-path"]).read_bytes() == MESSAGE
    assert (done.outputs["payload"], done.outputs["error-code"]) == (MESSAGE.decode(), code)


@pytest.mark.parametrize(
    "refusal",
    [
        (403, "not_yours"),
        (404, "not_found"),
        (400, "body_invalid"),
        (401, "token_audience"),
        (403, "backend_unavailable"),
    ],
)
def test_a_dispatch_that_the_broker_refuses_gives_no_message(
    confirm: Any, broker: Any, reply: Any, runner: Any, refusal: tuple[int, str]
) -> None:
    status, code = refusal
    broker.reply(CONFIRM, reply(status, {"code": code, "detail": "no"}))
    done = confirm(ZEKT)
    assert done.code == 0
    assert_no_message(done, code, runner)


def test_whatever_else_answers_gives_no_message(confirm: Any, broker: Any, reply: Any, runner: Any) -> None:
    broker.reply(CONFIRM, reply(302, "", {"location": "https://example.com"}))
    assert_no_message(confirm(ZEKT), "redirected", runner)
    broker.reply(CONFIRM, reply(200, b"<html>"))
    assert_no_message(confirm(ZEKT), "answer_unreadable", runner)
    broker.reply("/token", reply(403, {}))
    assert_no_message(confirm(ZEKT), "oidc_refused", runner)
    assert_no_message(confirm(ZEKT, {"ZEKT_API_URL": ""}), "api_url_missing", runner)


@pytest.mark.parametrize("status", [408, 425, 429, 500, 503])
def test_a_broker_that_cannot_serve_leaves_the_job_its_message(
    confirm: Any, broker: Any, reply: Any, status: int
) -> None:
    broker.reply(CONFIRM, reply(status, {"code": "not_yours"}))
    assert_message(confirm(ZEKT, max_attempts="1"), "backend_unavailable")


def test_a_broker_that_does_not_answer_leaves_the_job_its_message(confirm: Any, broker: Any, reply: Any) -> None:
    broker.reply(CONFIRM, reply(cut=True))
    assert_message(confirm(ZEKT, max_attempts="1"), "backend_unreachable")
    broker.reply(CONFIRM, reply(200, ANSWER, drip=0.3))
    assert_message(confirm(ZEKT, max_attempts="1", timeout_seconds="1"), "deadline")
    broker.reply("/token", reply(503))
    assert_message(confirm(ZEKT, max_attempts="1"), "oidc_unreachable")


def test_no_message_and_a_lost_one_differ_in_the_error_code(confirm: Any, broker: Any, reply: Any, runner: Any) -> None:
    broker.reply(CONFIRM, reply(200, ANSWER))
    assert_no_message(confirm(ZEKT | {"payload": None, "payloadSha256": None}), "", runner)
    broker.reply("/api/event-delivery/delivery-9/payload", reply(200, b"{}"))
    reference = {"sha256": "0" * 64, "bytes": 2}
    assert_no_message(confirm(ZEKT | {"payload": None, "payloadRef": reference}), "payload_mismatch", runner)


def test_an_envelope_that_names_no_delivery_is_not_taken_for_the_confirmed_one(
    confirm: Any, broker: Any, reply: Any
) -> None:
    archived = b'{"size": "small"}'
    digest = {"x-zekt-payload-sha256": hashlib.sha256(archived).hexdigest()}
    broker.reply(CONFIRM, reply(200, ANSWER))
    broker.reply("/api/event-delivery/delivery-9/payload", reply(200, archived, digest))
    done = confirm({name: value for name, value in ZEKT.items() if name != "deliveryId"})
    assert done.outputs["payload"] == archived.decode()
