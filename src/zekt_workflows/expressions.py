"""GitHub's expressions, as far as the linter must understand them: what they name, and what of it they give back.

https://docs.github.com/en/actions/reference/workflows-and-actions/expressions
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

_MAX_DEPTH = 50
"""GitHub's own bound."""

_TOKEN = re.compile(
    r"""\s*(?:
    (?P<string>'(?:[^']|'')*')
  | (?P<number>[-+]?(?:0x[0-9a-fA-F]+|0o[0-7]+|\d+(?:\.\d*)?(?:[eE][-+]?\d+)?|\.\d+|(?:Infinity|NaN)\b))
  | (?P<name>[A-Za-z_][A-Za-z0-9_-]*)
  | (?P<sign>&&|\|\||==|!=|<=|>=|[<>!()\[\].,*])
    )""",
    re.VERBOSE,
)
_RANKS = ({"||"}, {"&&"}, {"==", "!="}, {"<", "<=", ">", ">="})
_LITERALS = {"true": True, "false": False, "null": None}
_NO_TEXT = frozenset(
    {"contains", "startswith", "endswith", "hashfiles", "success", "failure", "always", "cancelled"}
)  # fmt: skip
"""Functions whose answer has nothing of their arguments' text."""


@dataclass(frozen=True, slots=True)
class Literal:
    value: str | bool | None
    """Numbers as they are written."""


@dataclass(frozen=True, slots=True)
class Reference:
    """`github.event.client_payload['x']` is `("github", "event", "client_payload", "x")`."""

    path: tuple[str, ...]
    """In lower case, as GitHub does not tell the difference; `*` is what only a run knows."""
    indexes: tuple["Node", ...] = ()


@dataclass(frozen=True, slots=True)
class Part:
    """What is taken out of something that is no name: `fromJSON(x).y`."""

    whole: "Node"
    indexes: tuple["Node", ...]


@dataclass(frozen=True, slots=True)
class Call:
    name: str
    arguments: tuple["Node", ...]


@dataclass(frozen=True, slots=True)
class Operation:
    sign: str
    operands: tuple["Node", ...]


Node = Literal | Reference | Part | Call | Operation


class ExpressionError(ValueError):
    """GitHub would not take it either."""


@lru_cache(maxsize=2048)
def parse(text: str) -> Node:
    """What stands between `${{` and `}}`.

    Raises:
        ExpressionError: it is none.
    """
    return _Parser(text).whole()


