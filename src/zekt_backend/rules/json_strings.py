"""The strings of a JSON document: all of them as lines to search, and where each one stands in the text."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

_TOKEN = re.compile(r'"([^"\\]*(?:\\.[^"\\]*)*)"|[\[\]{},]', re.DOTALL)
_CHARACTER = re.compile(
    r"\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|\\u[0-9a-fA-F]{4}|\\.|.", re.DOTALL
)


@dataclass(frozen=True, slots=True)
class Text:
    """One string: a key, or a value.

    Attributes:
        path: the keys and indexes that lead to it; of a key, those that lead to its value.
        is_key: whether it is a key.
        name: of a value that is a member of an object: its key.
        value: what the string says, escapes resolved.
        start: where its first character stands in the document, after the quote.
        end: where its closing quote stands.
    """

    path: tuple[str | int, ...]
    is_key: bool
    name: str | None
    value: str
    start: int
    end: int


def line(name: str | None, value: str) -> str:
    """A string as a detector reads it: with the name it is given, since some credentials are known by that."""
    return f'"{value}"' if name is None else f'"{name}": "{value}"'


def lines(value: Any) -> Iterator[str]:
    """Every key and every string of a parsed document, each in a `line`."""
    if isinstance(value, str):
        yield line(None, value)
    elif isinstance(value, list):
        for item in value:
            yield from lines(item)
    elif isinstance(value, dict):
        for name, item in value.items():
            if isinstance(item, str):
                yield line(name, item)
            else:
                yield line(name, "")
                yield from lines(item)


def texts(document: str) -> Iterator[Text]:
    """Every string of a document that is strict JSON, in the order in which they stand there."""
    path: list[str | int] = []
    expects_key = False
    for token in _TOKEN.finditer(document):
        mark = document[token.start()]
        if mark == '"':
            value = read(token[1])
            if expects_key:
                path[-1], expects_key = value, False
                yield Text(tuple(path), True, None, value, token.start(1), token.end(1))
            else:
                name = path[-1] if path and isinstance(path[-1], str) else None
                yield Text(tuple(path), False, name, value, token.start(1), token.end(1))
        elif mark == "{":
            path.append("")
            expects_key = True
        elif mark == "[":
            path.append(0)
        elif mark == ",":
            last = path[-1]
            expects_key = isinstance(last, str)
            path[-1] = last if isinstance(last, str) else last + 1
        else:
            path.pop()
            expects_key = False


def read(written: str) -> str:
    """What a string says, of what stands between its quotes."""
    return str(json.loads(f'"{written}"')) if "\\" in written else written


def replaced(written: str, cuts: list[tuple[int, int, str]]) -> str:
    r"""What stands between a string's quotes, with some of its characters replaced and all others as they were written.

    Args:
        written: what stands between the quotes; `\u0041` is one character of it.
        cuts: (first, end, replacement) in characters of what the string says; in order, and apart from each other.
            A replacement must need no escapes.
    """
    places = [0, *(character.end() for character in _CHARACTER.finditer(written))]
    kept: list[str] = []
    done = 0
    for first, end, replacement in cuts:
        kept += [written[places[done] : places[first]], replacement]
        done = end
    return "".join([*kept, written[places[done] :]])


def pointer(path: tuple[str | int, ...]) -> str:
    """RFC 6901; of the whole document the empty text. NUL, which PostgreSQL's `jsonb` refuses, is shown as U+FFFD."""
    shown = "".join("/" + str(part).replace("~", "~0").replace("/", "~1") for part in path)
    return shown.replace("\0", "\N{REPLACEMENT CHARACTER}")
