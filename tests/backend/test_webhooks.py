"""The webhook's door."""

import hashlib
import hmac
import json
from typing import Any

import pytest
import requests

from zekt_sandbox import events
from zekt_testing.broker import SECRET


def post(zekt: Any, body: bytes, **changes: str | None) -> requests.Response:
    signature = "sha256=" + hmac.new(SECRET.encode(), body, hashlib.sha256).hexdigest()
    headers = {
        "X-GitHub-Event": "workflow_run",
        "X-GitHub-Delivery": "72d3162e-cc78-11e3-81ab-4c9367dc0958",
        "X-Hub-Signature-256": signature,
        **{name.replace("_", "-"): value for name, value in changes.items()},
    }
    kept = {name: value for name, value in headers.items() if value is not None}
    return requests.post(f"{zekt.url}/api/github/webhooks", data=body, headers=kept, timeout=10)


@pytest.mark.parametrize(
    ("changes", "status", "code"),
    [
        ({"X_Hub_Signature_256": None}, 401, "webhook_signature_missing"),
        ({"X_Hub_Signature_256": "sha256=" + "0" * 64}, 401, "webhook_signature_wrong"),
        ({"X_Hub_Signature_256": "sha1=" + "0" * 40}, 400, "webhook_signature_malformed"),
        ({"X_Hub_Signature_256": "sha256=xyz"}, 400, "webhook_signature_malformed"),
        ({"X_GitHub_Event": None}, 400, "webhook_headers_missing"),
        ({"X_GitHub_Delivery": None}, 400, "webhook_headers_missing"),
    ],
)
def test_a_webhook_that_is_not_githubs_is_refused(
    zekt: Any, changes: dict[str, str | None], status: int, code: str
) -> None:
    answer = post(zekt, b'{"action": "completed"}', **changes)
    assert (answer.status_code, answer.json()["code"]) == (status, code)


@pytest.mark.parametrize(
    "body", [b"", b"{", b"[]", b'{"action":"completed"}', b"[" * 100_000, b'{"action":"completed","workflow_run":7}']
)
def test_a_signed_body_that_makes_no_sense_is_a_400(zekt: Any, body: bytes) -> None:
    answer = post(zekt, body)
    assert (answer.status_code, answer.json()["code"]) == (400, "webhook_malformed")


@pytest.mark.parametrize("name", ["push", "ping", "check_run"])
def test_a_webhook_of_another_event_is_thanked_and_ignored(zekt: Any, name: str) -> None:
    answer = post(zekt, b'{"zen": "Keep it logically awesome."}', X_GitHub_Event=name)
    assert answer.status_code == 202
    assert name in answer.json()["ignored"]


@pytest.mark.parametrize("action", ["requested", "in_progress"])
def test_a_run_that_has_not_ended_is_ignored(zekt: Any, action: str) -> None:
    run = zekt.start_run()
    (delivery,) = zekt.github.send_workflow_run(run, action)
    assert delivery.status_code == 202
    assert zekt.sql("SELECT count(*) FROM events") == [(0,)]


def test_names_that_no_column_holds_lose_no_event(zekt: Any) -> None:
    run = zekt.start_run()
    run.status, run.conclusion = "completed", "success"
    payload = events.workflow_run_event(run, "completed")
    payload["workflow_run"]["name"] = "a\u0000b"
    payload["workflow"]["name"] = "a\u0000b"
    assert post(zekt, json.dumps(payload).encode()).status_code == 202
    assert zekt.sql("SELECT workflow_name FROM events") == [("a\ufffdb",)]


def test_without_a_secret_no_webhook_is_taken(start: Any) -> None:
    zekt = start(settings={"webhook_secret": None})
    answer = post(zekt, b"{}")
    assert (answer.status_code, answer.json()["code"]) == (403, "webhooks_off")
