"""Where the boxes and curves of a drawing of connections go. Pure: it knows no page and no HTML."""

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import Any

_STATES = ("critical", "warning", "healthy", "")
"""The worst first; of several connections that share a box or a curve, the worst is shown."""
_TITLES = ("Provider", "Workflow", "Service", "Consumer")
WIDTH, _BOX, _HIGH, _APART, _TOP = 1000, 196, 40, 12, 34
_STEP = (WIDTH - _BOX) / (len(_TITLES) - 1)
_MOST_LETTERS = 25
"""What fits into a box; all of it stands in its title."""


@dataclass(slots=True)
class Box:
    """A rectangle with a text; a number of pixels each. `path`: what a click opens."""

    x: float
    y: float
    text: str
    path: str
    state: str

    @property
    def cut(self) -> str:
        text = self.text
        return text if len(text) <= _MOST_LETTERS else "…" + text[-_MOST_LETTERS + 1 :]


@dataclass(frozen=True, slots=True)
class Curve:
    """From one box to the next; `path` only where it is one connection's."""

    line: str
    state: str
    path: str
    text: str


@dataclass(frozen=True, slots=True)
class Drawing:
    height: float
    columns: tuple[tuple[float, str], ...]
    """Where each begins, and its title."""
    boxes: tuple[Box, ...]
    curves: tuple[Curve, ...]
    width: float = WIDTH
    box: float = _BOX
    high: float = _HIGH


def draw(connections: Sequence[dict[str, Any]]) -> Drawing:
    """Four columns, as GET /api/connections has them. Those with the same provider and service stand together."""
    ordered = sorted(connections, key=lambda each: [str(key) for key, _, _ in _places(each)])
    columns: list[dict[Hashable, Box]] = [{} for _ in _TITLES]
    curves: dict[tuple[Box, Box] | Hashable, Curve] = {}
    for connection in ordered:
        for number, (key, text, path) in enumerate(_places(connection)):
            box = columns[number].setdefault(key, Box(number * _STEP, 0, text, path, ""))
            box.state = _worst(box.state, connection["state"] or "")
    height = _spread(columns)
    for connection in ordered:
        keys = [key for key, _, _ in _places(connection)]
        state = connection["state"] or ""
        for number in range(len(_TITLES) - 1):
            begin, end = columns[number][keys[number]], columns[number + 1][keys[number + 1]]
            last = number == len(_TITLES) - 2
            name = (number, keys[number], keys[number + 1])
            before = curves[name].state if name in curves else ""
            curves[name] = Curve(
                _line(begin, end),
                _worst(before, state),
                f"/connections/{connection['id']}" if last else "",
                f"{connection['serviceAlias']} to {connection['consumer']['repository']}: {state}",
            )
    titles = tuple((number * _STEP, title) for number, title in enumerate(_TITLES))
    boxes = tuple(box for column in columns for box in column.values())
    # The worst lie on top of the others.
    return Drawing(height, titles, boxes, tuple(sorted(curves.values(), key=lambda c: -_STATES.index(c.state))))


def _places(connection: dict[str, Any]) -> tuple[tuple[Hashable, str, str], ...]:
    """Of each column: what makes a box the same as another's, its text, what it opens.

    Services whose provider hides share no box: nobody is to learn that they have the same.
    """
    provider, service, consumer = connection["provider"], connection["service"], connection["consumer"]
    own = "provider" in connection["sides"]
    deliveries = "/provider/deliveries" if own else "/consumer/deliveries"
    of_service = f"{deliveries}?service={service}"
    described = f"/provider/services/{service}" if own else f"/directory/{service}"
    if provider is None:
        first = (("hidden", service), "Hidden provider", described)
        second: tuple[Hashable, str, str] = (("hidden", service), "hidden", described)
    else:
        repository, workflow = provider["repository"], provider["workflow"]
        first = (("repository", repository), repository, of_service)
        second = (("workflow", repository, workflow), workflow.rpartition("/")[2], of_service)
    to = consumer["repository"]
    return (
        first,
        second,
        (("service", service), connection["serviceAlias"], described),
        (("consumer", to), to, f"{deliveries}?consumer={to}"),
    )


def _spread(columns: list[dict[Hashable, Box]]) -> float:
    """Each column's boxes, in the middle of the height that the fullest column needs; that height."""
    most = max(len(column) for column in columns)
    height = _TOP + most * (_HIGH + _APART)
    for column in columns:
        begin = _TOP + (most - len(column)) * (_HIGH + _APART) / 2
        for number, box in enumerate(column.values()):
            box.y = begin + number * (_HIGH + _APART)
    return height


def _line(begin: Box, end: Box) -> str:
    """An SVG path of a curve that leaves and arrives level."""
    x1, y1, x2, y2 = begin.x + _BOX, begin.y + _HIGH / 2, end.x, end.y + _HIGH / 2
    middle = (x1 + x2) / 2
    return f"M{x1:.0f} {y1:.0f} C{middle:.0f} {y1:.0f} {middle:.0f} {y2:.0f} {x2:.0f} {y2:.0f}"


def _worst(one: str, other: str) -> str:
    return min(one, other, key=_STATES.index)
