"""What happens is one line of the log, and no more."""

import json
from typing import Any

import pytest

from zekt_testing.broker import ADMIN_TOKEN, Zekt
from zekt_testing.waiting import until


@pytest.fixture
def way(zekt: Zekt, deliver: Any, capfd: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    """What is logged of a delivery that goes all the way."""
    capfd.readouterr()
    delivery_id = deliver(zekt)
    (dispatch,) = zekt.dispatched()
    zekt.until(delivery_id, "dispatched")
    run = zekt.github.start_run_for(dispatch)
    ids = {"correlationId": dispatch.client_payload["zekt"]["correlationId"], "deliveryId": delivery_id}
    assert zekt.confirm(run, **ids).ok
    assert zekt.complete(run, **ids).ok
    lines = [json.loads(line) for line in capfd.readouterr().err.splitlines()]
    noise = {"swept", "worker_connected", "tidied", "days_closed", "notices_made", "changed"}
    return [line for line in lines if line["event"] not in noise]


def test_a_delivery_is_one_line_a_fact_joined_by_its_ids(way: list[dict[str, Any]]) -> None:
    assert [line["event"] for line in way] == [
        "message_received", "event_received", "dispatch_answered", "acknowledged", "delivery_ended", "acknowledged",
    ]  # fmt: skip
    message, event, dispatch, confirmed, ended, completed = way
    assert message["run_id"] == event["run_id"] == int(dispatch["correlation_id"])
    assert len({line["delivery_id"] for line in (dispatch, confirmed, ended, completed)}) == 1
    assert (event["outcome"], event["deliveries"]) == ("delivered", 1)
    assert (dispatch["category"], dispatch["attempt"]) == ("accepted", 1)
    assert (ended["status"], ended["fact"], ended["attempts"], ended["dispatches"]) == ("completed", "completed", 1, 1)
    assert [confirmed["step"], completed["step"]] == ["confirm", "complete"]
    for line in (message, event, dispatch, confirmed, completed):
        assert 0 <= line["duration_ms"] < 60_000


def test_a_delivery_that_fails_says_why_once(zekt: Zekt, deliver: Any, capfd: pytest.CaptureFixture[str]) -> None:
    capfd.readouterr()
    zekt.github.faults.add(where="dispatch", kind="status", status=404, times=None)
    delivery_id = deliver(zekt)
    zekt.until(delivery_id, "failed")
    # A fact is told after its commit, which others may see first.
    lines = _until(capfd, "delivery_ended")
    (ended,) = [line for line in lines if line["event"] == "delivery_ended"]
    assert (ended["delivery_id"], ended["status"], ended["fact"]) == (delivery_id, "failed", "refused")
    assert ended["failure"] == "not_found"
    assert ended["level"] == "info"


def test_a_change_is_one_line_with_who_and_what(zekt: Zekt, capfd: pytest.CaptureFixture[str]) -> None:
    capfd.readouterr()
    answer = zekt.post("/api/tokens", ADMIN_TOKEN, {"account": "shop-team", "name": "ci", "scope": "read"})
    assert answer.status_code == 201
    lines = [json.loads(line) for line in capfd.readouterr().err.splitlines()]
    (changed,) = [line for line in lines if line["event"] == "changed" and line["action"] == "token.create"]
    assert changed["actor"] == "operator"
    assert changed["subject"].startswith("ci#")
    assert answer.json()["token"] not in json.dumps(lines)


def _until(capfd: pytest.CaptureFixture[str], event: str) -> list[dict[str, Any]]:
    """The lines up to one of this event, and whatever came with it."""
    lines: list[dict[str, Any]] = []

    def come() -> bool:
        lines.extend(json.loads(line) for line in capfd.readouterr().err.splitlines())
        return any(line["event"] == event for line in lines)

    until(come, lambda: f"no {event}, only {lines}")
    return lines
