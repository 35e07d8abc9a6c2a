"""A chain across organisations: what a run was caused by and all that followed, each hop with its times."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import quote

from starlette.responses import Response

from zekt_backend.console import view, words
from zekt_backend.console.view import Page

# Of each stretch: where it begins and ends, its length, and what it is called.
_STRETCHES = (
    ("messageReceivedAt", "eventReceivedAt", "toEvent", "run"),
    ("eventReceivedAt", "decidedAt", "toDecision", "decision"),
    ("decidedAt", "dispatchedAt", "toDispatch", "dispatch"),
    ("dispatchedAt", "confirmedAt", "toConfirm", "confirm"),
    ("confirmedAt", "completedAt", "toComplete", "complete"),
)
_WIDE = 300.0
_LEAST = 2.0
"""Pixels of a drawing, and of the shortest stretch that is seen on it."""
_DEEPEST = 6
"""So far hops are indented: what is deeper stands below that."""


@dataclass(frozen=True, slots=True)
class Bar:
    x: float
    width: float
    name: str


@view.opened
async def trace(page: Page) -> Response:
    found = await page.api.get("/api/traces/" + quote(page.request.path_params["correlation_id"], safe=""))
    begin, end = words.moment(found["startedAt"]), words.moment(found["endedAt"])
    return page.render(
        "trace.html",
        title=f"Chain of run {found['correlationId']}",
        trace=found,
        hops=[(hop, min(hop["depth"], _DEEPEST), _bars(hop, begin, end), _told(hop)) for hop in found["hops"]],
        stretches=[name for *_, name in _STRETCHES],
        wide=_WIDE,
    )


def _bars(hop: dict[str, Any], begin: datetime | None, end: datetime | None) -> list[Bar]:
    """What of a hop's way is known, on the time of the whole chain."""
    if begin is None or end is None or begin == end:
        return []
    scale = _WIDE / (end - begin).total_seconds()
    bars = []
    for first, last, _, name in _STRETCHES:
        left, right = words.moment(hop[first]), words.moment(hop[last])
        if left is None or right is None or right < left:
            continue
        x = min((left - begin).total_seconds() * scale, _WIDE - _LEAST)
        bars.append(Bar(round(x, 1), round(max((right - left).total_seconds() * scale, _LEAST), 1), name))
    return bars


def _told(hop: dict[str, Any]) -> str:
    """`run 85 ms, dispatch 120 ms`: the same in words."""
    lengths = hop["durations"]
    known = ((name, lengths[length]) for _, _, length, name in _STRETCHES if lengths[length] is not None)
    return ", ".join(f"{name} {words.milliseconds(length)}" for name, length in known)
