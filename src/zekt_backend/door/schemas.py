"""JSON Schemas (Draft 2020-12) of services: are they usable, and does a message fit. Runs in a process of its own."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from itertools import islice
from typing import Any

from jsonschema import Draft202012Validator
from jsonschema.exceptions import best_match
from referencing import Registry
from referencing.jsonschema import DRAFT202012

from zekt_action import strict_json
from zekt_action.schema import UnusableError, reason, usable, validator_of
from zekt_backend.rules import json_strings
from zekt_backend.rules.door import MAX_SCHEMA_BYTES

DIALECT = "https://json-schema.org/draft/2020-12/schema"
MOST_PLACES = 5
_LOOKED_AT = 50
"""Violations of which those nearest the top are told: a message may break a rule a hundred thousand times."""
_MOST_SHOWN = 200
_DATA = ("const", "enum", "default", "examples")
"""Keywords whose values are no schemas, whatever they look like."""
_SAMPLES: tuple[Any, ...] = (None, "", 0, [], {}, [{}], {"": {}})


@dataclass(frozen=True, slots=True)
class Broken:
    """A place that breaks a rule, in the schema's words: never the value that breaks it."""

    pointer: str
    reason: str


def check(text: str) -> None:
    """Refuse what is no schema that can be used here.

    Raises:
        UnusableError: with one sentence, fit to show.
    """
    try:
        schema = strict_json.parse(text.encode(), max_bytes=MAX_SCHEMA_BYTES)
    except strict_json.JsonRefused as refused:
        raise UnusableError(refused.detail) from None
    if not isinstance(schema, dict | bool):
        raise UnusableError("A schema is an object, true or false.")
    with usable():
        validator = validator_of(schema, Draft202012Validator)
    root = Registry().resolver_with_root(DRAFT202012.create_resource(schema))
    for depth, part in _parts(schema):
        _check_part(part, top=depth == 0)
        with usable():
            for keyword in ("$ref", "$dynamicRef"):
                if isinstance(part.get(keyword), str):
                    root.lookup(part[keyword])
    with usable():
        # What refers to itself at once does so whatever the message is.
        for sample in _SAMPLES:
            list(islice(validator.iter_errors(sample), _LOOKED_AT))


def violations(text: str, document: str) -> list[Broken]:
    """The places at which a document that is strict JSON breaks a schema that was checked; at most `MOST_PLACES`.

    Raises:
        UnusableError: the schema cannot be held against this document.
    """
    value = strict_json.parse(document.encode())
    with usable():
        found = list(islice(_validator(text).iter_errors(value), _LOOKED_AT))
        found.sort(key=lambda error: len(error.path))
        told = [_broken(best_match([error])) for error in found[:MOST_PLACES]]
    return list(dict.fromkeys(told))


@lru_cache(maxsize=16)
def _validator(text: str) -> Any:
    return validator_of(json.loads(text), Draft202012Validator)


def _broken(error: Any) -> Broken:
    return Broken(json_strings.pointer(tuple(error.absolute_path))[:_MOST_SHOWN], reason(error))


def _parts(schema: Any, depth: int = 0) -> Iterator[tuple[int, dict[str, Any]]]:
    """Every object that may be a schema."""
    if isinstance(schema, dict):
        yield depth, schema
        for keyword, value in schema.items():
            if keyword not in _DATA:
                yield from _parts(value, depth + 1)
    elif isinstance(schema, list):
        for item in schema:
            yield from _parts(item, depth + 1)


def _check_part(part: dict[str, Any], *, top: bool) -> None:
    dialect = part.get("$schema")
    if isinstance(dialect, str) and dialect.rstrip("#") != DIALECT:
        raise UnusableError(f"$schema names another dialect; only {DIALECT} is read here.")
    for keyword in ("$ref", "$dynamicRef"):
        if isinstance(part.get(keyword), str) and not part[keyword].startswith("#"):
            raise UnusableError(
                f"{keyword} must begin with # and mean a place in this schema: nothing is ever fetched."
            )
    if not top and isinstance(part.get("$id"), str):
        raise UnusableError("$id may stand at the top only: name parts by $defs or $anchor instead.")
