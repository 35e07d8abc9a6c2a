"""confirm: the consumer's job gets its message, and the broker hears that it runs."""

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest

CONFIRM = "/api/event-delivery/confirm"
FETCH = "/api/event-delivery/delivery-9/payload"
ANSWER = {
    "success": True,
    "deliveryId": "delivery-9",
    "correlationId": "7",
    "status": "confirmed",
    "attempt": 2,
    "duplicate": False,
    "changed": True,
    "message": "Noted.",
}
LARGE = b'{"text": "' + "é".encode() * 100_000 + b'"}'
SMALL = b'{"resourceType":"webServer"}'


def envelope(**more: Any) -> dict[str, Any]:
    zekt = {
        "version": "1",
        "deliveryId": "delivery-9",
        "correlationId": "7",
        "attempt": 2,
        "payload": {"resourceType": "webServer"},
        "payloadRef": None,
        "payloadSha256": hashlib.sha256(SMALL).hexdigest(),
    }
    return {"action": "order", "client_payload": {"zekt": zekt | more}}


def by_reference(raw: bytes, **more: Any) -> dict[str, Any]:
    digest = hashlib.sha256(raw).hexdigest()
    reference = {"url": "https://evil.example.com/", "sha256": digest, "bytes": len(raw), "expiresAt": "2027-01-01"}
    return envelope(payload=None, payloadRef=reference | more, payloadSha256=digest)


@pytest.fixture
def confirm(runner: Any, broker: Any, reply: Any, python: str) -> Any:
    broker.reply(CONFIRM, reply(200, ANSWER))

    def confirm(event: Any, environ: dict[str, str] | None = None, **inputs: str) -> Any:
        runner.event(event)
        return runner.receive("confirm", python, environ, **inputs)

    return confirm


def test_an_inline_message_comes_as_file_and_output(confirm: Any, broker: Any) -> None:
    done = confirm(envelope())
    assert done.code == 0, done.log
    path = Path(done.outputs["payload-path"])
    assert path.read_bytes() == SMALL
    assert path.parent.stat().st_mode & 0o77 == 0
    assert done.outputs | {"payload-path": ""} == {
        "delivery-id": "delivery-9",
        "status": "confirmed",
        "duplicate": "false",
        "attempt": "2",
        "payload-path": "",
        "payload": SMALL.decode(),
        "error-code": "",
    }
    (heard,) = broker.asked(CONFIRM)
    assert json.loads(heard.body) == {"correlationId": "7", "deliveryId": "delivery-9"}
    assert heard.headers["authorization"] == "Bearer header.body.signature1"
    assert broker.asked(FETCH) == []


def test_the_message_is_not_shown(confirm: Any) -> None:
    done = confirm(envelope())
    assert "webServer" not in done.log + done.summary
    assert done.log.splitlines()[0] == "::add-mask::runner-secret"


def test_a_large_message_is_fetched_byte_for_byte(confirm: Any, broker: Any, reply: Any) -> None:
    broker.reply(FETCH, reply(200, LARGE))
    done = confirm(by_reference(LARGE))
    assert done.code == 0, done.log
    assert Path(done.outputs["payload-path"]).read_bytes() == LARGE
    assert done.outputs["payload"] == ""
    assert len(broker.asked(FETCH)) == 1


def test_a_message_that_was_large_for_the_event_alone_is_an_output_too(confirm: Any, broker: Any, reply: Any) -> None:
    raw = json.dumps("a" * 62_000).encode()
    broker.reply(FETCH, reply(200, raw))
    assert confirm(by_reference(raw)).outputs["payload"] == raw.decode()


@pytest.mark.parametrize(
    ("event", "came"),
    [
        (by_reference(LARGE), LARGE[:-1]),
        (by_reference(LARGE), b" " + LARGE),
        (by_reference(LARGE, sha256="0" * 64), LARGE),
        (by_reference(LARGE, sha256=None), LARGE),
        (by_reference(LARGE, bytes=7), LARGE),
        (by_reference(b'"' + b"a" * 600_000 + b'"'), b'"' + b"a" * 600_000 + b'"'),
        (envelope(payload=None, payloadRef="text"), LARGE),
    ],
)
def test_another_message_than_announced_is_not_given_to_the_job(
    confirm: Any, broker: Any, reply: Any, event: Any, came: bytes
) -> None:
    broker.reply(FETCH, reply(200, came))
    done = confirm(event)
    assert done.code == 0
    assert "[payload_mismatch]" in done.log
    assert (done.outputs["payload-path"], done.outputs["payload"]) == ("", "")
    assert done.outputs["status"] == "confirmed"
    assert confirm(event, fail_on_error="true").code == 1


