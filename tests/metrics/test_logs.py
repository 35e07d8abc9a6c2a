"""docs/logs.md has every line that the broker's code writes, with its level and its fields, and no other."""

import ast
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import zekt_backend
from zekt_testing.broker import ADMIN_TOKEN, Zekt

SOURCE = Path(zekt_backend.__file__).parent
DOCS = Path(__file__).resolve().parents[2] / "docs"
LEVELS = ("info", "warning", "error", "exception", "critical", "debug")


def _lines() -> Iterator[tuple[str, ast.Call]]:
    for path in SOURCE.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in LEVELS:
                whose = node.func.value
                if isinstance(whose, ast.Name) and whose.id in ("log", "_log"):
                    yield f"{path.relative_to(SOURCE)} line {node.lineno}", node


def _name(call: ast.Call) -> str:
    (first,) = call.args
    assert isinstance(first, ast.Constant)
    assert isinstance(first.value, str)
    return first.value


def test_every_line_has_a_static_name_and_is_written_in_one_place() -> None:
    assert [
        where for where, call in _lines() if len(call.args) != 1 or not isinstance(call.args[0], ast.Constant)
    ] == []
    names = [_name(call) for _, call in _lines()]
    assert sorted(names) == sorted(set(names))
    assert [name for name in names if not re.fullmatch("[a-z]+(_[a-z]+)*", name)] == []


def test_nothing_is_built_into_a_line() -> None:
    """A value is a field of its own: no field is a text with values pasted into it."""
    pasted = [where for where, call in _lines() for field in call.keywords if isinstance(field.value, ast.JoinedStr)]
    assert pasted == []


def test_the_page_has_every_line_with_its_level_and_its_fields() -> None:
    rows = re.findall(
        r"^\| `(\w+)` \| (\w+) \| [^|]+ \|([^|]*)\|$", (DOCS / "logs.md").read_text("utf-8"), re.MULTILINE
    )
    told = {name: (level, set(re.findall(r"`(\w+)`", fields))) for name, level, fields in rows}
    assert len(told) == len(rows)
    written = {}
    for _, call in _lines():
        assert isinstance(call.func, ast.Attribute)
        named = {field.arg for field in call.keywords if field.arg}
        if any(field.arg is None for field in call.keywords):
            named |= told.get(_name(call), ("", set()))[1]  # The rest is another object's to say.
        written[_name(call)] = (call.func.attr, named)
    assert told == written


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
    lines = [json.loads(line) for line in capfd.readouterr().err.splitlines()]
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
