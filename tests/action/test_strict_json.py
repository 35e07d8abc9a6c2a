"""What a message may be, byte by byte."""

import subprocess
import sys
import time
from pathlib import Path

import pytest

from zekt_action.limits import MAX_PAYLOAD_BYTES
from zekt_action.strict_json import JsonRefused, parse


def refusal(raw: bytes) -> JsonRefused:
    with pytest.raises(JsonRefused) as caught:
        parse(raw)
    return caught.value


@pytest.mark.parametrize(
    ("raw", "value"),
    [
        (b"{}", {}),
        (b"null", None),
        (b"true", True),
        (b' "text" \n', "text"),
        (b"-1.5e3", -1500.0),
        (b"[1, [2]]", [1, [2]]),
        (b'"\\u0000"', "\0"),
        (b'"\\ud83d\\ude00"', "\U0001f600"),
        (b'"\\\\ud800"', "\\ud800"),
        ('"é\U0001f600"'.encode(), "é\U0001f600"),
        (b"9" * 4300, int("9" * 4300)),
    ],
)
def test_any_json_value_is_read(raw: bytes, value: object) -> None:
    assert parse(raw) == value


@pytest.mark.parametrize(
    ("raw", "code", "says"),
    [
        (b"", "payload_not_json", "empty"),
        (b" \n", "payload_not_json", "empty"),
        (b'{"a": ', "payload_not_json", "line 1, column 7"),
        (b'{\n"a": 1,}', "payload_not_json", "line 2"),
        (b"{} {}", "payload_not_json", "line 1, column 4"),
        (b"'a'", "payload_not_json", "column 1"),
        (b"01", "payload_not_json", "column 2"),
        (b'"a\nb"', "payload_not_json", "control character"),
        (b'"\\x"', "payload_not_json", "column 2"),
        (b'"open', "payload_not_json", "column 1"),
        (b"\xef\xbb\xbf{}", "payload_not_json", "byte order mark"),
        (b"9" * 4301, "payload_not_json", "4,301 digits"),
        (b'"\xff"', "payload_not_utf8", "Byte 1 "),
        (b'"\xed\xa0\x80"', "payload_not_utf8", "Byte 1 "),
        ("{}".encode("utf-16"), "payload_not_utf8", "Byte 0 "),
        (b"NaN", "payload_not_finite", "NaN"),
        (b"[Infinity]", "payload_not_finite", "Infinity"),
        (b"[-Infinity]", "payload_not_finite", "-Infinity"),
        (b"1e400", "payload_not_finite", "double"),
        (b'{"a":1,"b":2,"a":3}', "payload_duplicate_key", '"a"'),
        (b'{"a":1,"\\u0061":3}', "payload_duplicate_key", '"a"'),
        (b'"\\ud800"', "payload_lone_surrogate", "column 2"),
        (b'"\\udc00\\ud800"', "payload_lone_surrogate", "column 2"),
        (b'["ok",\n"\\ud800\\ud800\\udc00"]', "payload_lone_surrogate", "line 2, column 2"),
        (b'{"\\uDFFF": 1}', "payload_lone_surrogate", "column 3"),
    ],
)
def test_what_is_not_strict_json_is_refused_with_its_place(raw: bytes, code: str, says: str) -> None:
    refused = refusal(raw)
    assert refused.code == code
    assert says in refused.detail


def test_the_last_allowed_byte_passes_and_the_next_does_not() -> None:
    most = b'"' + b"a" * (MAX_PAYLOAD_BYTES - 2) + b'"'
    assert len(parse(most)) == MAX_PAYLOAD_BYTES - 2
    assert refusal(most + b" ").code == "payload_too_large"


def test_a_hundred_levels_pass_and_the_next_does_not() -> None:
    parse(b"[" * 100 + b"]" * 100)
    parse(b'{"a":' * 100 + b"1" + b"}" * 100)
    assert refusal(b"[" * 101 + b"]" * 101).code == "payload_too_deep"
    assert refusal(b'{"a":[' * 51 + b"]}" * 51).code == "payload_too_deep"