def test_a_message_cut_in_its_middle_is_fetched_again(confirm: Any, broker: Any, reply: Any) -> None:
    broker.reply(FETCH, reply(200, LARGE, short=1), reply(200, LARGE))
    done = confirm(by_reference(LARGE))
    assert Path(done.outputs["payload-path"]).read_bytes() == LARGE


def test_a_message_that_has_expired_is_told(confirm: Any, broker: Any, reply: Any) -> None:
    broker.reply(FETCH, reply(410, {"code": "payload_expired", "detail": "gone since yesterday"}))
    assert "[payload_expired]" in confirm(by_reference(LARGE)).log


def test_an_event_without_a_message_has_none(confirm: Any, broker: Any) -> None:
    done = confirm(envelope(payload=None, payloadSha256=None))
    assert done.code == 0, done.log
    assert (done.outputs["payload-path"], done.outputs["payload"]) == ("", "")
    assert broker.asked(FETCH) == []


def test_a_message_that_is_null_is_one(confirm: Any) -> None:
    done = confirm(envelope(payload=None, payloadSha256=hashlib.sha256(b"null").hexdigest()))
    assert Path(done.outputs["payload-path"]).read_bytes() == b"null"


def test_a_message_of_all_characters_survives(confirm: Any) -> None:
    payload = {"text": "\u0000 é \U0001f600 \u2028 ${{ secrets.X }}\nline<<EOF\nEOF\n", "n": [1.5, 10**30, -0.0]}
    done = confirm(envelope(payload=payload))
    assert json.loads(Path(done.outputs["payload-path"]).read_bytes()) == payload
    assert json.loads(done.outputs["payload"]) == payload


def test_another_runs_confirmation_makes_it_a_duplicate(confirm: Any, broker: Any, reply: Any) -> None:
    broker.reply(CONFIRM, reply(200, ANSWER | {"duplicate": True, "changed": False}))
    assert confirm(envelope()).outputs["duplicate"] == "true"


@pytest.mark.parametrize("event", [{}, {"client_payload": {}}, {"client_payload": {"zekt": "text"}}, [], "x"])
def test_a_run_of_its_own_is_left_in_peace(confirm: Any, broker: Any, event: Any) -> None:
    done = confirm(event, {"ZEKT_API_URL": ""}, fail_on_error="true")
    assert done.code == 0
    assert "::notice title=Zekt%3A Not started by Zekt::" in done.log
    assert set(done.outputs.values()) == {""}
    assert set(done.outputs) == {
        "delivery-id",
        "status",
        "duplicate",
        "attempt",
        "payload-path",
        "payload",
        "error-code",
    }
    assert done.summary == ""
    assert broker.heard == []


def test_a_broker_that_is_down_fails_no_healthy_job(confirm: Any, closed_port: int) -> None:
    down = {"ZEKT_API_URL": f"http://127.0.0.1:{closed_port}"}
    done = confirm(envelope(), down, max_attempts="2")
    assert done.code == 0
    assert "::warning title=Zekt%3A The broker cannot be reached::" in done.log
    assert (done.outputs["status"], done.outputs["delivery-id"], done.outputs["attempt"]) == (
        "unknown",
        "delivery-9",
        "2",
    )
    assert Path(done.outputs["payload-path"]).read_bytes() == SMALL
    done = confirm(envelope(), down, max_attempts="1", fail_on_error="true")
    assert done.code == 1
    assert "::error" in done.log


def test_a_broker_that_was_down_is_asked_again(confirm: Any, broker: Any, reply: Any) -> None:
    broker.reply(CONFIRM, reply(cut=True), reply(503, {"detail": "asleep"}), reply(200, ANSWER))
    assert confirm(envelope()).outputs["status"] == "confirmed"


