"""Workflow files, branch by branch, and whether somebody has switched one off."""

import threading
from collections.abc import Callable, Mapping

from zekt_sandbox.repositories import Repository

FOLDER = ".github/workflows"
STATES = frozenset({"active", "deleted", "disabled_fork", "disabled_inactivity", "disabled_manually"})
"""https://docs.github.com/rest/actions/workflows#list-repository-workflows"""


class Workflows:
    """What lies under .github/workflows. Nothing here reads what the files say."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._texts: dict[tuple[int, str], dict[str, str]] = {}
        self._states: dict[tuple[int, str], str] = {}
        self._sources: dict[int, Callable[[], Mapping[str, str]]] = {}

    def read_from(self, repository: Repository, source: Callable[[], Mapping[str, str]]) -> None:
        """Take the default branch's files from there, anew each time: a folder somebody works in."""
        with self._lock:
            self._sources[repository.id] = source

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
        of_branch = branch or repository.default_branch
        with self._lock:
            source = self._sources.get(repository.id) if of_branch == repository.default_branch else None
            written = dict(self._texts.get((repository.id, of_branch), {}))
        return dict(sorted({**(source() if source else {}), **written}.items()))

    def state(self, repository: Repository, path: str) -> str:
        """`active`, unless something else was said."""
        with self._lock:
            return self._states.get((repository.id, path), "active")