def test_brackets_in_strings_are_no_levels() -> None:
    text = "[" * 200
    assert parse(f'["{text}", "\\"{text}", "\\\\"]'.encode()) == [text, f'"{text}', "\\"]


def test_siblings_are_no_levels() -> None:
    assert len(parse(b"[" + b",".join([b"[]"] * 500) + b"]")) == 500


def test_a_repeated_key_is_shown_shortened_and_escaped() -> None:
    key = "\u001b::error::" + "k" * 60
    escaped = key.replace("\u001b", "\\u001b")
    detail = refusal(f'{{"{escaped}":1,"{escaped}":2}}'.encode()).detail
    assert "\\u001b" in detail
    assert "\u001b" not in detail
    assert "k" * 31 not in detail


def test_no_content_is_shown() -> None:
    for raw in (
        b'{"password": "hunter2" ',
        b'{"password": hunter2}',
        b'["hunter2", \\ud800]',
        b'["hunter2", NaN]',
    ):
        refused = refusal(raw)
        assert "hunter2" not in refused.detail
        assert refused.__cause__ is None
        assert refused.__suppress_context__ or refused.__context__ is None


@pytest.mark.parametrize(
    "raw",
    [
        b"[" * MAX_PAYLOAD_BYTES,
        b'{"a":' * (MAX_PAYLOAD_BYTES // 5),
        b"[[" * 50 + b'"' + b'\\"' * (MAX_PAYLOAD_BYTES // 2 - 51),
        b"[" * 100 + b",[" * 100_000,
        b"[]" * (MAX_PAYLOAD_BYTES // 2),
        b"[" + b"[]," * 170_000 + b"[]]",
        b"9" * MAX_PAYLOAD_BYTES,
        b"0." + b"9" * (MAX_PAYLOAD_BYTES - 2),
        b"[" + b"1," * (MAX_PAYLOAD_BYTES // 2 - 1) + b"1",
        b'"' + b"\\ud83d\\ude00" * (MAX_PAYLOAD_BYTES // 12 - 1) + b'"',
        b'"' + b"\\\\" * (MAX_PAYLOAD_BYTES // 2 - 8) + b'\\ud800"',
        b" " * MAX_PAYLOAD_BYTES,
        b"\n" * (MAX_PAYLOAD_BYTES - 1) + b"x",
    ],
    ids=lambda raw: repr(raw[:12]),
)
def test_half_a_megabyte_of_malice_takes_no_time(raw: bytes) -> None:
    started = time.process_time()
    try:
        parse(raw)
    except JsonRefused as refused:
        assert refused.code.startswith("payload_")  # noqa: PT017 - either outcome is fine; only the time counts
    assert time.process_time() - started < 2


def test_the_oldest_python_on_a_runner_reads_it_the_same_way(old_python: str) -> None:
    script = "from zekt_action.strict_json import parse; print(parse(b'{\"a\": [1, 2.5, null]}'))"
    source = Path(__file__).parents[2] / "src"
    done = subprocess.run([old_python, "-c", script], capture_output=True, check=True, env={"PYTHONPATH": str(source)})
    assert done.stdout == b"{'a': [1, 2.5, None]}\n"
    assert sys.version_info >= (3, 11)


DEEP = b"[" * 99 + b"1" + b"]" * 99


@pytest.mark.parametrize(
    "text", [b'"[[[[[["', b'"\\\\"', b'"\\"["', b'"\\\\\\"{"', b'"]"', b'"\\u005b"', '"é[😀"'.encode()]
)
def test_a_bracket_in_a_string_opens_and_closes_nothing(text: bytes) -> None:
    """One level short of too deep, with a string that might add or hide one."""
    for raw in (b"[" + text + b"," + DEEP + b"]", b"[" + DEEP + b"," + text + b"]", b'{"k":[' + text + b"]}"):
        parse(raw)
    for raw in (b"[" + text + b",[" + DEEP + b"]]", b"[[" + DEEP + b"]," + text + b"]"):
        assert refusal(raw).code == "payload_too_deep"
