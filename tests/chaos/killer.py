"""Kills at random, from a seed, for as long as it is let."""

import random
import threading
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor

from chaos.records import Kill

FASTEST, SLOWEST = 2.0, 5.0
"""Seconds between two kills."""

_SEVERAL = 0.15
"""How often two die at once."""


class Killer:
    """`kill -9` of one target, sometimes two, every 2 to 5 seconds.

    Args:
        targets: what can be killed, by name; a call may take as long as the restart.
        seed: for who and when.
    """

    def __init__(self, targets: Mapping[str, Callable[[], None]], seed: int) -> None:
        self._targets = dict(targets)
        self._dice = random.Random(f"killer {seed}")
        self._enough = threading.Event()
        self._thread = threading.Thread(target=self._run, name="killer", daemon=True)
        self.kills: list[Kill] = []
        self.troubles: list[str] = []

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """Block until whatever is being restarted is up."""
        self._enough.set()
        self._thread.join()

    def _run(self) -> None:
        with ThreadPoolExecutor(len(self._targets)) as pool:
            while not self._enough.wait(self._dice.uniform(FASTEST, SLOWEST)):
                count = 2 if self._dice.random() < _SEVERAL else 1
                for name in self._dice.sample(sorted(self._targets), count):
                    pool.submit(self._kill, name)

    def _kill(self, name: str) -> None:
        self.kills.append(Kill(time.time(), name))
        try:
            self._targets[name]()
        except Exception as error:  # noqa: BLE001 - told in the figures, whatever it was
            self.troubles.append(f"{name} could not be killed and started: {error!r}")
