"""What GitHub posts to us, and what others might."""

import hashlib
import hmac
import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from zekt_backend.errors import ZektError
from zekt_backend.github import webhook
from zekt_backend.rules.records import Ignored, RunEvent, RunKey

Payload = dict[str, Any]
GUID = "72d3162e-cc78-11e3-81ab-4c9367dc0958"


@pytest.fixture
def payload() -> Payload:
    return {
        "action": "completed",
        "workflow_run": {
            "id": 16123456789,
            "name": "Order #42",
            "path": ".github/workflows/order.yml",
            "head_branch": "main",
            "head_sha": "0" * 40,
            "event": "push",
            "conclusion": "success",
            "workflow_id": 7,
            "run_attempt": 2,
            "html_url": "https://github.com/shop-team/orders/actions/runs/16123456789",
            "run_started_at": "2026-11-20T10:00:00Z",
            "updated_at": "2026-11-20T10:01:00Z",
            "actor": {"login": "octocat", "id": 1},
        },
        "workflow": {"id": 7, "name": "Order", "path": ".github/workflows/order.yml"},
        "repository": {"id": 1001, "full_name": "shop-team/orders"},
        "installation": {"id": 51},
    }


def read(payload: Payload) -> RunEvent:
    event = webhook.parse("workflow_run", GUID, json.dumps(payload).encode())
    assert isinstance(event, RunEvent)
    return event


def refusal(body: bytes) -> str:
    with pytest.raises(ZektError) as caught:
        webhook.parse("workflow_run", GUID, body)
    assert caught.value.code == "webhook_malformed"
    return caught.value.detail


def test_githubs_own_signature_vector_verifies() -> None:
    webhook.verify(
        b"Hello, World!",
        "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17",
        b"It's a Secret to Everybody",
    )


@pytest.mark.parametrize(
    ("signature", "code"),
    [
        (None, "webhook_signature_missing"),
        ("", "webhook_signature_missing"),
        ("757107ea", "webhook_signature_malformed"),
        ("sha1=" + "0" * 40, "webhook_signature_malformed"),
        ("sha256=" + "0" * 63, "webhook_signature_malformed"),
        ("sha256=" + "g" * 64, "webhook_signature_malformed"),
        ("sha256=" + "\u0660" * 64, "webhook_signature_malformed"),
        ("sha256=" + "0" * 64 + "\n", "webhook_signature_malformed"),
        ("sha256=" + "0" * 64, "webhook_signature_wrong"),
    ],
)
def test_each_bad_signature_has_its_own_code(signature: str | None, code: str) -> None:
    with pytest.raises(ZektError) as caught:
        webhook.verify(b"{}", signature, b"secret")
    assert caught.value.code == code


def test_one_changed_byte_of_the_body_breaks_the_signature() -> None:
    signature = "sha256=" + hmac.new(b"secret", b'{"a":1}', hashlib.sha256).hexdigest()
    webhook.verify(b'{"a":1}', signature, b"secret")
    with pytest.raises(ZektError, match="webhook_signature_wrong"):
        webhook.verify(b'{"a":2}', signature, b"secret")


def test_an_empty_secret_verifies_nothing() -> None:
    signature = "sha256=" + hmac.new(b"", b"{}", hashlib.sha256).hexdigest()
    with pytest.raises(ZektError, match="ZEKT_WEBHOOK_SECRET is empty"):
        webhook.verify(b"{}", signature, b"")


def test_a_completed_run_becomes_an_event(payload: Payload) -> None:
    assert read(payload) == RunEvent(
        guid=GUID,
        key=RunKey(1001, 16123456789, 2),
        repository="shop-team/orders",
        workflow_id=7,
        workflow_path=".github/workflows/order.yml",
        workflow_name="Order",
        conclusion="success",
        head_branch="main",
        head_sha="0" * 40,
        event="push",
        actor="octocat",
        html_url="https://github.com/shop-team/orders/actions/runs/16123456789",
        started_at="2026-11-20T10:00:00Z",
        completed_at="2026-11-20T10:01:00Z",
    )


@pytest.mark.parametrize(
    ("head", "branch"),
    [
        ({"id": 1001, "full_name": "shop-team/orders"}, "main"),
        ({"id": 6666, "full_name": "stranger/orders"}, "stranger:main"),
        (None, ":main"),  # a fork that was deleted
    ],
)
def test_the_branch_of_a_fork_does_not_pass_for_ours(payload: Payload, head: Payload | None, branch: str) -> None:
    payload["workflow_run"]["head_repository"] = head
    event = read(payload)
    assert isinstance(event, RunEvent)
    assert event.head_branch == branch


@pytest.mark.parametrize("event", ["ping", "push", "check_run", "installation", ""])
def test_another_event_is_ignored_without_reading_its_body(event: str) -> None:
    ignored = webhook.parse(event, GUID, b"not even JSON")
    assert isinstance(ignored, Ignored)
    assert ignored.guid == GUID


@pytest.mark.parametrize("action", ["requested", "in_progress"])
def test_a_run_that_has_not_ended_is_ignored(payload: Payload, action: str) -> None:
    payload["action"] = action
    ignored = webhook.parse("workflow_run", GUID, json.dumps(payload).encode())
    assert isinstance(ignored, Ignored)
    assert action in ignored.reason


