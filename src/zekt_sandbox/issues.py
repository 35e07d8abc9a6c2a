"""The issues that were opened in repositories."""

import threading
from collections import defaultdict
from dataclasses import dataclass
from datetime import datetime
from itertools import count

from zekt_sandbox.repositories import Repository


@dataclass(frozen=True, slots=True)
class Issue:
    """`number` counts from 1 in each repository."""

    number: int
    repository: Repository
    title: str
    body: str | None
    created_at: datetime


class Issues:
    """All of them, in order."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._kept: defaultdict[int, list[Issue]] = defaultdict(list)
        self._numbers: defaultdict[int, count[int]] = defaultdict(lambda: count(1))

    def open(self, repository: Repository, title: str, body: str | None, now: datetime) -> Issue:
        with self._lock:
            issue = Issue(next(self._numbers[repository.id]), repository, title, body, now)
            self._kept[repository.id].append(issue)
        return issue

    def of(self, repository: Repository) -> list[Issue]:
        """Oldest first."""
        with self._lock:
            return list(self._kept[repository.id])
