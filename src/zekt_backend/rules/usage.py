"""What was used, and what it would cost by the price list."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

COUNTS = ("messages", "refused", "events", "blocked", "dispatches", "retries", "confirms", "completes", "bytes")
MOST_DAYS = 366
MOST_LINES = 10_000

_PRICES = {
    "messages": "message",
    "refused": "refused",
    "dispatches": "dispatch",
    "retries": "retry",
    "confirms": "confirm",
    "completes": "complete",
}
_GIGABYTE = 1_000_000_000


def line(row: Mapping[str, Any], prices: Mapping[Any, Decimal]) -> dict[str, Any]:
    """A row of counts with what it costs, as decimal text with six places."""
    blocked = _blocked(row["blocked"], prices)
    cost = blocked + (row["events"] - row["blocked"]) * prices.get("event", Decimal(0))
    cost += Decimal(row["bytes"]) / _GIGABYTE * prices.get("gigabyte", Decimal(0))
    cost += sum((row[count] * prices.get(item, Decimal(0)) for count, item in _PRICES.items()), Decimal(0))
    return {**row, "cost": f"{cost:.6f}", "blockedCost": f"{blocked:.6f}"}


def cost_of_blocked(count: int, prices: Mapping[Any, Decimal]) -> str:
    """What so many blocked events cost, as decimal text with six places."""
    return f"{_blocked(count, prices):.6f}"


def _blocked(count: int, prices: Mapping[Any, Decimal]) -> Decimal:
    return count * prices.get("blocked", prices.get("event", Decimal(0)))


def report(rows: list[dict[str, Any]], prices: Mapping[Any, Decimal]) -> dict[str, Any]:
    """Every line with its cost, and all of them together."""
    total = {count: sum(row[count] for row in rows) for count in COUNTS}
    return {"usage": [line(row, prices) for row in rows], "total": line(total, prices)}
