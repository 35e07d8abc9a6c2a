"""What happened, when, between whom: printed as it happens, and kept for the JSON."""

import threading
import time
from dataclasses import dataclass
from typing import Any

from rich.console import Console
from rich.text import Text

COLOURS = {"shop-team": "cyan", "infra-team": "magenta", "Zekt": "green", "GitHub": "yellow"}
_WIDTH = 24


@dataclass(frozen=True, slots=True)
class Hop:
    ms: int
    """Milliseconds since the demo began."""
    source: str
    target: str
    what: str


class Timeline:
    """May be told from any thread."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._began = time.monotonic()
        self._lock = threading.Lock()
        self._hops: list[Hop] = []

    @property
    def elapsed_ms(self) -> int:
        return round((time.monotonic() - self._began) * 1000)

    def note(self, source: str, target: str, what: str) -> None:
        """One hop from `source` to `target`; the same on both sides is work done at home."""
        with self._lock:
            hop = Hop(self.elapsed_ms, source, target, what)
            self._hops.append(hop)
            self._console.print(_line(hop), soft_wrap=True)

    def as_json(self) -> list[dict[str, Any]]:
        with self._lock:
            return [{"ms": hop.ms, "from": hop.source, "to": hop.target, "what": hop.what} for hop in self._hops]


def _line(hop: Hop) -> Text:
    line = Text(f"{hop.ms:>6} ms  ", style="dim")
    way = Text(hop.source, style=COLOURS.get(hop.source, "white"))
    if hop.target != hop.source:
        way.append(" → ", style="white").append(hop.target, style=COLOURS.get(hop.target, "white"))
    way.pad_right(max(0, _WIDTH - way.cell_len))
    return line.append_text(way).append(hop.what, style="default")
