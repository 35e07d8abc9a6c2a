"""What a consumer's workflow file listens for. Pure; the file is a stranger's, so reading it is bounded.

https://docs.github.com/en/actions/reference/workflows-and-actions/workflow-syntax#on
"""

import re
from dataclasses import dataclass
from typing import Any

import yaml

MAX_BYTES = 131_072
"""Longer files are not read."""

_EVENT = "repository_dispatch"
_MAX_DEPTH = 50
_MAX_NODES = 20_000
_NULLS = frozenset({"", "~", "null", "Null", "NULL"})
# What PyYAML would refuse with its own words, and what a terminal could be steered with.
_CONTROL = re.compile(r"[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


@dataclass(frozen=True, slots=True)
class Listening:
    """What starts it, as far as `repository_dispatch` goes."""

    dispatch: bool
    """Whether it listens for that event at all."""
    types: tuple[str, ...] | None = None
    """The event types, as written; None for every one."""
    unreadable: str = ""
    """Why the file could not be read; empty where it was."""

    def hears(self, event_type: str) -> bool:
        """GitHub's documentation knows equal values only: no patterns, and it says nothing of upper and lower case."""
        return self.dispatch and (self.types is None or event_type in self.types)

    def nearly_hears(self, event_type: str) -> bool:
        """Whether a type differs by upper and lower case alone, or has a `*` or `?` as patterns do."""
        if not self.dispatch or self.hears(event_type):
            return False
        return any(each.casefold() == event_type.casefold() or {"*", "?"} & set(each) for each in self.types or ())


DEAF = Listening(dispatch=False)


class _UnfitError(Exception):
    """The file is YAML, perhaps, but no workflow; the text says why."""


class _Bounded(yaml.SafeLoader):
    """Composes nodes and makes nothing of them: aliases stay references, so nothing can multiply."""

    depth = 0
    nodes = 0

    def compose_node(self, parent: yaml.Node | None, index: Any) -> yaml.Node | None:
        self.depth += 1
        self.nodes += 1
        if self.depth > _MAX_DEPTH or self.nodes > _MAX_NODES:
            raise _UnfitError("it is nested too deeply or has too many parts")
        node: yaml.Node | None = super().compose_node(parent, index)
        self.depth -= 1
        return node


def listening(text: str) -> Listening:
    """Read one file. Never raises: what cannot be read says why.

    Args:
        text: the whole file, at most `MAX_BYTES` in UTF-8.
    """
    try:
        return _listening(text)
    except _UnfitError as unfit:
        return Listening(dispatch=False, unreadable=str(unfit))
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        return Listening(dispatch=False, unreadable=f"line {line} is no YAML: {error.problem or error.context}")
    except (yaml.YAMLError, ValueError, RecursionError):
        return Listening(dispatch=False, unreadable="it is no YAML")


def _listening(text: str) -> Listening:
    if len(text) > MAX_BYTES or len(text.encode(errors="replace")) > MAX_BYTES:
        raise _UnfitError(f"it is larger than {MAX_BYTES:,} bytes")
    if _CONTROL.search(text):
        raise _UnfitError("it has control characters")
    loader = _Bounded(text)
    try:
        root = loader.get_single_node()
    finally:
        loader.dispose()
    if root is None:
        raise _UnfitError("it is empty")
    on = _member(root, "on")
    if on is None:
        raise _UnfitError("it has no key `on`")
    return _trigger(on)


def _trigger(on: yaml.Node) -> Listening:
    """`on: repository_dispatch`, `on: [push, repository_dispatch]`, or `on:` with the event as a key."""
    if not isinstance(on, yaml.MappingNode):
        return Listening(dispatch=True) if _EVENT in _words(on) else DEAF
    event = _member(on, _EVENT)
    if event is None:
        return DEAF
    if _is_null(event):
        return Listening(dispatch=True)
    types = _member(event, "types")
    return Listening(dispatch=True, types=None if types is None else _words(types))


def _member(node: yaml.Node, key: str) -> yaml.Node | None:
    """The value of a key. Keys are compared as they are written: YAML 1.1 would take `on` for true."""
    if not isinstance(node, yaml.MappingNode):
        raise _UnfitError(f"line {node.start_mark.line + 1} should have keys and values")
    found = [value for name, value in node.value if isinstance(name, yaml.ScalarNode) and name.value == key]
    if len(found) > 1:
        raise _UnfitError(f"the key `{key}` stands {len(found)} times")
    return found[0] if found else None


def _words(node: yaml.Node) -> tuple[str, ...]:
    """A word, or a list of words."""
    items = node.value if isinstance(node, yaml.SequenceNode) else [node]
    if not all(isinstance(item, yaml.ScalarNode) and not _is_null(item) for item in items):
        raise _UnfitError(f"line {node.start_mark.line + 1} should be a word or a list of words")
    return tuple(item.value for item in items)


def _is_null(node: yaml.Node) -> bool:
    return isinstance(node, yaml.ScalarNode) and node.style is None and node.value in _NULLS
