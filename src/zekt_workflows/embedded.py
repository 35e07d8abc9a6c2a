"""The expressions inside a value, `${{ … }}`, and where each stands in the file."""

from collections.abc import Iterator
from dataclasses import dataclass

from zekt_workflows import expressions
from zekt_workflows.expressions import ExpressionError, Node, Reference
from zekt_workflows.source import Place, Scalar, Source


@dataclass(frozen=True, slots=True)
class Expression:
    text: str
    """As written, without `${{` and `}}`."""
    place: Place
    """Of its `${{`; of the value, where the file writes it in a way that hides it."""
    node: Node | None
    """None where it is no expression that GitHub would take."""

    def mentioned(self) -> tuple[Reference, ...]:
        return () if self.node is None else tuple(expressions.mentioned(self.node))

    def given(self) -> tuple[tuple[Reference, bool], ...]:
        return () if self.node is None else tuple(expressions.given(self.node))


def embedded(source: Source, scalar: Scalar) -> Iterator[Expression]:
    """Every `${{ … }}` of the value, in order."""
    searched = scalar.start
    for start, end in spans(scalar.text):
        # The same number of them stands in the file, unless escapes hide some; then the last places are the value's.
        at = source.text.find("${{", searched, scalar.end)
        searched = at + 3 if at >= 0 else scalar.end
        text = scalar.text[start + 3 : end - 2]
        yield Expression(text, source.place(at) if at >= 0 else scalar.place, _node(text))


def condition(source: Source, scalar: Scalar) -> tuple[Expression, ...]:
    """What stands under `if`: one expression, in `${{ }}` or not; or text with some in it, always true. Never none."""
    if found := tuple(embedded(source, scalar)):
        return found
    # Also of a `${{` that never ends: no expression that GitHub would take.
    return (Expression(scalar.text, scalar.place, _node(scalar.text)),)


def is_mixed(scalar: Scalar) -> bool:
    """Whether there is text outside `${{ }}`, so that GitHub makes a text of the whole."""
    found = list(spans(scalar.text))
    return bool(found) and (len(found) > 1 or found[0] != (0, len(scalar.text)))


def spans(text: str) -> Iterator[tuple[int, int]]:
    """From `${{` to `}}`, both included; a `}}` inside quotes does not end it, and what never ends is none."""
    at = text.find("${{")
    while at >= 0:
        end, quoted = at + 3, False
        while end < len(text) and (quoted or text[end : end + 2] != "}}"):
            quoted ^= text[end] == "'"
            end += 1
        if end >= len(text):
            return
        yield at, end + 2
        at = text.find("${{", end + 2)


def _node(text: str) -> Node | None:
    try:
        return expressions.parse(text)
    except ExpressionError:
        return None
