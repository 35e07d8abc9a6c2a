"""GitHub's rate limits, for each installation by itself. Off until a test switches one on."""

import math
import threading
import time
from collections import defaultdict, deque
from dataclasses import dataclass, field

from zekt_sandbox.refusals import Refused

HOUR_SECONDS = 3600.0
SHOWN_PER_HOUR = 5000
"""What `x-ratelimit-limit` says while nothing is limited."""

POINTS = {"GET": 1, "HEAD": 1, "OPTIONS": 1}
"""What a request costs of the points per minute; any other method costs 5."""
WRITE_POINTS = 5

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


@dataclass(slots=True)
class _Sliding:
    """What was counted in the last `length` seconds, whenever one looks: (when, how much), oldest first."""

    length: float
    counted: deque[tuple[float, int]] = field(default_factory=deque)
    total: int = 0

    def wait(self, limit: float, more: int, now: float) -> float:
        """Seconds until `more` may fit under the limit; 0 now."""
        while self.counted and self.counted[0][0] + self.length <= now:
            self.total -= self.counted.popleft()[1]
        if self.total + more <= limit:
            return 0.0
        return self.counted[0][0] + self.length - now if self.counted else self.length

    def count(self, more: int, now: float) -> None:
        self.counted.append((now, more))
        self.total += more


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
    """As https://docs.github.com/rest/using-the-rest-api/rate-limits-for-the-rest-api has them.

    The hour of `requests_per_hour` begins with its first request and ends as a whole, as GitHub's reset tells. All else
    slides, which is the strictest that the words "per minute" and "per hour" can mean. What is refused is not counted.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.set()

    def set(
        self,
        *,
        requests_per_hour: int | None = None,
        content_per_minute: int | None = None,
        content_per_hour: int | None = None,
        points_per_minute: int | None = None,
        concurrent: int | None = None,
        hour_seconds: float = HOUR_SECONDS,
        minute_seconds: float = 60.0,
    ) -> None:
        """Switch limits on (a number) or off (None), and begin to count anew.

        Args:
            requests_per_hour: any request; GitHub's is 5,000 or more.
            content_per_minute: POST, PUT, PATCH and DELETE; GitHub's is 80.
            content_per_hour: the same; GitHub's is 500.
            points_per_minute: 1 for a request that reads, 5 for any other; GitHub's is 900.
            concurrent: requests at the same time; GitHub's is 100.
            hour_seconds: how long the hour is, for tests in a hurry.
            minute_seconds: how long the minute is.
        """
        with self._lock:
            self._per_hour, self._concurrent = requests_per_hour, concurrent
            self._content = [
                (content_per_minute or math.inf, minute_seconds),
                (content_per_hour or math.inf, hour_seconds),
            ]
            self._points = (points_per_minute or math.inf, minute_seconds)
            self._hour_seconds = hour_seconds
            self._hours: dict[int, _Window] = {}
            self._sliding: dict[int, list[_Sliding]] = {}
            self._running: defaultdict[int, int] = defaultdict(int)

    def enter(self, installation_id: int, method: str) -> None:
        """Count a request that begins; each needs its `leave`, unless it was refused here.

        Raises:
            Refused: 403, with the headers that say when to come back.
        """
        with self._lock:
            hour = self._hours.setdefault(installation_id, _Window(self._hour_seconds))
            if hour.count() > (self._per_hour or math.inf):
                raise primary_refusal(self._per_hour or 0, hour.reset, f"installation ID {installation_id}")
            if self._running[installation_id] >= (self._concurrent or math.inf):
                raise secondary_refusal(1)
            self._slide(installation_id, POINTS.get(method, WRITE_POINTS))
            self._running[installation_id] += 1

    def _slide(self, installation_id: int, points: int) -> None:
        """Count against everything that slides, or against nothing."""
        now = time.time()
        limits = [(*self._points, points), *((*each, int(points == WRITE_POINTS)) for each in self._content)]
        windows = self._sliding.setdefault(installation_id, [_Sliding(length) for _, length, _ in limits])
        wait = max(window.wait(limit, more, now) for window, (limit, _, more) in zip(windows, limits, strict=True))
        if wait > 0:
            raise secondary_refusal(wait)
        for window, (limit, _, more) in zip(windows, limits, strict=True):
            if more and limit < math.inf:
                window.count(more, now)

    def leave(self, installation_id: int) -> None:
        with self._lock:
            self._running[installation_id] = max(0, self._running[installation_id] - 1)

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
