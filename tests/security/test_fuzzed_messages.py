"""Message bodies of any bytes: the payload is cut out exactly as it stands there, or the refusal has a code."""

import hashlib
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from zekt_action import strict_json
from zekt_action.wire import CompleteRequest, ConfirmRequest
from zekt_backend.api import bodies
from zekt_backend.api.event_delivery import _check_result
from zekt_backend.api.messages import split
from zekt_backend.errors import PROBLEMS, ZektError
from zekt_testing.fuzzing import bent, documents, oddities, outcome, spaces, steadily, strings

DECOYS = st.sampled_from(
    [
        '"job":"\\"payload\\": 1"',
        '"step":"{\\"payload\\":[]}"',
        '"causation":{"payload":1,"deliveryId":null}',
        '"payloads":{"payload":{}}',
        '"Payload":2',
        '"triggeredBy":"}"',
        '"unknown":[{"payload":"x"}]',
    ]
)
MESSAGE = {
    "eventType": "order",
    "repository": "shop-team/orders",
    "workflowRunId": "16123456789",
    "runAttempt": 1,
    "job": "build",
    "messageId": "m-1",
    "payloadSha256": hashlib.sha256(b"{}").hexdigest(),
    "causation": {"correlationId": "1", "deliveryId": "delivery-1"},
    "payload": {"resourceType": "webServer", "nodes": [1, 2.5, None, True, {"é": "😀"}]},
}

COMPLETE = {"correlationId": "1", "deliveryId": "d", "success": True, "conclusion": "x", "result": {"a": [1]}}


@st.composite
def bodies_with(draw: st.DrawFn, payload: str) -> str:
    """A body that holds this payload under its name, however that is spelt, wherever it stands."""
    name = draw(st.sampled_from(['"payload"', '"\\u0070ayload"', '"pay\\u006Coad"']))
    decoys = draw(st.lists(DECOYS, max_size=3, unique=True))
    members = draw(st.permutations(['"eventType":"order"', f"{name}:{payload}", *decoys]))
    gap = draw(spaces)
    return gap + "{" + gap + f"{gap},{gap}".join(members) + gap + "}" + gap


@steadily
@given(st.data())
def test_a_payload_is_cut_out_byte_for_byte_and_means_what_every_reader_reads(data: st.DataObject) -> None:
    payload = data.draw(documents)
    body = data.draw(bodies_with(data.draw(spaces) + payload + data.draw(spaces)))
    head, raw = split(body.encode())
    assert raw == payload.encode()
    assert head.event_type == "order"
    assert json.loads(raw) == json.loads(body)["payload"]


@steadily
@given(payload=documents, before=spaces, after=spaces)
def test_space_around_the_payload_belongs_to_it_where_the_digest_says_so(payload: str, before: str, after: str) -> None:
    wide = f"{before}{payload}{after}".encode()
    head = json.dumps({"eventType": "order", "payloadSha256": hashlib.sha256(wide).hexdigest()}).encode()
    assert split(head[:-1] + b',"payload":' + wide + b"}")[1] == wide


@steadily
@given(payload=documents, other=documents)
def test_of_two_payloads_the_last_one_counts_for_everybody(payload: str, other: str) -> None:
    body = f'{{"payload":{other},"eventType":"order","payload":{payload}}}'
    assert split(body.encode())[1] == payload.encode()
    assert json.loads(body)["payload"] == json.loads(payload)


@steadily
@given(payload=documents, key=strings())
def test_a_key_that_stands_twice_inside_a_payload_is_refused(payload: str, key: str) -> None:
    body = f'{{"eventType":"order","payload":[{{{key}:{payload},{key}:0}}]}}'
    with pytest.raises(ZektError, match="payload_duplicate_key"):
        split(body.encode())


@steadily
@given(st.binary(max_size=200) | bent(MESSAGE) | documents.map(str.encode))
def test_any_other_body_is_refused_with_a_code(body: bytes) -> None:
    found = outcome(split, body)
    if isinstance(found, ZektError):
        assert PROBLEMS[found.code].status in (400, 413)
        return
    head, raw = found
    assert raw.strip(b" \t\r\n") in body
    assert json.loads(raw) == strict_json.parse(raw)
    assert head.event_type is None or 1 <= len(head.event_type) <= 100


@steadily
@given(
    st.sampled_from([ConfirmRequest, CompleteRequest]),
    st.binary(max_size=100)
    | bent(
        {"correlationId": "1", "deliveryId": "delivery-1", "success": True, "conclusion": "x", "result": {"a": [1]}}
    ),
)
def test_any_acknowledgement_is_read_or_refused_with_a_code(model: Any, body: bytes) -> None:
    for found in (outcome(_check_result, body), outcome(bodies.parse, model, body)):
        assert not isinstance(found, ZektError) or PROBLEMS[found.code].status in (400, 413)


@steadily
@given(documents, spaces, spaces)
def test_the_strict_reader_reads_what_pythons_reads(document: str, before: str, after: str) -> None:
    assert strict_json.parse(f"{before}{document}{after}".encode()) == json.loads(document)


@steadily
@given(st.binary(max_size=60) | st.text(max_size=60).map(lambda text: text.encode("utf-8", "surrogatepass")))
def test_the_strict_reader_is_never_more_lenient_than_pythons(raw: bytes) -> None:
    try:
        value = strict_json.parse(raw)
    except strict_json.JsonRefused:
        return
    assert json.loads(raw.decode()) == value


@steadily
@given(oddities)
def test_what_the_strict_reader_passes_can_be_written_and_kept_as_text(value: Any) -> None:
    raw = json.dumps(value).encode()
    try:
        strict_json.parse(raw)
    except strict_json.JsonRefused:
        return
    json.dumps(json.loads(raw), ensure_ascii=False).encode()
