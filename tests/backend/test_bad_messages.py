"""Bad input at the broker's door: a clear error, and nothing stored."""

import hashlib
import json
from typing import Any

import pytest
import requests

from zekt_testing.broker import ADMIN_TOKEN

HEAD = b'{"eventType":"order","payload":'


def problem(answer: requests.Response) -> tuple[int, str]:
    found = answer.json()
    assert found["success"] is False
    assert found["message"]
    return answer.status_code, found["code"]


@pytest.mark.parametrize(
    ("name", "body", "status", "code"),
    [
        ("no payload", b'{"eventType":"order"}', 400, "payload_missing"),
        ("truncated JSON", HEAD + b'{"a":', 400, "body_invalid"),
        ("NaN", HEAD + b"NaN}", 400, "payload_not_finite"),
        ("not UTF-8", HEAD + b'"\xff"}', 400, "payload_not_utf8"),
        ("duplicate keys", HEAD + b'{"a":1,"a":2}}', 400, "payload_duplicate_key"),
        ("101 levels deep", HEAD + b"[" * 101 + b"]" * 101 + b"}", 400, "payload_too_deep"),
        ("10,000 levels deep", HEAD + b"[" * 10_000 + b"]" * 10_000 + b"}", 400, "payload_too_deep"),
        ("a lone surrogate", HEAD + b'"\\ud800"}', 400, "payload_lone_surrogate"),
        ("too large by one byte", HEAD + b'"' + b"x" * 524_287 + b'"}', 413, "payload_too_large"),
        ("a body beyond reason", b"x" * 1_048_577, 413, "body_too_large"),
        ("no event type", b'{"payload":1}', 400, "event_type_invalid"),
        ("an event type of 0 characters", b'{"eventType":"","payload":1}', 400, "event_type_invalid"),
        ("an event type of 101", b'{"eventType":"' + b"x" * 101 + b'","payload":1}', 400, "event_type_invalid"),
        ("a line feed in the event type", b'{"eventType":"a\\nb","payload":1}', 400, "event_type_invalid"),
        ("a NUL in a field", b'{"eventType":"a","job":"a\\u0000b","payload":1}', 400, "body_invalid"),
        ("not an object", b"[]", 400, "body_invalid"),
        ("an empty body", b"", 400, "body_invalid"),
        ("a field of the wrong type", b'{"eventType":"a","runAttempt":"many","payload":1}', 400, "body_invalid"),
    ],
    ids=lambda value: value if isinstance(value, str) and " " in value else "",
)
def test_it_is_refused_and_nothing_is_stored(zekt: Any, name: str, body: bytes, status: int, code: str) -> None:
    run = zekt.start_run()
    assert problem(zekt.post("/api/events/receive", run.token(), body)) == (status, code), name
    assert zekt.sql("SELECT count(*) FROM messages") == [(0,)]
    # Nothing is left behind either: the next good message goes through.
    assert zekt.send(run).status_code == 202


def test_a_payload_changed_on_its_way_is_refused(zekt: Any) -> None:
    answer = zekt.send(zekt.start_run(), payloadSha256=hashlib.sha256(b"another").hexdigest())
    assert problem(answer) == (400, "payload_digest_mismatch")


@pytest.mark.parametrize(
    "raw",
    [
        b"null",
        b'"\\u0000"',
        b'{"b":1,"a":1.0,"c":1e2,"long":123456789012345678901234567890}',
        b'\n  {"pretty" :\t[1 , 2]}\r\n',
        '{"ö":"漢字"}'.encode(),
        b'"' + b"x" * 524_286 + b'"',
    ],
    ids=["null", "a NUL escape", "key order and numbers", "white space around", "not ASCII", "exactly 524,288 bytes"],
)
def test_a_good_payload_is_kept_byte_for_byte(zekt: Any, raw: bytes) -> None:
    answer = zekt.send(zekt.start_run(), raw=raw)
    assert answer.status_code == 202
    ((stored, sha256),) = zekt.sql("SELECT payload, payload_sha256 FROM messages")
    assert bytes(stored) == raw
    assert sha256 == hashlib.sha256(raw).hexdigest()


def test_the_published_clients_request_is_accepted_as_it_is(zekt: Any) -> None:
    run = zekt.start_run()
    body = {
        "eventType": "custom-provider-event",
        "repository": "shop-team/orders",
        "workflowRunId": str(run.id),
        "triggeredBy": "octocat",
        "commitSha": run.sha,
        "ref": run.ref,
        "workflow": run.name,
        "payload": {"resourceType": "webServer"},
        "timestamp": "2026-11-21T12:00:00.000Z",
    }
    headers = {"Authorization": f"Bearer {run.token()}", "x-github-repository": "shop-team/orders"}
    answer = requests.post(f"{zekt.url}/api/events/receive", json=body, headers=headers, timeout=10)
    assert answer.status_code == 202
    assert set(answer.json()) == {"success", "eventId", "consumersNotified", "correlationId", "message"}
    zekt.github.finish_run(run)
    (dispatch,) = zekt.dispatched()
    assert dispatch.event_type == "custom-provider-event"
    assert dispatch.client_payload["zekt"]["payload"]["resourceType"] == "webServer"


