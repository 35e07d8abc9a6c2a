"""docs/logs.md has every line that the broker's code writes, with its level and its fields, and no other."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import zekt_backend

SOURCE = Path(zekt_backend.__file__).parent
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


def test_the_page_has_every_line_with_its_level_and_its_fields(root: Path) -> None:
    rows = re.findall(
        r"^\| `(\w+)` \| (\w+) \| [^|]+ \|([^|]*)\|$", (root / "docs/logs.md").read_text("utf-8"), re.MULTILINE
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