class _Parser:
    def __init__(self, text: str) -> None:
        self._tokens = list(_tokens(text))
        self._next = 0
        self._depth = 0

    def whole(self) -> Node:
        node = self._operation(0)
        if self._next < len(self._tokens):
            raise ExpressionError("something is left over")
        return node

    def _operation(self, rank: int) -> Node:
        if rank == len(_RANKS):
            return self._unary()
        self._depth += 1
        if self._depth > _MAX_DEPTH * (len(_RANKS) + 1):
            raise ExpressionError("nested too deeply")
        node = self._operation(rank + 1)
        operands, sign = [node], ""
        while (here := self._sign()) in _RANKS[rank]:
            self._next += 1
            if sign and here != sign:
                operands = [Operation(sign, tuple(operands))]
            sign = here
            operands.append(self._operation(rank + 1))
        self._depth -= 1
        return Operation(sign, tuple(operands)) if sign else node

    def _unary(self) -> Node:
        signs = 0
        while self._sign() == "!":
            self._next += 1
            signs += 1
        node = self._postfix()
        if signs:
            node = Operation("!", (node,))
        return Operation("!", (node,)) if signs > 1 and signs % 2 == 0 else node

    def _postfix(self) -> Node:
        start = self._primary()
        path: list[str] = []
        indexes: list[Node] = []
        while (sign := self._sign()) in (".", "["):
            self._next += 1
            if sign == ".":
                path.append(self._member())
            elif self._sign() == "*":
                self._next += 1
                self._expect("]")
                path.append("*")
            else:
                index = self._operation(0)
                self._expect("]")
                path.append(str(index.value).lower() if isinstance(index, Literal) else "*")
                indexes.append(index)
        if isinstance(start, Reference):
            return Reference((*start.path, *path), tuple(indexes))
        return Part(start, tuple(indexes)) if path else start

    def _member(self) -> str:
        if self._sign() == "*":
            self._next += 1
            return "*"
        kind, text = self._take()
        if kind != "name":
            raise ExpressionError("a name is missing")
        return text.lower()

    def _primary(self) -> Node:
        kind, text = self._take()
        if kind == "string":
            return Literal(text[1:-1].replace("''", "'"))
        if kind == "number":
            return Literal(text)
        if text == "(":
            node = self._operation(0)
            self._expect(")")
            return node
        if kind != "name":
            raise ExpressionError("a value is missing")
        if self._sign() == "(":
            self._next += 1
            return Call(text.lower(), tuple(self._arguments()))
        return Literal(_LITERALS[text]) if text in _LITERALS else Reference((text.lower(),))

    def _arguments(self) -> Iterator[Node]:
        if self._sign() == ")":
            self._next += 1
            return
        while True:
            yield self._operation(0)
            if self._sign() != ",":
                break
            self._next += 1
        self._expect(")")

    def _sign(self) -> str:
        kind, text = self._tokens[self._next] if self._next < len(self._tokens) else ("", "")
        return text if kind == "sign" else ""

    def _take(self) -> tuple[str, str]:
        if self._next >= len(self._tokens):
            raise ExpressionError("it ends too soon")
        self._next += 1
        return self._tokens[self._next - 1]

    def _expect(self, sign: str) -> None:
        if self._sign() != sign:
            raise ExpressionError(f"{sign} is missing")
        self._next += 1


def _tokens(text: str) -> Iterator[tuple[str, str]]:
    at, end = 0, len(text.rstrip())
    while at < end:
        found = _TOKEN.match(text, at)
        if found is None or found.lastgroup is None:
            raise ExpressionError("it has a character that no expression has")
        at = found.end()
        yield found.lastgroup, found[found.lastgroup]


def mentioned(node: Node) -> Iterator[Reference]:
    """Everything that is looked at, for whatever purpose."""
    return (each for each in _within(node) if isinstance(each, Reference))


def mentioned_calls(node: Node) -> Iterator[str]:
    """The names of all functions in it, in lower case."""
    return (each.name for each in _within(node) if isinstance(each, Call))


def _within(node: Node) -> Iterator[Node]:
    todo = [node]
    while todo:
        here = todo.pop()
        yield here
        if isinstance(here, Reference):
            todo += here.indexes
        elif isinstance(here, Part):
            todo += (here.whole, *here.indexes)
        elif isinstance(here, Call):
            todo += here.arguments
        elif isinstance(here, Operation):
            todo += here.operands


def given(node: Node, *, as_json: bool = False) -> Iterator[tuple[Reference, bool]]:
    """What can be part of the text that comes out, and whether `toJSON` makes all that is below it part of that.

    A comparison gives true or false, whatever it compares; `a && b` gives b, or an `a` that is empty.
    """
    if isinstance(node, Reference):
        yield node, as_json
    elif isinstance(node, Part):
        yield from given(node.whole, as_json=as_json)
    elif isinstance(node, Call) and node.name not in _NO_TEXT:
        for argument in node.arguments:
            yield from given(argument, as_json=as_json or node.name == "tojson")
    elif isinstance(node, Operation) and node.sign in ("&&", "||"):
        for operand in node.operands[-1:] if node.sign == "&&" else node.operands:
            yield from given(operand, as_json=as_json)


def reaches(reference: Reference, target: tuple[str, ...], *, as_json: bool = False) -> bool:
    """Whether it names the target or something below it; with `as_json`, also something above."""
    path = reference.path
    if len(path) < len(target) and not as_json:
        return False
    return all(here in (there, "*") or there == "*" for here, there in zip(path, target, strict=False))
