"""Folders as repositories of a sandbox, and the runs of their workflows."""

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

from zekt_sandbox.local.attempt import Attempt
from zekt_sandbox.local.room import LocalRoom
from zekt_sandbox.server import SandboxServer

RUN_SECONDS = 150
"""An image may have to be built first, on a machine that has other things to do."""


def write(root: Path, repository: str, workflows: Mapping[str, str]) -> Path:
    """A repository's folder with these workflow files; gives it."""
    home = root / repository / ".github/workflows"
    home.mkdir(parents=True, exist_ok=True)
    for name, text in workflows.items():
        (home / name).write_text(text, encoding="utf-8")
    return root / repository


@dataclass
class Room:
    """A sandbox with local folders."""

    github: SandboxServer
    local: LocalRoom
    root: Path

    def ended(self, attempt: Attempt) -> str:
        """The conclusion of a run, once it has ended."""
        self.wait_for(lambda: attempt.log.ended)
        return str(attempt.run.conclusion)

    def log(self, attempt: Attempt) -> str:
        return attempt.log.read(0, 1_000_000).decode()

    def wait_for(self, true: Callable[[], bool]) -> None:
        """Until it is so, or the test fails with what the runs have said."""
        pause = threading.Event()
        for _ in range(RUN_SECONDS * 20):
            if true():
                return
            pause.wait(0.05)
        _, entries = self.local.journal.after(0)
        pytest.fail("it did not come true; the runs said:\n" + "\n".join(str(each) for each in entries[-80:]))
