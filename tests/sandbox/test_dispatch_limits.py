"""GitHub's published limits of a repository_dispatch, in GitHub's words.

https://docs.github.com/rest/repos/repos#create-a-repository-dispatch-event
"""

import json
from typing import Any

import pytest

from zekt_sandbox.server import SandboxServer

ORDERS = "shop-team/orders"


def _payload_of(size: int) -> dict[str, str]:
    """A client payload that is exactly `size` bytes as compact JSON."""
    return {"x": "y" * (size - len('{"x":""}'))}


def test_an_event_type_of_one_and_of_100_characters_passes(gh: SandboxServer, orders: Any) -> None:
    assert orders.dispatch(ORDERS, "a").status_code == 204
    assert orders.dispatch(ORDERS, "ü" * 100).status_code == 204
    assert [d.event_type for d in gh.dispatches(ORDERS)] == ["a", "ü" * 100]


@pytest.mark.parametrize(
    ("event_type", "reason"),
    [
        ("", "At least 1 characters are required; only 0 were supplied."),
        ("a" * 101, "Only 100 characters are allowed; 101 were supplied."),
        (7, "For 'properties/event_type', 7 is not a string."),
    ],
)
def test_any_other_event_type_is_422(orders: Any, event_type: Any, reason: str) -> None:
    answer = orders.dispatch(ORDERS, event_type)
    assert answer.status_code == 422
    assert answer.json()["message"] == f"Invalid request.\n\n{reason}"


def test_a_missing_event_type_is_422(orders: Any) -> None:
    answer = orders.call("POST", f"/repos/{ORDERS}/dispatches", json={"client_payload": {}})
    assert answer.status_code == 422
    assert answer.json()["message"] == 'Invalid request.\n\n"event_type" wasn\'t supplied.'


def test_ten_top_level_properties_pass_and_eleven_do_not(orders: Any) -> None:
    assert orders.dispatch(ORDERS, client_payload=dict.fromkeys("abcdefghij")).status_code == 204
    answer = orders.dispatch(ORDERS, client_payload=dict.fromkeys("abcdefghijk"))
    assert answer.status_code == 422
    assert answer.json()["message"] == ("Invalid request.\n\nNo more than 10 properties are allowed; 11 were supplied.")


def test_65535_bytes_pass_and_64_kb_do_not(gh: SandboxServer, orders: Any) -> None:
    assert orders.dispatch(ORDERS, client_payload=_payload_of(65_535)).status_code == 204
    answer = orders.dispatch(ORDERS, client_payload=_payload_of(65_536))
    assert answer.status_code == 422
    assert answer.json()["message"] == "client_payload is too large."
    assert [d.accepted for d in gh.dispatches(ORDERS, refused=True)] == [True, False]


def test_the_size_is_counted_in_bytes_not_characters(orders: Any) -> None:
    assert orders.dispatch(ORDERS, client_payload={"x": "é" * 32_768}).status_code == 422


@pytest.mark.parametrize("payload", [[], "text", 1, None])
def test_a_client_payload_that_is_no_object_is_422(orders: Any, payload: Any) -> None:
    answer = orders.dispatch(ORDERS, client_payload=payload)
    assert answer.status_code == 422
    assert answer.json()["message"].endswith("is not an object.")


@pytest.mark.parametrize("body", [b"", b"{", b"\xff", b"[" * 100_000])
def test_a_body_that_is_not_json_is_400(orders: Any, body: bytes) -> None:
    answer = orders.call("POST", f"/repos/{ORDERS}/dispatches", data=body)
    assert (answer.status_code, answer.json()["message"]) == (400, "Problems parsing JSON")


def test_a_yes_is_an_empty_204_and_keeps_the_bytes(gh: SandboxServer, orders: Any) -> None:
    body = json.dumps({"event_type": "order", "client_payload": {"n": 1.0}}, indent=2).encode()
    answer = orders.call("POST", f"/repos/{ORDERS}/dispatches", data=body)
    assert (answer.status_code, answer.content) == (204, b"")
    (dispatch,) = gh.dispatches(ORDERS)
    assert dispatch.body == body
    assert dispatch.installation_id == 51
