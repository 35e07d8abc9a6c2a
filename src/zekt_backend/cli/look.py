"""What strangers wrote, fit for a terminal."""

from typing import Any


def plain(value: Any) -> str:
    """Control characters, with which a terminal could be steered, become visible escapes."""
    return "".join(char if char.isprintable() else repr(char)[1:-1] for char in str(value))
