"""How times, sizes and states read on a page."""

from datetime import datetime, timedelta

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
