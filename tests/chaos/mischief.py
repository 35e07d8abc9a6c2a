"""GitHub has bad days too: a few dispatches fail, each in a way that the broker must be able to tell."""

import random
import threading
from itertools import cycle
from typing import Any

from chaos.world import SUBSCRIPTIONS
from zekt_sandbox.faults import Fault, Faults

_EVERY = 1.5
"""Seconds between two, on average."""

_KINDS: tuple[dict[str, Any], ...] = (
    {"kind": "status", "status": 500},
    {"kind": "status", "status": 503},
    {"kind": "cut"},
    {"kind": "accept_then_cut"},
    {"kind": "accept_then_status", "status": 502},
    {"kind": "accept_then_hang", "seconds": 2.0},
    {"kind": "rate_limit", "status": 429, "seconds": 2.0},
)


class Mischief:
    """Plans a fault for the next dispatch to one consumer, then to another, each in turn.

    So none meets three in a row but by rare chance: the third wait of the ladder is two minutes, and a fire-and-forget
    delivery is rightly given up after a fourth.
    """

    def __init__(self, faults: Faults, seed: int) -> None:
        self._faults = faults
        self._dice = random.Random(f"mischief {seed}")
        self._enough = threading.Event()
        self._thread = threading.Thread(target=self._run, name="mischief", daemon=True)
        self.planned: list[Fault] = []

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._enough.set()
        self._thread.join()
        self._faults.clear()

    @property
    def struck(self) -> int:
        return sum(fault.used for fault in self.planned)

    def _run(self) -> None:
        consumers = cycle(self._dice.sample(SUBSCRIPTIONS, len(SUBSCRIPTIONS)))
        while not self._enough.wait(self._dice.expovariate(1 / _EVERY)):
            self._faults.clear()
            self.planned.append(
                self._faults.add(where="dispatch", repository=next(consumers).consumer, **self._dice.choice(_KINDS))
            )
