"""Strict JSON: RFC 8259, and what every hop of a message can carry. Standard library only, Python 3.9.

Python's own reader is lenient where the next reader is not: it takes NaN, repeated keys, half characters,
and dies of deep nesting. Each is refused here, in time linear in the input, with a code and a place: a line
and column, or a byte offset. Of the content, only a repeated key's name is ever shown.
"""

import json
import math
import re
from json import JSONDecodeError
from typing import Any, NoReturn

from zekt_action.limits import MAX_DEPTH, MAX_NUMBER_DIGITS, MAX_PAYLOAD_BYTES

_SHOWN_KEY_CHARACTERS = 40

# Those that hardly a message needs are compiled when one does.
# A string (closed or not, so that no attempt ever fails and is tried again from its middle) or one bracket.
_STRING_OR_BRACKET = r'(?s)"[^"\\]*(?:\\.[^"\\]*)*"?|[\[\]{}]'

_ONE_KIND = bytes.maketrans(b"{}", b"[]")
_NO_BRACKETS = bytes(set(range(256)) - set(b"[]{}"))

_SURROGATE_ESCAPE = re.compile(r"\\u[dD][89a-fA-F]")

# A whole pair, a lone half (group 1), or any other escape, so that `\\ud800` is read as a backslash and text.
_ESCAPE = r"(?s)\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|(\\u[dD][89a-fA-F][0-9a-fA-F]{2})|\\."


class JsonRefused(ValueError):  # noqa: N818 - it reads as what happened: the JSON was refused
    """Why bytes are not a message.

    Attributes:
        code: payload_too_large, payload_not_utf8, payload_not_json, payload_not_finite,
            payload_duplicate_key, payload_too_deep or payload_lone_surrogate.
        detail: one sentence with the place, fit to show.
    """

    def __init__(self, code: str, detail: str) -> None:
        super().__init__(f"{code}: {detail}")
        self.code = code
        self.detail = detail


def parse(raw: bytes, *, max_bytes: int = MAX_PAYLOAD_BYTES) -> Any:
    """Read one JSON value of any kind.

    Args:
        raw: the bytes as given, at most `max_bytes`.
        max_bytes: 524,288 for a message.

    Raises:
        JsonRefused: the bytes are too many, or are not strict JSON.
    """
    if len(raw) > max_bytes:
        raise JsonRefused("payload_too_large", f"{len(raw):,} bytes; at most {max_bytes:,} are allowed.")
    text = _decode(raw)
    if not _is_shallow(raw):
        _refuse_deep(text)
    try:
        value = _DECODER.decode(text)
    except JSONDecodeError as error:
        # `from None`: the original holds the whole document, which must not surface in a traceback.
        raise _not_json(error, text) from None
    _refuse_half_characters(text)
    return value


def _decode(raw: bytes) -> str:
    if raw.startswith(b"\xef\xbb\xbf"):
        raise JsonRefused(
            "payload_not_json",
            "It starts with a byte order mark (BOM), which JSON forbids: save it as UTF-8 without BOM.",
        )
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError as error:
        raise JsonRefused("payload_not_utf8", f"Byte {error.start:,} is not UTF-8 ({error.reason}).") from None


def _is_shallow(raw: bytes) -> bool:
    """Whether its brackets pair up within the depth: told of nearly every message by a few passes of C.

    Quotes, brackets and backslashes are no part of another character's bytes. Up to the first thing that is no JSON,
    where the reader stops, what stands between quotes here is what the reader takes for strings. False says nothing.
    """
    if raw.count(b"[") + raw.count(b"{") <= MAX_DEPTH:
        return True
    outside = b"".join(raw.replace(b"\\\\", b"").replace(b'\\"', b"").split(b'"')[::2])
    brackets = outside.translate(_ONE_KIND, _NO_BRACKETS)
    for _ in range(MAX_DEPTH):
        before, brackets = len(brackets), brackets.replace(b"[]", b"")
        if len(brackets) in (0, before):
            break
    return not brackets


def _refuse_deep(text: str) -> None:
    """Count nesting before Python's recursive reader meets it."""
    depth = 0
    for token in re.finditer(_STRING_OR_BRACKET, text):
        first = text[token.start()]
        if first in "[{":
            depth += 1
            if depth > MAX_DEPTH:
                place = _place(text, token.start())
                raise JsonRefused("payload_too_deep", f"More than {MAX_DEPTH} levels of nesting, at {place}.")
        elif first != '"':
            depth -= 1


def _refuse_half_characters(text: str) -> None:
    r"""Refuse `\ud800` without its other half: no UTF-8 and no other reader can carry it."""
    if not _SURROGATE_ESCAPE.search(text):
        return
    for escape in re.finditer(_ESCAPE, text):
        if escape.group(1):
            place = _place(text, escape.start())
            raise JsonRefused(
                "payload_lone_surrogate",
                f"{escape.group(1)} at {place} is half a character without the other.",
            )


def _not_json(error: JSONDecodeError, text: str) -> JsonRefused:
    if not text.strip():
        return JsonRefused("payload_not_json", "It is empty; the smallest JSON values are {} and null.")
    reason = error.msg.removesuffix(" at")
    return JsonRefused("payload_not_json", f"{reason} at line {error.lineno}, column {error.colno}.")


def _place(text: str, index: int) -> str:
    return f"line {text.count(chr(10), 0, index) + 1}, column {index - text.rfind(chr(10), 0, index)}"


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        _refuse_repeated(pairs)
    return found


def _refuse_repeated(pairs: list[tuple[str, Any]]) -> NoReturn:
    seen = set()
    repeated = next(key for key, _ in pairs if key in seen or seen.add(key))  # type: ignore[func-returns-value]
    shown = json.dumps(repeated[:_SHOWN_KEY_CHARACTERS]) + ("…" if len(repeated) > _SHOWN_KEY_CHARACTERS else "")
    raise JsonRefused("payload_duplicate_key", f"The key {shown} stands twice in one object.")


def _integer(digits: str) -> int:
    if len(digits.lstrip("-")) > MAX_NUMBER_DIGITS:
        raise JsonRefused(
            "payload_not_json",
            f"A number has {len(digits):,} digits; at most {MAX_NUMBER_DIGITS:,} can be read.",
        )
    return int(digits)


def _fraction(digits: str) -> float:
    number = float(digits)
    if math.isinf(number):
        raise JsonRefused("payload_not_finite", "A number is too large for a double and would become Infinity.")
    return number


def _refuse_constant(name: str) -> NoReturn:
    raise JsonRefused("payload_not_finite", f"{name} is not JSON; write null or a string.")


_DECODER = json.JSONDecoder(
    object_pairs_hook=_object, parse_int=_integer, parse_float=_fraction, parse_constant=_refuse_constant
)
