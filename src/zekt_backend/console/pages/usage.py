"""Usage: what each account has used, by day or workflow, and what that would cost; drawn by day."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any
from urllib.parse import urlencode

from starlette.responses import Response

from zekt_backend.console import view
from zekt_backend.console.ask import Refused
from zekt_backend.console.view import Page

_WIDTH, _HEIGHT = 960, 150
"""Of the drawing, in its own units."""


@dataclass(frozen=True, slots=True)
class Bar:
    """A day of the drawing: dispatches upwards, with the blocked events beside them."""

    day: str
    x: float
    width: float
    dispatches: int
    blocked: int
    height: float
    blocked_height: float


@view.opened
async def report(page: Page) -> Response:
    asked = page.request.query_params
    wanted = {name: asked.get(name) or None for name in ("from", "to", "account")}
    wanted["by"] = "workflow" if asked.get("by") == "workflow" else "day"
    today = page.broker.clock.now().date()
    refused = None
    try:
        found = await page.api.get("/api/usage", **wanted)
    except Refused as error:
        if error.code != "body_invalid":
            raise
        # What was typed is no period: say so beside the form, with this month.
        refused, found = error, await page.api.get("/api/usage", by=wanted["by"])
    values = {
        "account": wanted["account"],
        "bars": _bars(found) if found["by"] == "day" else [],
        "periods": _periods(today, wanted),
        "width": _WIDTH,
        "height": _HEIGHT,
        "problem": refused.problem if refused else None,
    }
    return page.render("usage.html", title="Usage", status=refused.status if refused else 200, found=found, **values)


def _periods(today: date, wanted: dict[str, str | None]) -> list[tuple[str, str, bool]]:
    """Name, address, and whether it is shown."""
    month = today.replace(day=1)
    before = month - timedelta(days=1)
    spans = (
        ("This month", month, today),
        ("Last month", before.replace(day=1), before),
        ("30 days", today - timedelta(days=29), today),
        ("A year", today - timedelta(days=365), today),
    )
    kept = {name: text for name, text in wanted.items() if name in ("account", "by") and text}
    first, last = wanted["from"] or month.isoformat(), wanted["to"] or today.isoformat()
    return [
        (name, "/usage?" + urlencode({"from": since, "to": until, **kept}), (str(since), str(until)) == (first, last))
        for name, since, until in spans
    ]


def _bars(found: dict[str, Any]) -> Sequence[Bar]:
    """One for each day of the period, all accounts together."""
    first, last = date.fromisoformat(found["from"]), date.fromisoformat(found["to"])
    counted: dict[str, list[int]] = defaultdict(lambda: [0, 0])
    for line in found["usage"]:
        counted[line["day"]][0] += line["dispatches"]
        counted[line["day"]][1] += line["blocked"]
    most = max((max(pair) for pair in counted.values()), default=0)
    if not most:
        return []
    days = [str(first + timedelta(days=number)) for number in range((last - first).days + 1)]
    step = _WIDTH / len(days)
    return [
        Bar(
            day,
            round(number * step, 2),
            round(step * 0.4, 2),
            *counted[day],
            *(round(count / most * _HEIGHT, 2) for count in counted[day]),
        )
        for number, day in enumerate(days)
    ]
