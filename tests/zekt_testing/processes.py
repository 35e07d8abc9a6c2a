"""`zekt …` as a process of its own, told by its log."""

import json
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from zekt_sandbox.server import SandboxServer
from zekt_testing.broker import ADMIN_TOKEN, SECRET
from zekt_testing.waiting import WAIT, until


@dataclass
class Process:
    """A running command and the file that holds its log."""

    popen: subprocess.Popen[bytes]
    log: Path

    def said(self, event: str, seconds: float = WAIT) -> dict[str, Any]:
        """The first line of that name, waited for as long as the process lives."""

        def come() -> dict[str, Any] | None:
            for line in self.log.read_text().splitlines():
                if line.startswith("{") and json.loads(line).get("event") == event:
                    return dict(json.loads(line))
            assert self.popen.poll() is None, self.log.read_text()
            return None

        return until(come, lambda: f"no {event} in\n{self.log.read_text()}", seconds)


def environment(github: SandboxServer, **settings: str) -> dict[str, str]:
    """All variables of a `zekt` process on this sandbox."""
    return {
        **os.environ,
        **github.broker_environment(),
        "ZEKT_WEBHOOK_SECRET": SECRET,
        "ZEKT_ADMIN_TOKEN": ADMIN_TOKEN,
        "ZEKT_DISPATCH_SPACING": "0",
        "ZEKT_WORKER_HEARTBEAT": "3",
        "ZEKT_SWEEP_SECONDS": "1",
        "ZEKT_RECONCILE_SECONDS": "0",
        "ZEKT_PORT": "0",
        "ZEKT_PUBLIC_URL": "http://127.0.0.1:1",
        "ZEKT_LOG_FORMAT": "json",
        "PYTHONPATH": os.pathsep.join(sys.path),
        **settings,
    }


def free_port() -> int:
    """One that nobody listens on, for a process whose address must be known before it starts."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


@contextmanager
def zekt_process(github: SandboxServer, folder: Path, *arguments: str, **settings: str) -> Iterator[Process]:
    """Start `zekt ARGUMENTS` with `ZEKT_…` settings on this sandbox; ended by SIGTERM when the block ends."""
    log = folder / f"{arguments[0]}-{len(list(folder.iterdir()))}.log"
    with log.open("wb") as out:
        popen = subprocess.Popen(
            [sys.executable, "-m", "zekt_backend.cli", *arguments], env=environment(github, **settings), stderr=out
        )
    try:
        yield Process(popen, log)
    finally:
        if popen.poll() is None:
            popen.terminate()
        popen.wait(WAIT)


def set_up(github: SandboxServer, folder: Path, wanted: dict[str, Any], **settings: str) -> None:
    """`zekt setup apply` as a process: that of another version, where PYTHONPATH says so."""
    file = folder / "setup.yaml"
    file.write_text(json.dumps(wanted))
    with zekt_process(github, folder, "setup", "apply", str(file), **settings) as applying:
        assert applying.popen.wait(60) == 0, applying.log.read_text()
