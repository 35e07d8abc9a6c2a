"""Runs, as the REST API tells them: one attempt, or what was created when. Blocking; belongs in a worker thread.

https://docs.github.com/en/rest/actions/workflow-runs
"""

import uuid
from dataclasses import dataclass
from datetime import UTC, datetime
from urllib.parse import quote

import msgspec
import requests

from zekt_backend.github import webhook
from zekt_backend.github.lookup import read
from zekt_backend.github.metered import Metered
from zekt_backend.rules.records import RunEvent, RunKey

MOST_FOUND = 1_000
"""GitHub shows no more runs than this of one search."""

PER_PAGE = 50
"""A run has about 15 KB as GitHub tells it, and an answer of ours at most 1 MiB."""


@dataclass(frozen=True, slots=True)
class Run:
    """A run's attempt. `event` is what its webhook would say, or has said, when it is completed."""

    event: RunEvent
    completed: bool
    updated_at: datetime | None

    @property
    def key(self) -> RunKey:
        return self.event.key


@dataclass(frozen=True, slots=True)
class Listed:
    """One page, and how many there are in all, seen or not."""

    runs: list[Run]
    total: int


class _Told(webhook.Run, kw_only=True):
    status: str
    repository: webhook.Repository


class _List(msgspec.Struct):
    total_count: int
    workflow_runs: list[_Told]


def attempt(github: Metered, owner: int, repository: str, key: RunKey) -> Run | None:
    """One attempt of a run; None when GitHub answers 404.

    Raises:
        ZektError: `github_refused` or `github_unavailable`.
    """
    path = f"/repos/{repository}/actions/runs/{key.run_id}/attempts/{key.run_attempt}"
    reply = github.ask(owner, path)
    if reply.status == requests.codes.not_found:
        return None
    return _run(read(reply, _Told, github.app, f"run {key.run_id} of {repository}"))


def created(
    github: Metered, owner: int, repository: str, between: tuple[datetime, datetime], page: int, *, per_page: int
) -> Listed:
    """The newest attempts of the runs that were created between the two moments, both included, newest first.

    Raises:
        TooLargeError: so many runs a page are too many here.
        ZektError: `github_refused` or `github_unavailable`.
    """
    window = quote("..".join(map(_stamp, between)), safe="")
    query = f"created={window}&exclude_pull_requests=true&per_page={per_page}&page={page}"
    reply = github.ask(owner, f"/repos/{repository}/actions/runs?{query}")
    found = read(reply, _List, github.app, f"the runs of {repository}")
    return Listed([_run(told) for told in found.workflow_runs], found.total_count)


def is_visible(github: Metered, owner: int, repository: str) -> bool:
    """Whether the app still sees the repository: only then does a 404 for a run mean that it was deleted."""
    return bool(github.ask(owner, f"/repos/{repository}").status == requests.codes.ok)


def _run(told: _Told) -> Run:
    # Consumers see it, and perhaps not whose run it is. Known again an event is by its run and attempt.
    guid = f"reconcile-{uuid.uuid4()}"
    return Run(
        event=webhook.run_event(guid, told, told.repository),
        completed=told.status == "completed",
        updated_at=_time(told.updated_at),
    )


def _stamp(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _time(text: str | None) -> datetime | None:
    try:
        moment = datetime.fromisoformat(text or "")
    except ValueError:
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
