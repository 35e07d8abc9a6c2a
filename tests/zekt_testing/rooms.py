"""Folders as repositories of a sandbox, and the runs of their workflows."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from zekt_sandbox.local.attempt import Attempt
from zekt_sandbox.local.room import LocalRoom
from zekt_sandbox.server import SandboxServer
from zekt_testing.waiting import until

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
        until(true, lambda: "\n".join(map(str, ["it is not so; the runs said:", *self._said()[-80:]])), RUN_SECONDS)

    def _said(self) -> Sequence[object]:
        _, entries = self.local.journal.after(0)
        return entries
