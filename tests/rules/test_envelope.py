import json
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from zekt_backend.rules.envelope import Archived, compose, head, replayed
from zekt_backend.rules.parties import Service
from zekt_backend.rules.records import RunEvent
from zekt_backend.rules.trace import Context, of_attempt, parse

UNTIL = datetime(2027, 2, 19, tzinfo=UTC)
DECISION = Context("ab" * 16, "cd" * 8)
BARE: dict[str, Any] = {"version": "1", "deliveryId": "delivery-1", "eventType": "order"}


def body(raw: bytes | None, *, attempt: int = 1, bare: dict[str, Any] = BARE) -> dict[str, Any]:
    message = None if raw is None else Archived(raw, "ab" * 32, UNTIL)
    return compose(bare, attempt=attempt, message=message, fetch_url="https://zekt.example/x")


def zekt(raw: bytes | None) -> dict[str, Any]:
    found: dict[str, Any] = body(raw)["client_payload"]["zekt"]
    return found


def test_the_envelope_is_the_published_one(event: RunEvent, service: Service) -> None:
    bare = head(event, service, delivery_id="delivery-1", event_type="infrastructure-order", decision=DECISION)
    sent = body(b'{"resourceType": "webServer"}', attempt=2, bare=bare)
    assert sent == {
        "event_type": "infrastructure-order",
        "client_payload": {
            "zekt": {
                "version": "1",
                "deliveryId": "delivery-1",
                "correlationId": "16123456789",
                "attempt": 2,
                "isReplay": False,
                "eventType": "infrastructure-order",
                "provider": {
                    "repository": "shop-team/orders",
                    "workflow": "Order",
                    "workflowPath": ".github/workflows/order.yml",
                    "runId": "16123456789",
                    "runAttempt": 1,
                    "conclusion": "success",
                    "headBranch": "main",
                    "headSha": "0" * 40,
                    "event": "push",
                    "actor": "octocat",
                    "htmlUrl": "https://github.com/shop-team/orders/actions/runs/16123456789",
                    "startedAt": "2026-11-21T12:00:00Z",
                    "completedAt": "2026-11-21T12:01:00Z",
                },
                "service": {"slug": "infrastructure-orders", "alias": "Orders"},
                "traceparent": f"00-{'ab' * 16}-{of_attempt('', 'delivery-1', 2).span_id}-01",
                "payload": {"resourceType": "webServer"},
                "payloadRef": None,
                "payloadSha256": "ab" * 32,
            }
        },
    }


def test_a_service_that_hides_its_provider_sends_alias_and_slug_alone(event: RunEvent, service: Service) -> None:
    bare = head(event, replace(service, hide_provider=True), delivery_id="d", event_type="order", decision=DECISION)
    sent = json.dumps(body(None, bare=bare))
    assert "shop-team" not in sent
    assert "octocat" not in sent
    assert bare["service"] == {"slug": "infrastructure-orders", "alias": "Orders"}


def test_a_hidden_provider_s_deliveries_have_traces_of_their_own(event: RunEvent, service: Service) -> None:
    """By the chain's trace id, whoever began it would know who answers under another name."""
    hides = replace(service, hide_provider=True)
    one, other = (head(event, hides, delivery_id=name, event_type="x", decision=DECISION) for name in "ab")
    shown = head(event, service, delivery_id="c", event_type="x", decision=DECISION)
    ids = [found.trace_id for each in (one, other, shown) if (found := parse(each["traceparent"]))]
    assert len(set(ids)) == 3
    assert ids[2] == DECISION.trace_id
    hidden_since = parse(replayed(shown, hides, delivery_id="d")["traceparent"])
    assert hidden_since is not None
    assert hidden_since.trace_id not in ids
    assert replayed(shown, service, delivery_id="d")["traceparent"] == shown["traceparent"]


def test_a_delivery_of_the_version_before_is_sent_without_a_trace() -> None:
    assert "traceparent" not in zekt(None)


def test_each_dispatch_of_a_delivery_is_a_span_of_its_own(event: RunEvent, service: Service) -> None:
    bare = head(event, service, delivery_id="delivery-1", event_type="x", decision=DECISION)
    first, second = (
        parse(body(None, attempt=number, bare=bare)["client_payload"]["zekt"]["traceparent"]) for number in (1, 2)
    )
    assert first is not None
    assert second is not None
    assert first.trace_id == second.trace_id == DECISION.trace_id
    assert len({first.span_id, second.span_id, DECISION.span_id}) == 3


def test_without_a_message_there_is_neither_payload_nor_reference() -> None:
    found = zekt(None)
    assert (found["payload"], found["payloadRef"], found["payloadSha256"]) == (None, None, None)


@given(st.integers(0, 524_288))
def test_the_body_is_never_larger_than_60_000_bytes(size: int) -> None:
    assert len(json.dumps(body(b'"' + b"x" * max(size - 2, 0) + b'"'))) <= 60_000


def test_a_message_that_does_not_fit_travels_by_reference() -> None:
    found = zekt(b'"' + b"x" * 59_990 + b'"')
    assert found["payload"] is None
    assert found["payloadRef"] == {
        "url": "https://zekt.example/x",
        "sha256": "ab" * 32,
        "bytes": 59_992,
        "expiresAt": "2027-02-19T00:00:00+00:00",
    }


def test_letters_that_grow_on_the_wire_are_counted_as_sent() -> None:
    raw = json.dumps("ö" * 15_000, ensure_ascii=False).encode()
    assert len(raw) < 60_000
    assert zekt(raw)["payloadRef"] is not None


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(st.text(), inner, max_size=5),
    max_leaves=20,
)


@given(json_values)
def test_an_inline_message_is_the_same_json_value(value: Any) -> None:
    raw = json.dumps(value).encode()
    assert json.loads(json.dumps(zekt(raw)["payload"])) == value


@pytest.mark.parametrize("raw", [b"null", b"0", b'""', b"[]", b"{}", b'"\\u0000"'])
def test_any_json_value_is_a_message(raw: bytes) -> None:
    found = zekt(raw)
    assert (found["payload"], found["payloadRef"]) == (json.loads(raw), None)
