"""Waiting for what nobody tells of."""

import threading
import time
from collections.abc import Callable
from typing import TypeVar

WAIT = 120
"""Seconds until what must happen has happened, however busy the machine is. Nothing waits that long but a failure."""
_LOOKS_PER_SECOND = 20
Found = TypeVar("Found")


def until(look: Callable[[], Found | None], missing: Callable[[], str], seconds: float = WAIT) -> Found:
    """What a look finds, as soon as that is true.

    Raises:
        AssertionError: so many seconds have passed; it says what is missing.
    """
    pause, deadline = threading.Event(), time.monotonic() + seconds
    while not (found := look()):
        if time.monotonic() > deadline:
            raise AssertionError(f"{missing()}, after {seconds:.0f} s")
        pause.wait(1 / _LOOKS_PER_SECOND)
    return found
