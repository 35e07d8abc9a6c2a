"""GitHub's rate limits, for each installation by itself. Off until a test switches one on."""

import math
import threading
import time
from dataclasses import dataclass, field

from zekt_sandbox.refusals import Refused

HOUR_SECONDS = 3600.0
SHOWN_PER_HOUR = 5000
"""What `x-ratelimit-limit` says while nothing is limited."""

SECONDARY = "You have exceeded a secondary rate limit. Please wait a few minutes before you try again."


@dataclass(slots=True)
class _Window:
    """Requests counted since `started`, over `length` seconds."""

    length: float
    started: float = field(default_factory=time.time)
    used: int = 0

    @property
    def reset(self) -> float:
        return self.started + self.length

    def count(self) -> int:
        now = time.time()
        if now >= self.reset:
            self.started, self.used = now, 0
        self.used += 1
        return self.used


def primary_refusal(limit: int, reset: float, who: str, status: int = 403) -> Refused:
    """The hourly limit's answer: nothing remains until `reset` (epoch seconds)."""
    headers = {
        "x-ratelimit-limit": str(limit),
        "x-ratelimit-remaining": "0",
        "x-ratelimit-used": str(limit),
        "x-ratelimit-reset": str(math.ceil(reset)),
        "x-ratelimit-resource": "core",
    }
    return Refused(status, f"API rate limit exceeded for {who}.", headers)


def secondary_refusal(seconds: float, status: int = 403) -> Refused:
    """A secondary limit's answer, which names seconds to wait."""
    return Refused(status, SECONDARY, {"retry-after": str(max(1, math.ceil(seconds)))})


class Limits:
    """As https://docs.github.com/rest/using-the-rest-api/rate-limits-for-the-rest-api has them."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.set()

    def set(
        self,
        *,
        requests_per_hour: int | None = None,
        content_per_minute: int | None = None,
        concurrent: int | None = None,
        hour_seconds: float = HOUR_SECONDS,
        minute_seconds: float = 60.0,
    ) -> None:
        """Switch limits on (a number) or off (None), and begin to count anew.

        Args:
            requests_per_hour: any request.
            content_per_minute: POST, PUT, PATCH and DELETE.
            concurrent: requests at the same time.
            hour_seconds: how long the hour is, for tests in a hurry.
            minute_seconds: how long the minute is.
        """
        with self._lock:
            self._per_hour, self._per_minute, self._concurrent = (
                requests_per_hour,
                content_per_minute,
                concurrent,
            )
            self._hour_seconds, self._minute_seconds = hour_seconds, minute_seconds
            self._hours: dict[int, _Window] = {}
            self._minutes: dict[int, _Window] = {}
            self._running: dict[int, int] = {}

    def enter(self, installation_id: int, method: str) -> None:
        """Count a request that begins; each needs its `leave`, unless it was refused here.

        Raises:
            Refused: 403, with the headers that say when to come back.
        """
        with self._lock:
            hour = self._hours.setdefault(installation_id, _Window(self._hour_seconds))
            if hour.count() > (self._per_hour or math.inf):
                raise primary_refusal(self._per_hour or 0, hour.reset, f"installation ID {installation_id}")
            minute = self._minutes.setdefault(installation_id, _Window(self._minute_seconds))
            if method != "GET" and minute.count() > (self._per_minute or math.inf):
                raise secondary_refusal(minute.reset - time.time())
            running = self._running.get(installation_id, 0)
            if running >= (self._concurrent or math.inf):
                raise secondary_refusal(1)
            self._running[installation_id] = running + 1

    def leave(self, installation_id: int) -> None:
        with self._lock:
            self._running[installation_id] = max(0, self._running.get(installation_id, 0) - 1)

    def headers(self, installation_id: int | None) -> dict[str, str]:
        """`x-ratelimit-*` as they stand now."""
        with self._lock:
            limit = self._per_hour or SHOWN_PER_HOUR
            hour = self._hours.get(installation_id or 0) or _Window(self._hour_seconds)
            used = min(hour.used, limit)
            return {
                "x-ratelimit-limit": str(limit),
                "x-ratelimit-remaining": str(limit - used),
                "x-ratelimit-used": str(used),
                "x-ratelimit-reset": str(math.ceil(hour.reset)),
                "x-ratelimit-resource": "core",
            }