def test_an_old_payload_without_a_path_takes_the_workflows_own(payload: Payload) -> None:
    del payload["workflow_run"]["path"]
    assert read(payload).workflow_path == ".github/workflows/order.yml"


@pytest.mark.parametrize("workflow", [None, {"id": 7, "name": "Order"}])
def test_an_old_payload_without_any_path_has_none(payload: Payload, workflow: Payload | None) -> None:
    del payload["workflow_run"]["path"]
    payload["workflow"] = workflow
    assert read(payload).workflow_path is None


def test_a_payload_without_run_attempt_is_the_first_attempt(payload: Payload) -> None:
    del payload["workflow_run"]["run_attempt"]
    assert read(payload).key.run_attempt == 1


def test_a_path_with_repository_and_ref_is_normalised(payload: Payload) -> None:
    payload["workflow_run"]["path"] = "Shop-Team/orders/.github/workflows/order.yml@refs/heads/main"
    assert read(payload).workflow_path == ".github/workflows/order.yml"


def test_a_file_of_another_repository_does_not_pass_for_ours(payload: Payload) -> None:
    payload["workflow_run"]["path"] = "evil/orders/.github/workflows/order.yml@main"
    assert read(payload).workflow_path == "evil/orders/.github/workflows/order.yml"


@pytest.mark.parametrize("conclusion", [None, "failure", "startup_failure", "something_new"])
def test_every_conclusion_is_taken_as_it_is(payload: Payload, conclusion: str | None) -> None:
    payload["workflow_run"]["conclusion"] = conclusion
    assert read(payload).conclusion == conclusion


def test_a_run_without_actor_or_workflow_still_has_a_name(payload: Payload) -> None:
    payload["workflow_run"]["actor"] = None
    payload["workflow"] = None
    event = read(payload)
    assert (event.actor, event.workflow_name) == ("", "Order #42")


def test_a_link_that_is_no_web_address_is_dropped(payload: Payload) -> None:
    payload["workflow_run"]["html_url"] = "javascript:alert(1)"
    assert read(payload).html_url == ""


def _without(*keys: str) -> Callable[[Payload], None]:
    def cut(payload: Payload) -> None:
        for key in keys[:-1]:
            payload = payload[key]
        del payload[keys[-1]]

    return cut


def _with(value: Any, *keys: str) -> Callable[[Payload], None]:
    def put(payload: Payload) -> None:
        for key in keys[:-1]:
            payload = payload[key]
        payload[keys[-1]] = value

    return put


@pytest.mark.parametrize(
    ("damage", "says"),
    [
        (_without("action"), "action"),
        (_without("workflow_run"), "workflow_run"),
        (_without("repository"), "repository"),
        (_without("workflow_run", "id"), "id"),
        (_without("repository", "id"), "id"),
        (_with("16123456789", "workflow_run", "id"), "workflow_run.id"),
        (_with(True, "workflow_run", "id"), "workflow_run.id"),
        (_with(1.5, "workflow_run", "id"), "workflow_run.id"),
        (_with(-1, "workflow_run", "id"), "workflow_run.id"),
        (_with(2**63, "workflow_run", "id"), "workflow_run.id"),
        (_with(10**40, "repository", "id"), "repository.id"),
        (_with(0, "workflow_run", "run_attempt"), "run_attempt"),
        (_with(2**31, "workflow_run", "run_attempt"), "run_attempt"),
        (_with(7, "workflow_run", "head_sha"), "head_sha"),
        (_with([], "workflow_run"), "workflow_run"),
        (_with("no-slash", "repository", "full_name"), "full_name"),
        (_with("a/b\n", "repository", "full_name"), "full_name"),
        (_with("x" * 2001, "workflow_run", "path"), "path"),
    ],
)
def test_what_does_not_fit_is_named(payload: Payload, damage: Callable[[Payload], None], says: str) -> None:
    damage(payload)
    assert says in refusal(json.dumps(payload).encode())


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"null",
        b"[]",
        b'"completed"',
        b'{"action": "completed"',
        b'{"action": "completed"} trailing',
        b'{"action": "\xff"}',
        b'{"action": "\\ud800"}',
        b"\xef\xbb\xbf{}",
        b'{"action": NaN}',
        b'{"action":' + b"[" * 10_000 + b"]" * 10_000 + b"}",
        b'{"x":' + b'{"a":' * 10_000 + b"1" + b"}" * 10_000 + b"}",
        b'{"action":"completed","x":' + b"[" * 10_000 + b"]" * 10_000 + b"}",
        b'{"action":' + b"9" * 100_000 + b"}",
    ],
    ids=lambda body: repr(body[:24]),
)
def test_a_hostile_body_is_malformed_and_nothing_else(body: bytes) -> None:
    assert refusal(body)


@given(st.binary(max_size=200) | st.text(max_size=200).map(str.encode))
def test_no_bytes_at_all_give_another_exception(body: bytes) -> None:
    assert refusal(body)


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)


@given(
    st.fixed_dictionaries(
        {"action": st.just("completed"), "workflow_run": _JSON, "repository": _JSON}, optional={"workflow": _JSON}
    )
)
def test_no_json_at_all_gives_another_exception(payload: Payload) -> None:
    assert refusal(json.dumps(payload).encode())
