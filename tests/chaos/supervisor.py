"""What systemd would do: each process is started again whenever it ends. And PostgreSQL, on its own."""

import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Self

import psutil  # type: ignore[import-untyped]  # it has no types

from zekt_backend.store.embedded import Embedded

_RESTART_SECONDS = 0.1
_BURST = 5
_BURST_SECONDS = 10.0
"""RestartSec=, StartLimitBurst= and StartLimitIntervalSec= of systemd, as they are when nobody sets them."""

_STOP_SECONDS = 30.0


def free_port() -> int:
    """A port that nobody has now: both lives of a process that is killed listen on the same one."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Service:
    """`zekt ARGUMENTS` with Restart=always.

    Args:
        name: for the figures and the log's file.
        arguments: of `zekt`.
        environment: all of it.
        folder: where the log goes.
    """

    def __init__(self, name: str, arguments: list[str], environment: Mapping[str, str], folder: Path) -> None:
        self.name = name
        self.starts: list[float] = []
        self.ended_by_itself = 0
        self.given_up = False
        """It ended so often in so short a time that systemd would leave it dead: a human would be needed."""
        self.log = folder / f"{name}.log"
        self._command = [sys.executable, "-m", "zekt_backend.cli", *arguments]
        self._environment = dict(environment)
        self._stopping = threading.Event()
        self._lock = threading.Lock()
        self._killed = False
        self._popen: subprocess.Popen[bytes] | None = None
        self._thread = threading.Thread(target=self._keep, name=f"supervisor-{name}", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def has_said(self, event: str) -> bool:
        """Whether its log has a line of that name."""
        return self.log.exists() and f'"{event}"'.encode() in self.log.read_bytes()

    def kill(self) -> None:
        """SIGKILL, if it runs."""
        with self._lock:
            if self._popen is not None and self._popen.poll() is None:
                self._killed = True
                self._popen.kill()

    def stop(self) -> bool:
        """SIGTERM, and whether it ended in time."""
        self._stopping.set()
        with self._lock:
            if self._popen is not None and self._popen.poll() is None:
                self._popen.send_signal(signal.SIGTERM)
        self._thread.join(_STOP_SECONDS)
        ended = not self._thread.is_alive()
        self.kill()
        return ended

    def _keep(self) -> None:
        while not self._stopping.is_set():
            with self._lock, self.log.open("ab") as log:
                self._killed = False
                self._popen = subprocess.Popen(self._command, env=self._environment, stdout=log, stderr=log)
            self.starts.append(time.time())
            self._popen.wait()
            if self._stopping.is_set():
                return
            if not self._killed:
                self.ended_by_itself += 1
                if len(self.starts) >= _BURST and self.starts[-1] - self.starts[-_BURST] < _BURST_SECONDS:
                    self.given_up = True
                    return
            self._stopping.wait(_RESTART_SECONDS)


class Postgres:
    """A server of its own, with the settings it is shipped with: fsync and synchronous_commit are on."""

    def __init__(self) -> None:
        # A short path: its socket must fit into 107 bytes.
        self._folder = Path(tempfile.mkdtemp(prefix="zekt-chaos-"))
        as_root = os.environ.get("ZEKT_EMBEDDED_AS_ROOT") == "1"
        self._server = Embedded.start(self._folder, as_root_allowed=as_root)
        self._lock = threading.Lock()
        self._stopping = False
        self.starts: list[float] = [time.time()]
        self.away: list[tuple[float, float]] = []
        """From each kill until it accepted connections again."""

    @property
    def url(self) -> str:
        return self._server.url

    def kill(self) -> None:
        """SIGKILL to every process of it, and a new start from what is on the disk."""
        with self._lock:
            if self._stopping:
                return
            killed = time.time()
            postmaster = psutil.Process(self._server.pid)
            # The first of them first: it would start the others' successors, or end them in good order.
            family = [postmaster, *postmaster.children(recursive=True)]
            for process in family:
                with suppress(psutil.NoSuchProcess):
                    process.kill()
            psutil.wait_procs(family, timeout=_STOP_SECONDS)
            time.sleep(_RESTART_SECONDS)
            self.starts.append(time.time())
            self._server.revive()
            self.away.append((killed, time.time()))

    def stop(self) -> None:
        with self._lock:
            self._stopping = True
            self._server.revive()
            self._server.stop()
        shutil.rmtree(self._folder, ignore_errors=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.stop()
