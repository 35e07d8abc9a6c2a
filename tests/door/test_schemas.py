"""JSON Schemas by themselves: which are refused, and what is told of a message that does not fit."""

import json
from typing import Any

import pytest

from door.conftest import Examiners

DEEP: Any = {"type": "object"}
for _ in range(45):
    DEEP = {"allOf": [DEEP]}


@pytest.mark.parametrize(
    "schema",
    [
        True,
        {},
        {"$schema": "https://json-schema.org/draft/2020-12/schema", "$id": "https://example.com/order"},
        {"$ref": "#/$defs/a", "$defs": {"a": {"type": "object"}}},
        {"$ref": "#here", "$defs": {"a": {"$anchor": "here"}}},
        {"$dynamicAnchor": "node", "properties": {"children": {"items": {"$dynamicRef": "#node"}}}},
        {"properties": {"next": {"$ref": "#"}}},
        {"enum": [{"$ref": "https://example.com/this is data"}, {"$id": "x"}]},
        {"enum": list(range(20_000))},
    ],
)
def test_a_schema_that_can_be_used_is_taken(examiners: Examiners, schema: Any) -> None:
    assert examiners.schema(schema) == ""


@pytest.mark.parametrize(
    ("schema", "why"),
    [
        (b"{", "line 1"),
        (b'{"type": 1, "type": 2}', "twice"),
        ([], "object, true or false"),
        ({"type": "strin"}, "$.type"),
        ({"pattern": "("}, "$.pattern"),
        ({"patternProperties": {"(": {}}}, "patternProperties"),
        ({"$schema": "http://json-schema.org/draft-07/schema#"}, "another dialect"),
        ({"properties": {"a": {"$schema": "http://json-schema.org/draft-04/schema"}}}, "another dialect"),
        ({"$ref": "https://example.com/a.json"}, "nothing is ever fetched"),
        ({"items": {"$ref": "file:///etc/passwd"}}, "nothing is ever fetched"),
        ({"$dynamicRef": "other.json#x"}, "nothing is ever fetched"),
        ({"properties": {"a": {"$ref": "#/nowhere"}}}, "/nowhere"),
        ({"properties": {"a": {"$ref": "#nowhere"}}}, "nowhere"),
        ({"$defs": {"a": {"$id": "https://example.com/b"}}}, "$id may stand at the top only"),
        ({"$ref": "#"}, "without end"),
        ({"allOf": [{"$ref": "#/allOf/0"}]}, "without end"),
        ({"$dynamicAnchor": "x", "$dynamicRef": "#x"}, "without end"),
        (json.dumps({"enum": ["x" * 131_072]}).encode(), "131,072"),
        (b'{"not":' * 120 + b"{}" + b"}" * 120, "nesting"),
    ],
)
def test_a_schema_that_cannot_be_used_is_refused_and_told_why(examiners: Examiners, schema: Any, why: str) -> None:
    assert why in examiners.schema(schema)


def test_five_places_at_most_are_told_by_pointer_and_rule(examiners: Examiners) -> None:
    schema = {"items": {"type": "object", "required": ["a"], "properties": {"a/b": {"type": "integer"}}}}
    found = examiners.message([{"a": 1, "a/b": "secret"}] + [{}] * 1000, "pass", schema).broken[1]
    assert len(found) == 5
    assert {"pointer": "/1", "reason": 'lacks the required ["a"]'} in found
    [told] = examiners.message([{"a": 1, "a/b": "secret"}], "pass", schema).broken[1]
    assert told == {"pointer": "/0/a~1b", "reason": 'breaks the rule type: "integer"'}


def test_the_value_that_breaks_a_rule_is_not_told(examiners: Examiners) -> None:
    rules: tuple[Any, ...] = (
        {"const": 1},
        {"enum": [1]},
        {"maxLength": 1},
        {"pattern": "^x$"},
        {"type": "null"},
        False,
        {"not": {}},
    )
    for rule in [*rules, {"not": {}}]:
        found = examiners.message("hush hush", "pass", rule)
        assert found.broken
        assert "hush" not in json.dumps(found.broken)


def test_what_is_told_is_short_whatever_the_schema_and_the_message(examiners: Examiners) -> None:
    found = examiners.message({"k" * 100_000: 1}, "pass", {"additionalProperties": {"enum": ["e" * 100_000]}})
    assert len(json.dumps(found.broken)) < 700


def test_of_several_schemas_the_first_that_does_not_fit_is_told(examiners: Examiners) -> None:
    assert list(examiners.message(1, "pass", {}, {"type": "string"}, {"type": "null"}).broken) == [2]


def test_the_schemas_see_the_message_as_it_is_kept(examiners: Examiners, fake: dict[str, str]) -> None:
    found = examiners.message({"t": fake["github-token"]}, "redact", {"properties": {"t": {"maxLength": 24}}})
    assert not found.broken
    assert found.redacted == b'{"t": "[redacted: github-token]"}'


def test_of_a_message_that_was_redacted_and_does_not_fit_both_are_told(
    examiners: Examiners, fake: dict[str, str]
) -> None:
    found = examiners.message(
        {"t": fake["github-token"], "n": "x"}, "redact", {"properties": {"n": {"type": "integer"}}}
    )
    assert [place["pointer"] for places in found.broken.values() for place in places] == ["/n"]
    assert found.redacted == b'{"t": "[redacted: github-token]", "n": "x"}'


def test_a_schema_that_nests_deeply_and_a_message_that_does_are_examined(examiners: Examiners) -> None:
    assert examiners.schema(DEEP) == ""
    tree = {"$ref": "#/$defs/n", "$defs": {"n": {"anyOf": [{"type": "null"}, {"items": {"$ref": "#/$defs/n"}}]}}}
    assert examiners.schema(tree) == ""
    nested: Any = None
    for _ in range(99):
        nested = [nested]
    found = examiners.message(nested, "pass", tree)
    assert not found.failed
    assert not found.broken


def test_a_schema_that_asks_for_too_much_memory_or_time_harms_only_its_own_message(examiners: Examiners) -> None:
    doubling: dict[str, Any] = {"$defs": {"n0": {"type": "null"}}}
    for number in range(1, 30):
        twice = [{"$ref": f"#/$defs/n{number - 1}"}, {"$ref": f"#/$defs/n{number - 1}"}]
        doubling["$defs"][f"n{number}"] = {"anyOf": twice}
    assert examiners.message({}, "pass", {**doubling, "$ref": "#/$defs/n29"}).failed
    assert examiners.message({}, "pass", {}).failed == ""
