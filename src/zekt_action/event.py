"""The event file of the run: what started it. Untrusted JSON. Standard library only, Python 3.9."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

from zekt_action.limits import TRACEPARENT

if TYPE_CHECKING:
    from pathlib import Path

_MAX_EVENT_BYTES = 33_554_432
"""GitHub's webhooks, of which this is one, have at most 25 MB."""

_MOST = 1_000_000

_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")


def read(path: Path | None) -> dict[str, Any]:
    """Return the event that started the run, or an empty one where there is no readable file.

    An unreadable event is an event not from Zekt: nothing of a step depends on it but where it came from.
    """
    if path is None:
        return {}
    try:
        with path.open("rb") as file:
            found = json.loads(file.read(_MAX_EVENT_BYTES))
    except (OSError, ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def envelope(event: dict[str, Any]) -> dict[str, Any] | None:
    """`client_payload.zekt`, where Zekt started the run."""
    found = member(member(event, "client_payload"), "zekt")
    return found if isinstance(found, dict) else None


def member(value: Any, name: str) -> Any:
    return value.get(name) if isinstance(value, dict) else None


def identifier(value: Any) -> str | None:
    """A correlation or delivery id that is fit for an address, a header and an output; else None."""
    return value if isinstance(value, str) and _ID.fullmatch(value) else None


def count(value: Any) -> int | None:
    """A count as the broker gives it, from 0 to a million; else None."""
    fits = isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= _MOST
    return value if fits else None


def traceparent(value: Any) -> str | None:
    """A W3C trace context, https://www.w3.org/TR/trace-context/; else None."""
    return value if isinstance(value, str) and re.fullmatch(TRACEPARENT, value) else None


def causation(event: dict[str, Any]) -> dict[str, str] | None:
    """Which delivery started this run, and in which trace: how chains across organisations are drawn."""
    found = envelope(event) or {}
    ids = {name: identifier(found.get(name)) for name in ("correlationId", "deliveryId")}
    known = {name: value for name, value in ids.items() if value}
    if not known:
        return None
    trace = traceparent(found.get("traceparent"))
    return {**known, "traceparent": trace} if trace else known


def from_fork(event: dict[str, Any], repository: str) -> bool:
    """Whether a pull request's head lies in another repository (a deleted one is null)."""
    request = member(event, "pull_request")
    if not isinstance(request, dict):
        return False
    name = member(member(member(request, "head"), "repo"), "full_name")
    return name is None or str(name).lower() != repository.lower()
