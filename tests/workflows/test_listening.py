"""What a workflow file listens for: every form GitHub documents, and no file that could hurt its reader."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from zekt_workflows.errors import MAX_BYTES
from zekt_workflows.listening import Listening, listening

ALL = Listening(dispatch=True)
NONE = Listening(dispatch=False)


_LAUGHS = "\n".join(
    [
        "a0: &a0 [x, x]",
        *[f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 60)],
        "on: {repository_dispatch: {types: [order]}}",
    ]
)


def only(*types: str) -> Listening:
    return Listening(dispatch=True, types=types)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("on: repository_dispatch", ALL),
        ("'on': repository_dispatch", ALL),
        ('"on": [push, repository_dispatch]', ALL),
        ("on:\n- push\n- repository_dispatch", ALL),
        ("on:\n  repository_dispatch:", ALL),
        ("on:\n  repository_dispatch: null\n  push:", ALL),
        ("on: {repository_dispatch: {}}", ALL),
        ("on:\n  repository_dispatch:\n    types: order", only("order")),
        ("on:\n  repository_dispatch:\n    types: [order, 'two words']", only("order", "two words")),
        ("on:\n  repository_dispatch:\n    types:\n    - order\n    - 1.0\n    - true",
         only("order", "1.0", "true")),
        ("on: {repository_dispatch: {types: []}}", only()),
        ("x: &t [a, b]\non: {repository_dispatch: {types: *t}}", only("a", "b")),
        ("\ufeffon: repository_dispatch", ALL),
        ("on: push", NONE),
        ("on: [push]", NONE),
        ("on: {push: {branches: [repository_dispatch]}}", NONE),
        ("on: repository-dispatch", NONE),
        ("on: {workflow_dispatch: {}}\njobs: {on: repository_dispatch}", NONE),
    ],
)  # fmt: skip
def test_every_documented_form_is_read(text: str, expected: Listening) -> None:
    assert listening(text) == expected


@pytest.mark.parametrize(
    ("text", "why"),
    [
        (_LAUGHS, "too many parts"),
        ("", "it is empty"),
        ("# only a comment", "it is empty"),
        ("jobs: {}", "no key `on`"),
        ("true: repository_dispatch", "no key `on`"),
        ("on: push\non: repository_dispatch", "line 2: the key `on` stands twice"),
        ("- on: push", "line 1: here should be keys and values"),
        ("on:\n  repository_dispatch: yes", "line 2: here should be keys and values"),
        ("on: {repository_dispatch: {types: {a: b}}}", "a word or a list of words"),
        ("on: {repository_dispatch: {types: [[a]]}}", "a word or a list of words"),
        ("on: {repository_dispatch: {types: null}}", "a word or a list of words"),
        ("on: [push\njobs", "line 2: it is no YAML"),
        ("on: *nowhere", "line 1: it is no YAML"),
        ("on: push\n---\non: push", "line 2: it is no YAML"),
        ("on: a\x1bb", "control characters"),
        ("on: a\0b", "control characters"),
        ("on: &a [*a]", "it contains itself"),
        ("[" * 100_000, "nested too deeply"),
        ("- " * 60_000, "nested too deeply"),
        ("on: [" + "a," * 30_000 + "]", "too many parts"),
        ("#" * (MAX_BYTES + 1), "larger than 131,072 bytes"),
        ("#" + "é" * (MAX_BYTES // 2), "larger than 131,072 bytes"),
    ],
)  # fmt: skip
def test_what_cannot_be_read_says_why_and_counts_as_not_listening(text: str, why: str) -> None:
    found = listening(text)
    assert not found.dispatch
    assert why in found.unreadable


def test_a_full_file_of_anything_is_read_in_time() -> None:
    """Not a measure of speed: what grows faster than the file would take minutes, and this generous bound none."""
    started = time.process_time()
    for piece in (
        "{",
        "? ",
        "a: ",
        "a:\n",
        "[{a: ",
        "'",
        '"\\',
        "|\n ",
        "!!x ",
        "&a ",
        "*a ",
        "\t",
        "a\n",
        "-\n",
        "%",
        "@",
    ):
        listening((piece * MAX_BYTES)[:MAX_BYTES])
    assert time.process_time() - started < 120


@given(st.text(max_size=300))
def test_no_text_makes_it_raise(text: str) -> None:
    assert isinstance(listening(text), Listening)


_WORDS = st.sampled_from(
    ["on", "repository_dispatch", "types", ":", " ", "\n", "  ", "-", "[", "]", "{", "}", ",", "&a", "*a", "<<", "'",
     '"', "|", ">", "?", "!!set", "!!binary", "%YAML 1.1", "---", "...", "null", "order", "#", "\t", "\\", "é", "😀"]
)  # fmt: skip


@given(st.lists(_WORDS, max_size=60).map("".join))
def test_nothing_that_looks_like_yaml_makes_it_raise(text: str) -> None:
    found = listening(text)
    assert isinstance(found, Listening)
    assert not (found.dispatch and found.unreadable)


@given(st.lists(st.text("abc-_ ü😀'\"\\:#*&", min_size=1).filter(str.strip), max_size=5))
def test_what_was_written_as_a_list_of_strings_is_read_back(types: list[str]) -> None:
    quoted = ", ".join("'" + each.replace("'", "''") + "'" for each in types)
    assert listening(f"on: {{repository_dispatch: {{types: [{quoted}]}}}}") == only(*types)


@pytest.mark.parametrize(
    ("heard", "exactly", "nearly"),
    [
        (ALL, True, False),
        (NONE, False, False),
        (only("order"), True, False),
        (only("Order"), False, True),
        (only("ord*"), False, True),
        (only("orders"), False, False),
        (only(), False, False),
    ],
)
def test_only_the_very_name_is_heard(heard: Listening, exactly: bool, nearly: bool) -> None:
    assert (heard.hears("order"), heard.nearly_hears("order")) == (exactly, nearly)
