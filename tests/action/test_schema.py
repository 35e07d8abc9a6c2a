"""A message is held against its schema, offline, without showing it."""

import json
from typing import Any

import pytest

ORDER = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "type": "object",
    "required": ["size"],
    "properties": {
        "size": {"enum": ["S", "M"]},
        "region": {"$ref": "#/$defs/region"},
        "tags": {"items": {"maxLength": 3}},
    },
    "$defs": {"region": {"type": "string"}},
    "additionalProperties": False,
}


@pytest.fixture
def check(runner: Any) -> Any:
    def check(schema: Any, payload: str) -> Any:
        text = schema if isinstance(schema, str) else json.dumps(schema)
        (runner.workspace / "schema.json").write_text(text)
        return runner.send(payload=payload, payload_schema="schema.json")

    return check


def test_a_message_that_fits_is_sent(check: Any) -> None:
    assert check(ORDER, '{"size": "S", "region": "eu", "tags": ["a"]}').code == 0
    assert check(True, "[1]").code == 0


@pytest.mark.parametrize(
    ("payload", "path", "reason"),
    [
        ("{}", "$:", 'lacks the required ["size"]'),
        ('{"size": "hunter2"}', "$.size:", 'breaks the rule enum: ["S", "M"]'),
        ('{"size": "S", "region": 7}', "$.region:", 'breaks the rule type: "string"'),
        ('{"size": "S", "tags": ["a", "hunter2"]}', "$.tags[1]:", "breaks the rule maxLength: 3"),
        ('{"size": "S", "more": "hunter2"}', "$:", "breaks the rule additionalProperties: false"),
        ('"hunter2"', "$:", 'breaks the rule type: "object"'),
    ],
)
def test_a_violation_shows_path_and_reason_but_no_value(
    check: Any, broker: Any, payload: str, path: str, reason: str
) -> None:
    done = check(ORDER, payload)
    assert (done.code, done.outputs["error-code"]) == (1, "schema_violation")
    assert f"{path} {reason}" in done.log
    assert "hunter2" not in done.log + done.summary
    assert broker.heard == []


def test_nothing_fits_a_schema_that_is_false(check: Any) -> None:
    assert "no value is allowed here" in check(False, "1").log


@pytest.mark.parametrize(
    ("schema", "says"),
    [
        ("{", "line 1"),
        ("[1]", "a schema is an object"),
        ({"type": "strung"}, "$.type"),
        ({"$ref": "https://example.com/other.json"}, "$ref https://example.com/other.json is not in this file"),
        ({"$ref": "#/$defs/missing"}, "is not in this file"),
        ({"$ref": "#"}, "without end"),
        ({"pattern": "("}, "pattern"),
    ],
)
def test_a_schema_that_cannot_be_used_is_its_own_error(check: Any, broker: Any, schema: Any, says: str) -> None:
    done = check(schema, '"text"')
    assert (done.code, done.outputs["error-code"]) == (1, "schema_invalid")
    assert says in done.log
    assert broker.heard == []


def test_an_older_dialect_is_understood(check: Any) -> None:
    draft7 = {"$schema": "http://json-schema.org/draft-07/schema#", "items": [{"type": "string"}]}
    assert check(draft7, "[1]").outputs["error-code"] == "schema_violation"
    assert check(draft7, '["a", 1]').code == 0


def test_a_recursive_schema_holds_for_the_deepest_message(check: Any) -> None:
    schema = {"anyOf": [{"type": "integer"}, {"type": "array", "items": {"$ref": "#"}}]}
    assert check(schema, "[" * 100 + "1" + "]" * 100).code == 0


def test_a_missing_schema_is_named(runner: Any) -> None:
    done = runner.send(payload_schema="missing.json")
    assert done.outputs["error-code"] == "file_missing"
    assert "missing.json" in done.log
