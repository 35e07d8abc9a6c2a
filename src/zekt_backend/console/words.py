"""How times, sizes and states read on a page."""

import json
from datetime import datetime, timedelta
from typing import Any

_UNITS = ((86_400, "d"), (3_600, "h"), (60, "min"), (1, "s"))


def moment(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None


def ago(text: str | None, now: datetime) -> str:
    """`3 min ago`, `in 2 h`; an em dash where there is no time."""
    at = moment(text)
    if at is None:
        return "—"
    seconds = (now - at).total_seconds()
    if abs(seconds) < 1:
        return "now"
    length = span(timedelta(seconds=abs(seconds)))
    return f"{length} ago" if seconds > 0 else f"in {length}"


def past(text: str, now: datetime) -> bool:
    return datetime.fromisoformat(text) <= now


def span(length: timedelta) -> str:
    """The largest unit that fits: `45 s`, `2 h`, `13 d`."""
    seconds = int(length.total_seconds())
    for size, unit in _UNITS:
        if seconds >= size:
            return f"{seconds // size} {unit}"
    return "0 s"


def milliseconds(value: float | None) -> str:
    """`85 ms`, `1.3 s`, `4 min`."""
    if value is None:
        return "—"
    if value < 1_000:  # noqa: PLR2004 — a second
        return f"{value:.0f} ms"
    return f"{value / 1000:.1f} s" if value < 60_000 else span(timedelta(milliseconds=value))  # noqa: PLR2004


def seconds(value: float | None) -> str:
    """A length of time that is given in seconds: `30 min`."""
    return "—" if value is None else span(timedelta(seconds=value))


def exact(text: str | None) -> str:
    """`2026-11-21 12:03:44 UTC`."""
    at = moment(text)
    return f"{at:%Y-%m-%d %H:%M:%S} UTC" if at else ""


def size(count: int | None) -> str:
    """Bytes: `312 B`, `41.2 KB`, `1.3 MB` (1 KB is 1,024)."""
    if count is None:
        return "—"
    for factor, unit in ((1_048_576, "MB"), (1_024, "KB")):
        if count >= factor:
            return f"{count / factor:.1f} {unit}"
    return f"{count} B"


def number(count: int | None) -> str:
    return "—" if count is None else f"{count:,}"


def percent(value: float) -> str:
    """`98 %`, `97.99 %`: cut off, never rounded up to a boundary that was not reached."""
    return f"{value:.2f}".rstrip("0").rstrip(".") + " %"


def web(address: str | None) -> str | None:
    """An address that a link may lead to: of the web, and of nothing that a browser would run."""
    return address if address and address.startswith(("https://", "http://")) else None


def as_json(value: Any) -> str:
    """Any JSON as text to be read, one member to a line."""
    return json.dumps(value, indent=2, ensure_ascii=False)


def cost(text: str) -> str:
    """Decimal text without the zeros that say nothing: `0.0042`, `12.50`."""
    whole, _, places = text.partition(".")
    return f"{int(whole):,}.{places.rstrip('0'):0<2}"
