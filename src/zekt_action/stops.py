"""What ends a step from outside: the runner's cancel, and the alarm at the deadline. 3.9."""

from __future__ import annotations

import signal
from typing import Any

# SIGINT, after 7.5 s SIGTERM, after 2.5 s the end:
# https://docs.github.com/actions/reference/workflows-and-actions/workflow-cancellation
_CANCELS = (signal.SIGINT, signal.SIGTERM)


class CancelledError(BaseException):
    """The runner cancels. No `except Exception` on the way may take it for a failed try."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.exit_code = 128 + number


class AlarmError(BaseException):
    """The deadline has passed while something, a dripping answer for example, did not notice."""


def catch_cancel() -> None:
    """From now on, raise `CancelledError` once when the runner cancels."""
    for number in _CANCELS:
        signal.signal(number, _cancel)


def set_alarm(seconds: float) -> None:
    """Raise `AlarmError` after so many seconds; not on Windows, where the sockets' own limits must do."""
    if hasattr(signal, "setitimer"):
        signal.signal(signal.SIGALRM, _alarm)
        signal.setitimer(signal.ITIMER_REAL, seconds)


def ignore() -> None:
    """The end has begun: let nothing interrupt the writing of outputs."""
    if hasattr(signal, "setitimer"):
        signal.setitimer(signal.ITIMER_REAL, 0)
    for number in _CANCELS:
        signal.signal(number, signal.SIG_IGN)


def _cancel(number: int, _frame: Any) -> None:
    ignore()
    raise CancelledError(number)


def _alarm(_number: int, _frame: Any) -> None:
    raise AlarmError
