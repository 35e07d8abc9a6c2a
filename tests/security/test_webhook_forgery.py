"""A webhook that GitHub did not sign, or not like this: refused, and nothing is written."""

import hashlib
import hmac
import json
from collections.abc import Callable
from typing import Any

import pytest
import requests

from zekt_sandbox import events
from zekt_testing.broker import SECRET


def sign(body: bytes, secret: str = SECRET, algorithm: str = "sha256") -> str:
    return f"{algorithm}={hmac.new(secret.encode(), body, algorithm).hexdigest()}"


SIGNATURES: dict[str, tuple[int, str, Callable[[bytes], str | None]]] = {
    "none": (401, "webhook_signature_missing", lambda _: None),
    "empty": (401, "webhook_signature_missing", lambda _: ""),
    "zeroes": (401, "webhook_signature_wrong", lambda _: "sha256=" + "0" * 64),
    "of another body": (401, "webhook_signature_wrong", lambda body: sign(body + b" ")),
    "of an empty body": (401, "webhook_signature_wrong", lambda _: sign(b"")),
    "of another secret": (401, "webhook_signature_wrong", lambda body: sign(body, "another")),
    "of an empty secret": (401, "webhook_signature_wrong", lambda body: sign(body, "")),
    "of the digest alone": (401, "webhook_signature_wrong", lambda b: "sha256=" + hashlib.sha256(b).hexdigest()),
    "one digit short": (400, "webhook_signature_malformed", lambda body: sign(body)[:-1]),
    "half": (400, "webhook_signature_malformed", lambda body: sign(body)[:39]),
    "the prefix alone": (400, "webhook_signature_malformed", lambda _: "sha256="),
    "without its prefix": (400, "webhook_signature_malformed", lambda body: sign(body).removeprefix("sha256=")),
    "twice": (400, "webhook_signature_malformed", lambda body: f"{sign(body)},{sign(body)}"),
    "by SHA-1": (400, "webhook_signature_malformed", lambda body: sign(body, algorithm="sha1")),
    "by SHA-512": (400, "webhook_signature_malformed", lambda body: sign(body, algorithm="sha512")),
    "called SHA-512": (400, "webhook_signature_malformed", lambda body: sign(body).replace("256", "512", 1)),
}


def post(town: Any, body: bytes, signature: str | None, **headers: str) -> requests.Response:
    told = {
        "X-GitHub-Event": "workflow_run",
        "X-GitHub-Delivery": "72d3162e-cc78-11e3-81ab-4c9367dc0958",
        **({} if signature is None else {"X-Hub-Signature-256": signature}),
        **headers,
    }
    return requests.post(f"{town.zekt.url}/api/github/webhooks", data=body, headers=told, timeout=10)


@pytest.fixture
def body(town: Any) -> bytes:
    run = town.zekt.start_run()
    run.status, run.conclusion = "completed", "success"
    return json.dumps(events.workflow_run_event(run, "completed")).encode()


def test_no_forged_signature_passes(town: Any, body: bytes) -> None:
    before = town.contents()
    for name, (status, code, forge) in SIGNATURES.items():
        answer = post(town, body, forge(body))
        assert (answer.status_code, answer.json()["code"]) == (status, code), name
    assert town.contents() == before
    assert post(town, body, sign(body)).status_code == 202


def test_a_changed_body_does_not_pass_under_its_old_signature(town: Any, body: bytes) -> None:
    before = town.contents()
    for changed in (body + b"\n", body[:-1], body.replace(b"success", b"failure", 1), b"", b"{}"):
        assert post(town, changed, sign(body)).json()["code"] == "webhook_signature_wrong"
    assert town.contents() == before


def test_the_older_signature_stands_for_nothing(town: Any, body: bytes) -> None:
    older = {"X-Hub-Signature": sign(body, algorithm="sha1")}
    assert post(town, body, None, **older).status_code == 401
    assert post(town, body, sign(b"other"), **older).status_code == 401


def test_a_webhook_that_was_overheard_has_no_second_effect_under_another_name(town: Any, body: bytes) -> None:
    """The signature covers the body, not the headers."""
    assert post(town, body, sign(body)).json()["outcome"] == "delivered"
    town.zekt.dispatched(2)
    before = town.zekt.sql("SELECT count(*) FROM deliveries")
    again = post(town, body, sign(body), **{"X-GitHub-Delivery": "another-guid"})
    assert again.json()["outcome"] == "duplicate"
    assert town.zekt.sql("SELECT count(*) FROM deliveries") == before
