"""Ids of deliveries and messages: of one process, later ones are greater, so that new rows stand together in an index.

UUIDs of version 7, of which Python has none before 3.14; a library for it is a megabyte in each process.
"""

import secrets
import time
from uuid import UUID

_SLOT = 4096
"""Steps of a millisecond: what 12 bits hold."""


def new_delivery_id() -> str:
    return f"delivery-{uuid7()}"


def new_event_id() -> str:
    return f"event-{uuid7()}"


class _Rising:
    """The time in steps, each taken once; ahead of the clock where more are asked for, or the clock is set back."""

    def __init__(self) -> None:
        self._last = 0

    def __call__(self) -> int:
        self._last = max(self._last + 1, time.time_ns() * _SLOT // 1_000_000)
        return self._last


_now = _Rising()


def uuid7() -> UUID:
    """Milliseconds, 12 bits of what is left of them, 62 of chance: RFC 9562, 5.7 and 6.2, the third method."""
    milliseconds, rest = divmod(_now(), _SLOT)
    return UUID(int=milliseconds << 80 | 7 << 76 | rest << 64 | 2 << 62 | secrets.randbits(62))
