"""Events at a steady rate, and what was answered to each."""

import threading
import time
from collections import Counter
from typing import Any

from zekt_sandbox.server import SandboxServer
from zekt_testing.broker import ORDER, SECRET
from zekt_testing.waiting import WAIT, until


class Traffic:
    """Ends a run of shop-team/orders every `1 / rate` seconds; GitHub's webhook goes wherever `lead_to` said last.

    Args:
        github: whose runs they are.
        rate: runs a second.
    """

    def __init__(self, github: SandboxServer, rate: float) -> None:
        self.accepted: set[str] = set()
        """Correlation ids of the runs whose webhook was answered with 202."""
        self.statuses: Counter[int] = Counter()
        self.slowest = 0.0
        """Seconds that a webhook's answer took at the most."""
        self._github, self._rate = github, rate
        self._hook: Any = None
        self._lock = threading.Lock()
        self._stopping = threading.Event()
        self._threads = [threading.Thread(target=self._send, args=(number,), daemon=True) for number in range(_THREADS)]

    def lead_to(self, url: str) -> None:
        """As a load balancer does: from now on to this broker."""
        with self._lock:
            if self._hook is not None:
                self._github.world.hooks.remove(self._hook.id)
            self._hook = self._github.add_hook("shop-team/orders", url=f"{url}/api/github/webhooks", secret=SECRET)

    def start(self) -> None:
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        self._stopping.set()
        for thread in self._threads:
            if thread.ident is not None:
                thread.join(WAIT)
                assert not thread.is_alive()

    def until_accepted(self, more: int, seconds: float = WAIT) -> None:
        """Wait until so many more events have been accepted."""
        wanted = len(self.accepted) + more
        until(
            lambda: len(self.accepted) >= wanted,
            lambda: f"{len(self.accepted)} events accepted, not {wanted}: {self.statuses}",
            seconds,
        )

    def _send(self, number: int) -> None:
        due = time.monotonic() + number / self._rate
        while not self._stopping.wait(max(0.0, due - time.monotonic())):
            run = self._github.start_run("shop-team/orders", workflow=ORDER)
            began = time.monotonic()
            for answer in self._github.finish_run(run):
                self._note(str(run.id), answer.status_code, time.monotonic() - began)
            due += _THREADS / self._rate

    def _note(self, correlation_id: str, status: int, seconds: float) -> None:
        with self._lock:
            self.statuses[status] += 1
            self.slowest = max(self.slowest, seconds)
            if status == 202:
                self.accepted.add(correlation_id)


_THREADS = 8
