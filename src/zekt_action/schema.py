"""Hold a message against a JSON Schema, offline. jsonschema is imported only where a schema is given."""

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from zekt_action import files
from zekt_action.errors import ActionError
from zekt_action.inputs import Job
from zekt_action.strict_json import JsonRefused, parse

if TYPE_CHECKING:
    from jsonschema.exceptions import ValidationError

_MAX_SCHEMA_BYTES = 1_048_576
_MAX_SHOWN = 200
_FRAMES = 10_000
"""Python frames: a schema takes about ten for each of a message's hundred levels."""


class UnusableError(Exception):
    """A schema that is none, or that nothing can be held against: one sentence, fit to show."""


def check(name: str, value: Any, job: Job) -> None:
    """Refuse a message that does not fit the schema in a file; its default dialect is Draft 2020-12.

    Raises:
        ActionError: `schema_violation` with the place and the broken rule (never the value that breaks it);
            `schema_invalid`, also for a `$ref` to another document, which is never fetched; a `file_…` code.
    """
    schema = _load(name, job)
    try:
        found = _violation(schema, value)
    except UnusableError as error:
        raise ActionError("schema_invalid", str(error)) from None
    if found is not None:
        raise ActionError("schema_violation", f"{found.json_path[:_MAX_SHOWN]}: {reason(found)}.")


def _load(name: str, job: Job) -> Any:
    raw = files.read(name, job, limit=_MAX_SCHEMA_BYTES)
    try:
        schema = parse(raw, max_bytes=_MAX_SCHEMA_BYTES)
    except JsonRefused as refused:
        raise ActionError("schema_invalid", f"{name}: {refused.detail}") from None
    if not isinstance(schema, dict | bool):
        raise ActionError("schema_invalid", f"{name}: a schema is an object, true or false.")
    return schema


def _violation(schema: Any, value: Any) -> "ValidationError | None":
    # Imported here: it costs 60 ms, which a message without a schema need not pay.
    from jsonschema import Draft202012Validator  # noqa: PLC0415
    from jsonschema.exceptions import best_match  # noqa: PLC0415
    from jsonschema.validators import validator_for  # noqa: PLC0415

    with usable():
        validator = validator_of(schema, validator_for(schema, default=Draft202012Validator))
        found: ValidationError | None = best_match(validator.iter_errors(value))
        return found


def validator_of(schema: Any, kind: Any) -> Any:
    """A validator of a class of jsonschema's, its schema checked. To be made and used within `usable`."""
    from referencing.jsonschema import EMPTY_REGISTRY  # noqa: PLC0415

    kind.check_schema(schema)
    # A registry of its own, for without one jsonschema fetches remote references.
    return kind(schema, registry=EMPTY_REGISTRY)


@contextmanager
def usable() -> Iterator[None]:
    """Within it a validator is made or used.

    Raises:
        UnusableError: the schema is none, refers to what it does not hold, or to itself without end.
    """
    from jsonschema.exceptions import SchemaError  # noqa: PLC0415
    from referencing.exceptions import Unresolvable  # noqa: PLC0415

    sys.setrecursionlimit(_FRAMES)
    try:
        yield
    except SchemaError as error:
        raise UnusableError(f"At {error.json_path[:_MAX_SHOWN]}: {reason(error)}.") from None
    except Unresolvable as error:
        missing = getattr(error, "anchor", error.ref)
        raise UnusableError(f"$ref {missing[:_MAX_SHOWN]} is not in this file.") from None
    except RecursionError:
        raise UnusableError("It refers to itself without end.") from None


def reason(error: Any) -> str:
    """The broken rule in the schema's words; jsonschema's own text would repeat the message's content."""
    if error.validator == "required" and isinstance(error.instance, dict):
        missing = [name for name in error.validator_value if name not in error.instance]
        return f"lacks the required {_shown(missing)}"
    if error.validator is None:
        return "no value is allowed here"
    return f"breaks the rule {error.validator}: {_shown(error.validator_value)}"


def _shown(rule: Any) -> str:
    text = json.dumps(rule)
    return text if len(text) <= _MAX_SHOWN else text[:_MAX_SHOWN] + "…"