@pytest.mark.parametrize("reference", ["step-1", {"execution_id": "exec-1", "step_id": "create-sub"}])
def test_an_orchestration_step_needs_no_event_type(zekt: Any, reference: Any) -> None:
    run = zekt.start_run()
    body = json.dumps({"orchestration_step_ref": reference, "payload": {}}).encode()
    assert zekt.post("/api/events/receive", run.token(), body).status_code == 202
    zekt.github.finish_run(run)
    (dispatch,) = zekt.dispatched()
    assert dispatch.event_type == "order-finished"


def test_the_claim_check_gives_exactly_the_bytes(zekt: Any) -> None:
    run = zekt.start_run()
    raw = b'{ "n" : 1.10, "pad" : "' + b"x" * 100_000 + b'" }\n'
    zekt.send(run, raw=raw)
    zekt.github.finish_run(run)
    (dispatch,) = zekt.dispatched()
    envelope = dispatch.client_payload["zekt"]
    assert envelope["payload"] is None
    reference = envelope["payloadRef"]
    assert reference["sha256"] == envelope["payloadSha256"] == hashlib.sha256(raw).hexdigest()
    assert reference["bytes"] == len(raw)
    consumer = zekt.github.start_run_for(dispatch)
    bearer = {"Authorization": f"Bearer {consumer.token()}"}
    answer = requests.get(reference["url"], headers=bearer, timeout=10)
    assert answer.content == raw
    assert answer.headers["x-zekt-payload-sha256"] == reference["sha256"]
    stranger = {"Authorization": f"Bearer {run.token()}"}
    assert problem(requests.get(reference["url"], headers=stranger, timeout=10)) == (403, "not_yours")


def test_a_delivery_without_a_message_has_no_claim_check(zekt: Any) -> None:
    zekt.github.finish_run(zekt.start_run())
    (dispatch,) = zekt.dispatched()
    consumer = zekt.github.start_run_for(dispatch)
    url = f"{zekt.url}/api/event-delivery/{dispatch.client_payload['zekt']['deliveryId']}/payload"
    answer = requests.get(url, headers={"Authorization": f"Bearer {consumer.token()}"}, timeout=10)
    assert problem(answer) == (404, "no_payload")


def test_an_expired_payload_says_so(start: Any) -> None:
    zekt = start()
    run = zekt.start_run()
    zekt.send(run, "x" * 70_000)
    zekt.sql("UPDATE messages SET received_at = now() - interval '91 days'")
    zekt.github.finish_run(run)
    (dispatch,) = zekt.dispatched()
    bearer = {"Authorization": f"Bearer {zekt.github.start_run_for(dispatch).token()}"}
    answer = requests.get(dispatch.client_payload["zekt"]["payloadRef"]["url"], headers=bearer, timeout=10)
    assert problem(answer) == (410, "payload_expired")


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("confirm", b"{"),
        ("confirm", b"{}"),
        ("confirm", b'{"correlationId":""}'),
        ("confirm", b'{"correlationId":"a\\u0000b"}'),
        ("confirm", b"[" * 100_000),
        ("complete", b'{"correlationId":"1"}'),
        ("complete", b'{"correlationId":"1","success":"maybe"}'),
    ],
)
def test_a_bad_acknowledgement_is_a_400(zekt: Any, path: str, body: bytes) -> None:
    run = zekt.github.start_run("infra-team/platform")
    answer = zekt.post(f"/api/event-delivery/{path}", run.token(), body)
    assert problem(answer) == (400, "body_invalid")


def test_a_result_that_is_too_large_is_refused(zekt: Any) -> None:
    run = zekt.github.start_run("infra-team/platform")
    answer = zekt.complete(run, correlationId="1", result="x" * 200_000)
    assert problem(answer) == (413, "body_too_large")


@pytest.mark.parametrize(("method", "path", "code"), [("GET", "/nowhere", 404), ("DELETE", "/healthz", 405)])
def test_what_the_router_refuses_has_the_same_shape(zekt: Any, method: str, path: str, code: int) -> None:
    answer = requests.request(method, zekt.url + path, timeout=10)
    assert answer.status_code == code
    assert answer.headers["content-type"] == "application/problem+json"
    problem(answer)


@pytest.mark.parametrize("query", ["status=nonsense", "limit=0", "limit=501", "before=x", "what=ever"])
def test_a_query_that_makes_no_sense_is_a_400(zekt: Any, query: str) -> None:
    headers = {"Authorization": f"Bearer {ADMIN_TOKEN}"}
    answer = requests.get(f"{zekt.url}/api/deliveries?{query}", headers=headers, timeout=10)
    assert problem(answer) == (400, "body_invalid")
