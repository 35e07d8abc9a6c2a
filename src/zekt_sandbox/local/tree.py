"""A workflow file as something that can be changed and written again, every other value as it was."""

import json
import re
from typing import Any

from zekt_workflows.source import Items, Pairs, Scalar, Value

Tree = Any
"""dict, list, `Scalar` (as the file has it) or str (ours)."""

# What may stand without quotes wherever a value may stand; anything else is quoted, which makes it a string.
_PLAIN = re.compile(r"[A-Za-z0-9_.+~-]*")


def grow(value: Value) -> Tree:
    """Dicts and lists of the same values."""
    if isinstance(value, Pairs):
        return {key.text: grow(each) for key, each in value}
    if isinstance(value, Items):
        return [grow(each) for each in value.values]
    return value


def text_of(value: Tree) -> str:
    """A scalar's text, whoever wrote it; empty for anything else."""
    if isinstance(value, Scalar):
        return value.text
    return value if isinstance(value, str) else ""


def mapping(tree: dict[str, Tree], key: str) -> dict[str, Tree]:
    """What stands there as a mapping, to be changed in place; made where there is none."""
    found = tree.get(key)
    if not isinstance(found, dict):
        found = tree[key] = {}
    return found


def written(tree: Tree) -> str:
    """As YAML, in the form of JSON. A plain value keeps its type: `1.10` stays a number, and `on` whatever it was."""
    if isinstance(tree, dict):
        return "{" + ", ".join(f"{_quoted(key)}: {written(each)}" for key, each in tree.items()) + "}"
    if isinstance(tree, list):
        return "[" + ", ".join(written(each) for each in tree) + "]"
    if isinstance(tree, Scalar) and tree.is_null:
        return "null"
    if isinstance(tree, Scalar) and tree.plain and _PLAIN.fullmatch(tree.text):
        return tree.text
    return _quoted(text_of(tree))


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)
