"""Trying again: when, how long, and when to stop. Standard library only, Python 3.9."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from email.utils import parsedate_to_datetime

from zekt_action.errors import ActionError, UnheardError
from zekt_action.transport import Answer, NoAnswerError

_FIRST_WAIT = 0.5
_LONGEST_WAIT = 8.0
_LONGEST_TRY = 20.0
"""Seconds. A try that hangs must leave time for the next one."""


class Deadline:
    """The one moment by which everything is over; every try and every wait is cut to it."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self._started = time.monotonic()

    @property
    def left(self) -> float:
        return self._started + self.seconds - time.monotonic()

    def for_one_try(self) -> float:
        """Seconds one exchange may take.

        Raises:
            UnheardError: `deadline`, when nothing is left.
        """
        if self.left <= 0:
            raise UnheardError("deadline", f"The {self.seconds:g} s of `timeout-seconds` have passed.")
        return min(self.left, _LONGEST_TRY)


def keep_trying(
    attempt: Callable[[], Answer], *, most: int, deadline: Deadline, tell: Callable[[str], None]
) -> tuple[Answer, int]:
    """Repeat until an answer is final, and return it with the number of tries.

    Connection errors, 408, 425, 429 and 5xx are tried again, with jitter and as `Retry-After` asks.

    Raises:
        UnheardError: `backend_unreachable`, `oidc_unreachable`, `backend_unavailable` or `deadline`.
        ActionError: what `attempt` raises.
    """
    for number in range(1, most + 1):
        try:
            answer = attempt()
            if not answer.temporary:
                return answer, number
            failure, asked = ActionError("backend_unavailable", _said(answer)), _retry_after(answer)
        except NoAnswerError as error:
            failure, asked = ActionError(error.code, f"{error}."), None
        wait = _wait(number, asked)
        if number == most or wait >= deadline.left:
            raise _given_up(failure, number, wait, deadline)
        tell(f"Try {number} of {most}: {failure.detail} Again in {wait:.1f} s.")
        time.sleep(wait)
    raise AssertionError("at least one try is made")  # pragma: no cover - `most` is 1 or more


def _said(answer: Answer) -> str:
    """The status, and the broker's own words where it found some."""
    text = answer.json().get("detail")
    words = f": {text[:300]}" if isinstance(text, str) and text else "."
    return f"The broker answered HTTP {answer.status}{words}"


def _wait(number: int, asked: float | None) -> float:
    """Seconds until the next try: doubling, or what the broker asked for if that is longer; spread at random."""
    base = max(asked or 0.0, min(_FIRST_WAIT * 2.0 ** (number - 1), _LONGEST_WAIT))
    return base * (1 + 0.2 * random.random())  # noqa: S311 - spreads load, guards nothing


def _retry_after(answer: Answer) -> float | None:
    """`Retry-After` in seconds; it is a number, or a date (RFC 9110, 10.2.3)."""
    value = answer.headers.get("retry-after", "").strip()
    if value.isascii() and value.isdigit():
        return float(value[:9])
    try:
        return max(0.0, parsedate_to_datetime(value).timestamp() - time.time()) if value else None
    except (ValueError, TypeError, OverflowError):
        return None


def _given_up(failure: ActionError, number: int, wait: float, deadline: Deadline) -> UnheardError:
    tries = "1 try" if number == 1 else f"{number} tries"
    detail = f"{failure.detail} Given up after {tries} in {deadline.seconds - deadline.left:.1f} s."
    if wait >= deadline.left:
        detail += f" The next one, in {wait:.0f} s, would be too late: {deadline.seconds:g} s are allowed."
    return UnheardError(failure.code, detail)
