import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from zekt_backend.rules.branches import matches

ALPHABET = "ab/"


@pytest.mark.parametrize(
    ("pattern", "branch", "fits"),
    [
        ("main", "main", True),
        ("main", "Main", False),
        ("main", "main2", False),
        ("release/*", "release/1.2", True),
        ("release/*", "release/1/2", False),
        ("release/**", "release/1/2", True),
        ("*", "feature/x", False),
        ("**", "feature/x", True),
        ("**/hotfix", "a/b/hotfix", True),
        ("**/hotfix", "hotfix", False),
        ("v*.x", "v1.x", True),
        ("v*.x", "v1.xy", False),
        ("a.c", "abc", False),
        ("a+", "aa", False),
    ],
)
def test_a_star_stops_at_a_slash_and_two_do_not(pattern: str, branch: str, fits: bool) -> None:
    assert matches(pattern, branch) is fits


@given(st.text(alphabet=ALPHABET + "*", max_size=8), st.text(alphabet=ALPHABET, max_size=8))
def test_it_agrees_with_a_regular_expression_of_the_same_meaning(pattern: str, branch: str) -> None:
    pieces = re.findall(r"\*+|[^*]", pattern)
    meaning = "".join({"*": "[^/]*"}.get(p, ".*" if p.startswith("*") else re.escape(p)) for p in pieces)
    assert matches(pattern, branch) is bool(re.fullmatch(meaning, branch))


def test_a_pattern_made_to_be_slow_is_not() -> None:
    """A backtracking matcher would not end within the life of this test."""
    assert not matches("*a" * 125, "a" * 255 + "b")
