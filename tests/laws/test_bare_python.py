"""The composites run on whatever Python a runner has: standard library only, 3.9 and newer, on any system."""

import ast
import sys

import pytest


@pytest.fixture(scope="module")
def bare(modules: dict[str, ast.Module], imports: dict[str, set[str]]) -> set[str]:
    """What the composites load: the module that is launched, and whatever it imports of ours."""
    found = {"zekt_action", "zekt_action.launch"}
    while more := {_module_of(target, modules) for name in found for target in imports[name]} - found - {None}:
        found |= {name for name in more if name}
    return found


def _module_of(dotted: str, modules: dict[str, ast.Module]) -> str | None:
    """The module of ours that `dotted` is or stands in; None for anything else."""
    if dotted in modules:
        return dotted
    parent = dotted.rpartition(".")[0]
    return parent if parent in modules else None


def test_the_composites_load_the_standard_library_only(
    bare: set[str], modules: dict[str, ast.Module], imports: dict[str, set[str]]
) -> None:
    wrong = [
        f"{name} imports {target}"
        for name in bare
        for target in imports[name]
        if target.split(".")[0] not in sys.stdlib_module_names and _module_of(target, modules) is None
    ]
    assert not wrong


# https://docs.python.org/3/library: "Availability: Unix".
UNIX_ONLY = {
    *(
        "fcntl",
        "grp",
        "posix",
        "pwd",
        "resource",
        "syslog",
        "termios",
        "tty",
        "pty",
        "signal.SIGALRM",
        "signal.SIGKILL",
    ),
    *("signal.alarm", "signal.setitimer", "signal.ITIMER_REAL", "os.getuid", "os.geteuid", "os.fork", "os.mkfifo"),
    *("os.fchmod", "os.O_NOFOLLOW", "os.O_NONBLOCK"),
}


def _unguarded(tree: ast.Module) -> set[str]:
    """What is imported or named of these, but inside an `if hasattr(…)`."""
    guarded = {
        id(inner)
        for node in ast.walk(tree)
        if isinstance(node, ast.If) and isinstance(node.test, ast.Call)
        if getattr(node.test.func, "id", "") == "hasattr"
        for inner in ast.walk(node)
    }
    named = {ast.unparse(n) for n in ast.walk(tree) if isinstance(n, ast.Attribute) and id(n) not in guarded}
    imported = {alias.name for n in ast.walk(tree) if isinstance(n, ast.Import) for alias in n.names}
    taken = {f"{n.module}.{a.name}" for n in ast.walk(tree) if isinstance(n, ast.ImportFrom) for a in n.names}
    return UNIX_ONLY & (named | imported | taken | {name.partition(".")[0] for name in taken})


def test_the_composites_need_nothing_that_windows_lacks(bare: set[str], modules: dict[str, ast.Module]) -> None:
    assert {name: found for name in bare if (found := _unguarded(modules[name]))} == {}


@pytest.mark.parametrize(
    "source", ["import pwd", "from pwd import getpwuid", "import os\nos.getuid()", "import signal\nsignal.SIGALRM"]
)
def test_that_check_sees_what_windows_lacks(source: str) -> None:
    assert _unguarded(ast.parse(source))


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


def test_the_composites_are_python_39(bare: set[str], modules: dict[str, ast.Module]) -> None:
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
