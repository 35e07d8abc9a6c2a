"""Workflow files, branch by branch, and whether somebody has switched one off."""

import threading

from zekt_sandbox.repositories import Repository

FOLDER = ".github/workflows"
STATES = frozenset({"active", "deleted", "disabled_fork", "disabled_inactivity", "disabled_manually"})
"""https://docs.github.com/rest/actions/workflows#list-repository-workflows"""


class Workflows:
    """What lies under .github/workflows. Nothing here reads the files; a run is started by whoever asks for one."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._texts: dict[tuple[int, str], dict[str, str]] = {}
        self._states: dict[tuple[int, str], str] = {}

    def add(self, repository: Repository, path: str, text: str, *, branch: str | None = None, state: str) -> None:
        """Write a file, or write it anew.

        Raises:
            ValueError: the path does not lie in .github/workflows, or GitHub has no such state.
        """
        folder, _, name = path.rpartition("/")
        if folder != FOLDER or not name:
            raise ValueError(f"path must be {FOLDER}/NAME, not {path!r}")
        if state not in STATES:
            raise ValueError(f"state must be one of {', '.join(sorted(STATES))}, not {state!r}")
        with self._lock:
            self._texts.setdefault((repository.id, branch or repository.default_branch), {})[path] = text
            self._states[repository.id, path] = state

    def files(self, repository: Repository, branch: str | None = None) -> dict[str, str]:
        """The text of each file by its path; of the default branch when None."""
        with self._lock:
            return dict(sorted(self._texts.get((repository.id, branch or repository.default_branch), {}).items()))

    def state(self, repository: Repository, path: str) -> str:
        """`active`, unless something else was said."""
        with self._lock:
            return self._states.get((repository.id, path), "active")
