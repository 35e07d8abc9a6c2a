"""Confirm and complete run on whatever Python a runner has: standard library only, 3.9 and newer."""

import ast
import sys

import pytest


@pytest.fixture(scope="module")
def bare(modules: dict[str, ast.Module], imports: dict[str, set[str]]) -> set[str]:
    """The modules that confirm and complete load: the receiving half, and whatever it imports of ours."""
    found = {name for name in modules if name.startswith("zekt_action.receive")} | {"zekt_action"}
    assert "zekt_action.receive" in found
    while more := {_module_of(target, modules) for name in found for target in imports[name]} - found - {None}:
        found |= {name for name in more if name}
    return found


def _module_of(dotted: str, modules: dict[str, ast.Module]) -> str | None:
    """The module of ours that `dotted` is or stands in; None for anything else."""
    if dotted in modules:
        return dotted
    parent = dotted.rpartition(".")[0]
    return parent if parent in modules else None


def test_confirm_and_complete_load_the_standard_library_only(
    bare: set[str], modules: dict[str, ast.Module], imports: dict[str, set[str]]
) -> None:
    wrong = [
        f"{name} imports {target}"
        for name in bare
        for target in imports[name]
        if target.split(".")[0] not in sys.stdlib_module_names and _module_of(target, modules) is None
    ]
    assert not wrong


# What a file parses as on 3.9 can still fail there when it runs; these are the ways that a writer on 3.11
# forgets.
NEWER_THAN_39 = {
    "slots": "dataclass(slots=True) is 3.10's",
    "kw_only": "dataclass(kw_only=True) is 3.10's",
}
NAMES_NEWER_THAN_39 = {
    "UTC": "datetime.UTC is 3.11's",
    "StrEnum": "enum.StrEnum is 3.11's",
    "Self": "typing.Self is 3.11's",
    "assert_never": "typing.assert_never is 3.11's",
    "TypeAlias": "typing.TypeAlias is 3.10's",
    "ParamSpec": "typing.ParamSpec is 3.10's",
    "pairwise": "itertools.pairwise is 3.10's",
    "ExceptionGroup": "3.11's",
    "add_note": "3.11's",
    "file_digest": "hashlib.file_digest is 3.11's",
    "tomllib": "3.11's",
}


def _newer(tree: ast.Module) -> list[str]:
    found = []
    for node in ast.walk(tree):
        if isinstance(node, ast.keyword) and node.arg in NEWER_THAN_39:
            found.append(f"line {node.value.lineno}: {NEWER_THAN_39[node.arg]}")
        if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "zip" and node.keywords:
            found.append(f"line {node.lineno}: zip(strict=True) is 3.10's")
        name = getattr(node, "attr", None) or getattr(node, "id", None) or getattr(node, "name", None)
        if name in NAMES_NEWER_THAN_39:
            found.append(f"line {getattr(node, 'lineno', '?')}: {NAMES_NEWER_THAN_39[name]}")
    return found


def _evaluated_unions(tree: ast.Module) -> list[str]:
    """`X | Y` in an annotation is a TypeError on 3.9 unless annotations are never evaluated."""
    lazy = any(
        isinstance(node, ast.ImportFrom)
        and node.module == "__future__"
        and "annotations" in {a.name for a in node.names}
        for node in tree.body
    )
    annotations = [
        note
        for node in ast.walk(tree)
        for note in (getattr(node, "annotation", None), getattr(node, "returns", None))
        if note is not None
    ]
    unions = [inner for note in annotations for inner in ast.walk(note) if isinstance(inner, ast.BinOp)]
    return (
        [] if lazy else [f"line {union.lineno}: X | Y needs `from __future__ import annotations`" for union in unions]
    )


def test_confirm_and_complete_are_python_39(bare: set[str], modules: dict[str, ast.Module]) -> None:
    wrong = []
    for name in bare:
        ast.parse(ast.unparse(modules[name]), filename=name, feature_version=(3, 9))
        wrong += [f"{name}: {found}" for found in _newer(modules[name]) + _evaluated_unions(modules[name])]
    assert not wrong


@pytest.mark.parametrize(
    "source",
    [
        "from dataclasses import dataclass\n@dataclass(slots=True)\nclass A: ...",
        "from datetime import UTC",
        "zip('a', 'b', strict=True)",
        "def f(x: int | None): ...",
        "def f() -> 'int' | None: ...",
    ],
)
def test_that_check_sees_what_python_39_cannot_run(source: str) -> None:
    tree = ast.parse(source)
    assert _newer(tree) + _evaluated_unions(tree)
