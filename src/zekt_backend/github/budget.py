"""What is left of each installation's requests of an hour, as GitHub's answers tell; kept for figures alone.

https://docs.github.com/en/rest/using-the-rest-api/rate-limits-for-the-rest-api#checking-the-status-of-your-rate-limit
"""

import threading
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

APP = 0
"""The owner of a budget is an installation, by its id, or the app itself."""

MOST = 10_000
"""Owners that are remembered, the one that was heard of longest ago leaving first."""

_HEADERS = tuple(f"x-ratelimit-{name}" for name in ("remaining", "limit", "reset"))


@dataclass(frozen=True, slots=True)
class Outlook:
    """Of all whose hour is not over yet."""

    known: int
    lowest: int | None
    """Requests left to the one that has the fewest; None where nobody is known."""
    below: int
    """Those at which the reserve is reached."""


class Budgets:
    """Any thread may use it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._left: OrderedDict[int, tuple[int, int, int]] = OrderedDict()

    def note(self, owner: int, headers: Mapping[str, str]) -> None:
        """Remember what these headers of an answer say, where they say it, and of the API's common budget."""
        low = {name.lower(): str(value).strip() for name, value in headers.items()}
        said = [low.get(name, "") for name in _HEADERS]
        numbers = [int(text) for text in said if text.isascii() and text.isdecimal() and len(text) <= 12]  # noqa: PLR2004
        if len(numbers) != len(_HEADERS) or low.get("x-ratelimit-resource", "core") != "core":
            return
        remaining, limit, reset = numbers
        with self._lock:
            self._left[owner] = (remaining, limit, reset)
            self._left.move_to_end(owner)
            if len(self._left) > MOST:
                self._left.popitem(last=False)

    def outlook(self, now: datetime, reserve: int) -> Outlook:
        """How they stand; `reserve` as in `Metered`, half of an hour's requests where that is less."""
        with self._lock:
            going = [(left, limit) for left, limit, reset in self._left.values() if reset > now.timestamp()]
        return Outlook(
            known=len(going),
            lowest=min((left for left, _ in going), default=None),
            below=sum(1 for left, limit in going if left <= min(reserve, limit // 2)),
        )