def test_a_stranger_is_refused(confirm: Any, broker: Any, reply: Any) -> None:
    broker.reply(CONFIRM, reply(403, {"code": "not_yours", "detail": "Not known here"}))
    done = confirm(envelope(), fail_on_error="true")
    assert done.code == 1
    assert "HTTP 403. Not known here%0AIs this repository registered" in done.log


@pytest.mark.parametrize("status", [301, 307])
def test_the_token_follows_no_redirect(confirm: Any, broker: Any, reply: Any, status: int) -> None:
    for path, event in ((CONFIRM, envelope()), (FETCH, by_reference(LARGE))):
        broker.reply(path, reply(status, "", {"location": f"{broker.url}/elsewhere"}))
        assert "[redirected]" in confirm(event).log
        broker.reply(CONFIRM, reply(200, ANSWER))
    assert broker.asked("/elsewhere") == []


@pytest.mark.parametrize("name", ["correlation_id", "delivery_id"])
@pytest.mark.parametrize("value", ["../../admin", "a b", "a\nb", "x" * 101, "é", "-x", "."])
def test_a_hostile_id_goes_nowhere(confirm: Any, broker: Any, name: str, value: str) -> None:
    done = confirm(envelope(), fail_on_error="true", **{name: value})
    assert done.code == 1
    assert "[id_invalid]" in done.log
    assert broker.heard == []


def test_a_hostile_id_in_the_event_goes_nowhere(confirm: Any, broker: Any) -> None:
    for value in ("../x", 7, ["a"], {"a": 1}):
        assert "[id_invalid]" in confirm(envelope(deliveryId=value)).log
    assert broker.heard == []


@pytest.mark.parametrize(
    "change", [{"deliveryId": "../x"}, {"deliveryId": 7}, {"status": "great\nevil"}, {"status": 7}]
)
def test_an_answer_of_something_else_is_told(confirm: Any, broker: Any, reply: Any, change: Any) -> None:
    broker.reply(CONFIRM, reply(200, ANSWER | change))
    done = confirm(envelope())
    assert "[answer_unreadable]" in done.log
    assert done.outputs["status"] == "unknown"


def test_ids_alone_are_enough(confirm: Any, broker: Any, reply: Any) -> None:
    digest = hashlib.sha256(LARGE).hexdigest()
    broker.reply(FETCH, reply(200, LARGE, {"x-zekt-payload-sha256": digest}))
    done = confirm({}, correlation_id="7", delivery_id="delivery-9")
    assert Path(done.outputs["payload-path"]).read_bytes() == LARGE
    broker.reply(FETCH, reply(404, {"code": "no_payload"}))
    done = confirm({}, correlation_id="7")
    assert (done.outputs["status"], done.outputs["payload-path"]) == ("confirmed", "")
    assert json.loads(broker.asked(CONFIRM)[-1].body) == {"correlationId": "7"}


def test_another_deliverys_message_is_never_mistaken(confirm: Any, broker: Any, reply: Any) -> None:
    broker.reply(CONFIRM, reply(200, ANSWER | {"deliveryId": "delivery-10"}))
    broker.reply("/api/event-delivery/delivery-10/payload", reply(404, {"code": "no_payload"}))
    done = confirm(envelope(), delivery_id="delivery-10")
    assert (done.outputs["delivery-id"], done.outputs["payload"]) == ("delivery-10", "")


def test_no_token_says_which_permissions_to_paste(confirm: Any) -> None:
    done = confirm(envelope(), {"ACTIONS_ID_TOKEN_REQUEST_URL": ""})
    assert "permissions:%0A  id-token: write" in done.log
    assert done.outputs["error-code"] == "oidc_unavailable"
    assert (done.outputs["payload-path"], done.outputs["payload"]) == ("", "")


def test_the_broker_must_be_named(confirm: Any) -> None:
    assert "[api_url_missing]" in confirm(envelope(), {"ZEKT_API_URL": ""}).log


def test_a_json_module_in_the_workspace_is_not_imported(confirm: Any, runner: Any) -> None:
    (runner.workspace / "json.py").write_text("raise SystemExit('hijacked')")
    assert confirm(envelope(), {"PYTHONPATH": str(runner.workspace)}).code == 0
