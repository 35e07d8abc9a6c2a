"""What runs say: a file for each attempt, and the newest lines of all of them. Nobody who reads holds a run up."""

import asyncio
import threading
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

MAX_LOG_BYTES = 20_000_000
"""Of one attempt; what comes after is not kept."""

MAX_ENTRIES = 10_000
"""Of the log of all runs."""


class Bell:
    """Wakes readers on event loops from the threads of runs."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._hearing: set[tuple[asyncio.AbstractEventLoop, asyncio.Event]] = set()

    def ring(self) -> None:
        with self._lock:
            for loop, event in self._hearing:
                with suppress(RuntimeError):  # the loop was closed under its reader
                    loop.call_soon_threadsafe(event.set)

    @contextmanager
    def hearing(self) -> Iterator[asyncio.Event]:
        """An event that is set at each ring. Clear it, look, and only then wait for it."""
        pair = asyncio.get_running_loop(), asyncio.Event()
        with self._lock:
            self._hearing.add(pair)
        try:
            yield pair[1]
        finally:
            with self._lock:
                self._hearing.discard(pair)


class RunLog:
    """The lines of one attempt, in a file."""

    def __init__(self, path: Path) -> None:
        self.bell = Bell()
        self.ended = False
        self._path = path
        self._size = 0
        path.touch(mode=0o600)

    def add(self, line: str) -> bool:
        """Write a line; whether it was kept."""
        if self._size > MAX_LOG_BYTES:
            return False
        raw = f"{line}\n".encode("utf-8", "replace")
        if self._size + len(raw) > MAX_LOG_BYTES:
            raw = f"… This log is longer than {MAX_LOG_BYTES // 1_000_000} MB; the rest is not kept.\n".encode()
            self._size = MAX_LOG_BYTES
        with self._path.open("ab") as file:
            file.write(raw)
        self._size += len(raw)
        self.bell.ring()
        return True

    def end(self) -> None:
        self.ended = True
        self.bell.ring()

    def read(self, offset: int, size: int = 65_536) -> bytes:
        """The next bytes from there; empty where nothing more has been written yet."""
        with self._path.open("rb") as file:
            file.seek(offset)
            return file.read(size)


class Journal:
    """The newest entries of all runs, each with a number of its own."""

    def __init__(self) -> None:
        self.bell = Bell()
        self._lock = threading.Lock()
        self._entries: deque[tuple[int, dict[str, Any]]] = deque(maxlen=MAX_ENTRIES)
        self._next = 0

    def add(self, entry: dict[str, Any]) -> None:
        with self._lock:
            self._entries.append((self._next, entry))
            self._next += 1
        self.bell.ring()

    def first(self) -> int:
        """The number of the oldest entry that is kept."""
        with self._lock:
            return self._next - len(self._entries)

    def after(self, number: int) -> tuple[int, list[dict[str, Any]]]:
        """What came from that number on, and the number to ask for next; who was too slow is told what is missing."""
        with self._lock:
            oldest = self._next - len(self._entries)
            missed = [{"type": "missed", "entries": oldest - number}] if number < oldest else []
            found = [entry for each, entry in self._entries if each >= number] if number < self._next else []
            return self._next, [*missed, *found]
