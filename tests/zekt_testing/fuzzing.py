"""What the fuzz tests share: JSON written in every legal spelling, and structures bent out of shape."""

import json
from collections.abc import Callable
from typing import Any, TypeVar

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

from zekt_backend.errors import ZektError

T = TypeVar("T")


def outcome(call: Callable[..., T], *arguments: Any) -> T | ZektError:
    """What a call gives, or how it refuses; any other exception is the test's to fail with."""
    try:
        return call(*arguments)
    except ZektError as error:
        return error


steadily = settings(derandomize=True, max_examples=300, suppress_health_check=[HealthCheck.too_slow], database=None)
"""The same examples each time, on every machine: a red run can be repeated."""

spaces = st.text(" \t\r\n", max_size=3)
texts = st.text(st.characters(codec="utf-8"), max_size=12) | st.sampled_from(
    ["payload", '"payload":', '{"payload":1}', "\\", '\\"', "}", "eventType", "\u2028", "\0", "😀", "e\u0301"]
)
numbers = st.one_of(
    st.integers(-(10**40), 10**40).map(str),
    st.floats(allow_nan=False, allow_infinity=False).map(repr),
    st.sampled_from(["0", "-0", "1e5", "1E+2", "0.10", "-1.5e-7", "9007199254740993"]),
)


@st.composite
def strings(draw: st.DrawFn) -> str:
    """A JSON string, each of its characters in any of its spellings."""
    written = ""
    for character in draw(texts):
        plain = json.dumps(character, ensure_ascii=False)[1:-1]
        escaped = json.dumps(character)[1:-1]
        units = character.encode("utf-16-be")
        hexed = "".join(f"\\u{units[i]:02X}{units[i + 1]:02x}" for i in range(0, len(units), 2))
        written += draw(st.sampled_from([plain, escaped, hexed]))
    return f'"{written}"'


def _arrays(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    padded = st.tuples(spaces, inner, spaces).map("".join)
    return st.lists(padded, max_size=4).map(lambda items: "[" + ",".join(items) + "]")


@st.composite
def _objects(draw: st.DrawFn, inner: st.SearchStrategy[str]) -> str:
    keys = draw(st.lists(strings(), max_size=4, unique_by=json.loads))
    members = ["".join(map(draw, (spaces, st.just(key), spaces, st.just(":"), spaces, inner, spaces))) for key in keys]
    return "{" + ",".join(members) + "}"


documents = st.recursive(
    st.sampled_from(["null", "true", "false", "{}", "[]"]) | numbers | strings(),
    lambda inner: _arrays(inner) | _objects(inner),
    max_leaves=8,
)
"""JSON texts of any kind and spelling, without space around them."""

oddities: st.SearchStrategy[Any] = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.sampled_from([0, -1, 2**31, 2**63 - 1, 2**63, 2**64, 10**400, 1e308, float("nan"), float("inf"), 1.5]),
    texts,
    st.sampled_from(["", " ", "\0", "\ud800", "\u202e", "x" * 3_000, "a/b", "../x", "shop-team/ord\u0435rs"]),
    st.lists(st.none(), max_size=2),
    st.dictionaries(texts, st.none(), max_size=2),
)
"""What stands where something else was meant to."""


def places(value: Any, here: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """The ways to every part of a structure, itself included."""
    inside = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [here, *(way for key, part in inside for way in places(part, (*here, key)))]


@st.composite
def bent(draw: st.DrawFn, good: Any) -> bytes:
    """A good structure with up to four parts replaced, taken away, nested deeply or given twice, as JSON."""
    text = json.dumps(good)
    for _ in range(draw(st.integers(1, 4))):
        value = json.loads(text)
        way = draw(st.sampled_from(places(value)))
        how = draw(st.sampled_from(["replace", "remove", "deepen"]))
        value = _changed(value, way, how, draw(oddities), draw(st.sampled_from([2, 50, 500])))
        text = json.dumps(value)
    if text.startswith("{") and draw(st.booleans()):
        key = draw(st.sampled_from(sorted(good)))
        text = text[:-1] + f",{json.dumps(key)}:{json.dumps(draw(oddities))}}}"
    return text.encode()


def _changed(value: Any, way: tuple[Any, ...], how: str, odd: Any, depth: int) -> Any:
    if not way:
        return odd if how == "replace" else value
    if len(way) > 1:
        value[way[0]] = _changed(value[way[0]], way[1:], how, odd, depth)
    elif how == "remove":
        del value[way[0]]
    else:
        for _ in range(depth if how == "deepen" else 0):
            odd = [odd]
        value[way[0]] = odd
    return value
