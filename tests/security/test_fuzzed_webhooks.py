"""Webhooks of any bytes under any headers: read, ignored, or refused by one of the documented codes."""

import hashlib
import hmac
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from zekt_backend.errors import ZektError
from zekt_backend.github import webhook
from zekt_backend.rules.paths import is_repository_name
from zekt_backend.rules.records import RunEvent
from zekt_testing.fuzzing import bent, documents, outcome, steadily, texts

SECRET = b"a secret"

# As https://docs.github.com/en/webhooks/webhook-events-and-payloads#workflow_run shows it, less what nobody reads.
PAYLOAD: dict[str, Any] = {
    "action": "completed",
    "workflow_run": {
        "id": 16123456789,
        "name": "Order",
        "path": ".github/workflows/order.yml",
        "head_branch": "main",
        "head_sha": "0" * 40,
        "run_attempt": 1,
        "event": "push",
        "status": "completed",
        "conclusion": "success",
        "workflow_id": 7,
        "html_url": "https://github.com/shop-team/orders/actions/runs/16123456789",
        "actor": {"login": "octocat", "id": 1},
        "run_started_at": "2026-11-20T12:00:00Z",
        "updated_at": "2026-11-20T12:01:00Z",
        "pull_requests": [],
    },
    "workflow": {"id": 7, "name": "Order", "path": ".github/workflows/order.yml"},
    "repository": {"id": 1001, "full_name": "shop-team/orders", "owner": {"login": "shop-team"}},
    "sender": {"login": "octocat"},
}


def sign(body: bytes) -> str:
    return "sha256=" + hmac.new(SECRET, body, hashlib.sha256).hexdigest()


@steadily
@given(body=st.binary(max_size=300) | bent(PAYLOAD) | documents.map(str.encode), event=st.just("workflow_run") | texts)
def test_any_body_is_an_event_or_ignored_or_malformed(body: bytes, event: str) -> None:
    told = outcome(webhook.parse, event, "guid", body)
    if isinstance(told, ZektError):
        assert told.code == "webhook_malformed"
        assert len(told.detail) < 1_000
    elif isinstance(told, RunEvent):
        assert_storable(told)


def assert_storable(event: RunEvent) -> None:
    """Nothing that a column could not hold, and nothing that could lead elsewhere."""
    assert 1 <= event.key.repository_id < 2**63
    assert 1 <= event.key.run_id < 2**63
    assert 1 <= event.key.run_attempt < 2**31
    assert is_repository_name(event.repository)
    assert event.html_url.startswith(("https://", "http://")) or not event.html_url
    for name in RunEvent.__slots__:
        value = getattr(event, name)
        if isinstance(value, str):
            assert "\0" not in value
            assert len(value.encode()) < 10_000


@steadily
@given(
    body=st.binary(max_size=60),
    header=st.one_of(st.none(), st.text(max_size=80), st.binary(max_size=80).map(lambda raw: raw.decode("latin-1"))),
)
def test_any_signature_header_is_refused_by_name(body: bytes, header: str | None) -> None:
    with pytest.raises(ZektError, match=r"webhook_signature_(missing|malformed|wrong)"):
        webhook.verify(body, header, SECRET)


@steadily
@given(body=st.binary(max_size=60), at=st.integers(7, 70), digit=st.sampled_from("0123456789abcdef"))
def test_of_all_signatures_one_digit_apart_only_the_right_one_passes(body: bytes, at: int, digit: str) -> None:
    right = sign(body)
    header = right[:at] + digit + right[at + 1 :]
    if header == right:
        webhook.verify(body, header, SECRET)
        return
    with pytest.raises(ZektError, match="webhook_signature_wrong"):
        webhook.verify(body, header, SECRET)


@pytest.mark.parametrize(
    "text",
    [
        '{"id":1,"id":1001,"full_name":"shop-team/orders"}',
        '{"id":1001,"full_name":"evil/x","full_name":"shop-team/orders"}',
    ],
)
def test_of_two_equal_keys_the_last_counts_as_for_any_other_reader(text: str) -> None:
    body = json.dumps(PAYLOAD).replace(json.dumps(PAYLOAD["repository"]), text).encode()
    event = webhook.parse("workflow_run", "guid", body)
    assert isinstance(event, RunEvent)
    told = json.loads(body)["repository"]
    assert (event.key.repository_id, event.repository) == (told["id"], told["full_name"])
