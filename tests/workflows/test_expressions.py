"""Expressions: what they name, what of it they give, and in which ends of a job a condition lets a step run."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from zekt_workflows import expressions
from zekt_workflows.conditions import runs_in
from zekt_workflows.embedded import embedded, is_mixed
from zekt_workflows.expressions import ExpressionError, parse
from zekt_workflows.source import Place, Scalar, Source


def scalar(text: str) -> Scalar:
    return Scalar(text, Place(1, 1), 0, len(text), plain=True)


@pytest.mark.parametrize(
    ("text", "mentions", "gives"),
    [
        ("a.b", {"a.b"}, {"a.b"}),
        (" A.b-c['D e'].*[0] ", {"a.b-c.d e.*.0"}, {"a.b-c.d e.*.0"}),
        ("a[b.c].d", {"a.*.d", "b.c"}, {"a.*.d"}),
        ("a == b", {"a", "b"}, set()),
        ("a == b != c", {"a", "b", "c"}, set()),
        ("a[*].b", {"a.*.b"}, {"a.*.b"}),
        ("a && b", {"a", "b"}, {"b"}),
        ("a || b && c", {"a", "b", "c"}, {"a", "c"}),
        ("(a || b) && (c || d)", {"a", "b", "c", "d"}, {"c", "d"}),
        ("!a", {"a"}, set()),
        ("!!(a)", {"a"}, set()),
        ("contains(a, b) || startsWith(c, d)", {"a", "b", "c", "d"}, set()),
        ("format('{0}''{1}', a, fromJSON(b).c[d])", {"a", "b", "d"}, {"a", "b"}),
        ("a < 1.5e3 != b >= 0xff", {"a", "b"}, set()),
        ("'a.b' && true && null && -1 && NaN", set(), set()),
        ("hashFiles(a)", {"a"}, set()),
        ("always()", set(), set()),
    ],
)
def test_what_an_expression_names_and_what_it_gives(text: str, mentions: set[str], gives: set[str]) -> None:
    node = parse(text)
    assert {".".join(each.path) for each in expressions.mentioned(node)} == mentions
    assert {".".join(each.path) for each, _ in expressions.given(node)} == gives


@pytest.mark.parametrize(
    "text", ["", "a b", "a.", "a[", "a[1", "f(", "f(a", "(a", "a ==", "'a", "a ? b", "a.'b'", "f(,)", "()", "(" * 500]
)
def test_what_is_no_expression_is_refused(text: str) -> None:
    with pytest.raises(ExpressionError):
        parse(text)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("no ${ {a} } here $${", []),
        ("${{ a }}b${{c}}", [" a ", "c"]),
        ("${{ '}}' }} ${{ 'it''s }}' }}", [" '}}' ", " 'it''s }}' "]),
        ("${{ a", []),
        ("${{ ' }}", []),
    ],
)
def test_expressions_are_found_inside_text_as_github_finds_them(text: str, found: list[str]) -> None:
    assert [each.text for each in embedded(Source(text), scalar(text))] == found


def test_an_expression_that_escapes_hide_stands_where_its_value_does() -> None:
    source = Source('a: "$\\x7b{ b }}"')
    hidden = Scalar("${{ b }}", Place(1, 4), 3, len(source.text), plain=False)
    assert [each.place for each in embedded(source, hidden)] == [Place(1, 4)]


@pytest.mark.parametrize(
    ("text", "mixed"),
    [("a == b", False), ("${{ a }}", False), ("${{ a }} ", True), ("${{ a }}${{ b }}", True), ("x${{ a }}", True)],
)
def test_text_beside_an_expression_is_noticed(text: str, mixed: bool) -> None:
    assert is_mixed(scalar(text)) is mixed


@pytest.mark.parametrize(
    ("text", "states"),
    [
        (None, "success"),
        ("", "success"),
        ("a.b", "success"),
        ("always()", "success failure cancelled"),
        ("Always( )", "success failure cancelled"),
        ("always() && a.b == 'c'", "success failure cancelled"),
        ("always() && false", ""),
        ("success()", "success"),
        ("failure()", "failure"),
        ("cancelled()", "cancelled"),
        ("!cancelled()", "success failure"),
        ("!success()", "failure cancelled"),
        ("!(failure() || cancelled())", "success"),
        ("failure() || a", "success failure cancelled"),
        ("failure() && !a", "failure"),
        ("contains(a, 'always()')", "success"),
        ("false", ""),
        ("true", "success"),
        ("no expression", "success failure cancelled"),
    ],
)
def test_when_a_step_can_run(text: str | None, states: str) -> None:
    given = None if text is None else scalar(text)
    assert runs_in(Source(text or ""), given) == set(states.split())


_PIECES = st.sampled_from(
    ["a", ".b", "['c']", "[d]", "f(", ")", "(", "&&", "||", "!", "==", "<", ",", "'x'", "'", "1", " ", "*", ".*", "é"]
)


@given(st.lists(_PIECES, max_size=40).map("".join) | st.text(max_size=60))
def test_no_text_makes_the_parser_raise_anything_else(text: str) -> None:
    try:
        node = parse(text)
    except ExpressionError:
        return
    gives = {each.path for each, _ in expressions.given(node)}
    assert gives <= {each.path for each in expressions.mentioned(node)}
