"""YAML as values that know where they stand. The file is a stranger's, so reading it is bounded."""

import re
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import yaml

from zekt_workflows.errors import MAX_BYTES, WorkflowFileError

_MAX_DEPTH = 50
_MAX_NODES = 20_000
"""Every alias counts as often as it stands there, so that no reader of the values can be made to walk for ever."""
_MAX_CHARACTERS = 2 * MAX_BYTES
"""Of all values, again with each alias as often as it stands there: they are looked through one by one."""

_NULLS = frozenset({"", "~", "null", "Null", "NULL"})
_NEWLINE = re.compile(r"\r\n|\n|\r")
# What PyYAML would refuse with its own words, and what a terminal could be steered with.
_CONTROL = re.compile(r"[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


@dataclass(frozen=True, slots=True)
class Place:
    """Where something stands; both count from 1, the column in characters."""

    line: int
    column: int


@dataclass(frozen=True, slots=True)
class Scalar:
    """One value as it is written: YAML 1.1 would take `on` for true and `1.10` for a number."""

    text: str
    place: Place
    start: int
    """Where it begins in the file, in characters; `end`, where it ends."""
    end: int
    plain: bool
    """Whether it stands there without quotes, and not as a block (`|`, `>`)."""

    @property
    def is_null(self) -> bool:
        return self.plain and self.text in _NULLS

    @property
    def is_true(self) -> bool:
        return self.plain and self.text in ("true", "True", "TRUE")


@dataclass(frozen=True, slots=True)
class Items:
    """A list."""

    values: tuple["Value", ...]
    place: Place


@dataclass(frozen=True, slots=True)
class Pairs:
    """Keys with values, in the order of the file; no key stands twice."""

    pairs: tuple[tuple[Scalar, "Value"], ...]
    place: Place

    def __iter__(self) -> Iterator[tuple[Scalar, "Value"]]:
        return iter(self.pairs)

    def get(self, key: str) -> "Value | None":
        return next((value for name, value in self.pairs if name.text == key), None)


Value = Scalar | Items | Pairs


class Source:
    """A file's text, and the places in it."""

    def __init__(self, text: str, path: str = "") -> None:
        self.text = text
        self.path = path
        self._starts = [0, *(found.end() for found in _NEWLINE.finditer(text))]

    def place(self, index: int) -> Place:
        """Line and column of the character at `index`."""
        line = bisect_right(self._starts, index)
        return Place(line, index - self._starts[line - 1] + 1)

    def line(self, number: int) -> str:
        """The text of a line without its end, empty beyond the last."""
        if not 1 <= number <= len(self._starts):
            return ""
        end = self._starts[number] if number < len(self._starts) else len(self.text)
        return self.text[self._starts[number - 1] : end].rstrip("\r\n")

    def error(self, why: str, place: Place) -> WorkflowFileError:
        return WorkflowFileError(why, path=self.path, line=place.line, column=place.column)


class _Composer(yaml.SafeLoader):
    """Composes nodes and makes nothing of them: aliases stay references, so nothing can multiply."""

    depth = 0
    nodes = 0

    def compose_node(self, parent: yaml.Node | None, index: Any) -> yaml.Node | None:
        self.depth += 1
        self.nodes += 1
        if self.depth > _MAX_DEPTH or self.nodes > _MAX_NODES:
            raise WorkflowFileError("it is nested too deeply or has too many parts")
        node: yaml.Node | None = super().compose_node(parent, index)
        self.depth -= 1
        return node


def parse(source: Source) -> Value:
    """The file's one document.

    Raises:
        WorkflowFileError: it is too large, no YAML, empty, or has a key twice.
    """
    _refuse_unfit(source)
    try:
        loader = _Composer(source.text)
        try:
            root = loader.get_single_node()
        finally:
            loader.dispose()
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        place = source.place(mark.index) if mark else Place(1, 1)
        raise source.error(f"it is no YAML: {error.problem or error.context}", place) from None
    except WorkflowFileError as error:
        raise WorkflowFileError(error.why, path=source.path) from None
    except (yaml.YAMLError, ValueError, RecursionError):
        raise WorkflowFileError("it is no YAML", path=source.path) from None
    if root is None:
        raise WorkflowFileError("it is empty", path=source.path)
    return _Reading(source).value(root).value


def _refuse_unfit(source: Source) -> None:
    if len(source.text) > MAX_BYTES or len(source.text.encode(errors="replace")) > MAX_BYTES:
        raise WorkflowFileError(f"it is larger than {MAX_BYTES:,} bytes", path=source.path)
    if found := _CONTROL.search(source.text):
        raise source.error("it has control characters", source.place(found.start()))


@dataclass(frozen=True, slots=True)
class _Sized:
    value: Value
    nodes: int
    depth: int
    characters: int


class _Reading:
    """From PyYAML's nodes to our values; a node that several aliases name is read once."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self._done: dict[int, _Sized | None] = {}

    def value(self, node: yaml.Node) -> _Sized:
        key = id(node)
        if key in self._done:
            if (done := self._done[key]) is None:
                raise self._source.error("it contains itself", self._source.place(node.start_mark.index))
            return done
        self._done[key] = None
        sized = self._sized(node)
        if sized.nodes > _MAX_NODES or sized.depth > _MAX_DEPTH:
            place = self._source.place(node.start_mark.index)
            raise self._source.error("it is nested too deeply or has too many parts", place)
        if sized.characters > _MAX_CHARACTERS:
            place = self._source.place(node.start_mark.index)
            raise self._source.error(f"its aliases make more than {_MAX_CHARACTERS:,} characters of it", place)
        self._done[key] = sized
        return sized

    def _sized(self, node: yaml.Node) -> _Sized:
        start = node.start_mark.index
        place = self._source.place(start)
        if isinstance(node, yaml.ScalarNode):
            scalar = Scalar(node.value, place, start, node.end_mark.index, node.style is None)
            return _Sized(scalar, 1, 1, len(node.value))
        if isinstance(node, yaml.SequenceNode):
            within = [self.value(item) for item in node.value]
            return _total(Items(tuple(item.value for item in within), place), within)
        pairs = [(self._key(key), self.value(value)) for key, value in node.value]
        seen: set[str] = set()
        for name, _ in pairs:
            if name.text in seen:
                raise self._source.error(f"the key `{name.text[:100]}` stands twice", name.place)
            seen.add(name.text)
        value = Pairs(tuple((name, item.value) for name, item in pairs), place)
        return _total(value, [item for _, item in pairs], sum(len(name.text) for name, _ in pairs))

    def _key(self, node: yaml.Node) -> Scalar:
        key = self.value(node).value
        if not isinstance(key, Scalar):
            raise self._source.error("a key should be a word", key.place)
        return key


def _total(value: Value, within: list[_Sized], characters: int = 0) -> _Sized:
    """Of a value, with what is inside; `characters` are those of its keys."""
    return _Sized(
        value,
        1 + sum(each.nodes for each in within),
        1 + max((each.depth for each in within), default=0),
        characters + sum(each.characters for each in within),
    )
