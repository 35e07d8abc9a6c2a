"""Workflow runs: what a runner would see of one, and what its token says."""

import json
import secrets
import threading
from dataclasses import dataclass, field, replace
from datetime import datetime
from itertools import count
from pathlib import Path
from typing import Any

from zekt_sandbox.clock import Clock
from zekt_sandbox.oidc import Issuer
from zekt_sandbox.repositories import Repository, stable_id
from zekt_sandbox.shapes import SERVER_URL, surroundings

CONCLUSIONS = frozenset(
    {
        "success",
        "failure",
        "cancelled",
        "timed_out",
        "action_required",
        "neutral",
        "skipped",
        "stale",
        "startup_failure",
    }
)
"""https://docs.github.com/webhooks/webhook-events-and-payloads#workflow_run"""


@dataclass(slots=True, eq=False)
class Run:
    """One attempt of one workflow run. A re-run is another `Run` with the same id and the next attempt."""

    repository: Repository
    id: int
    number: int
    attempt: int
    workflow: str
    """Its path: `.github/workflows/x.yml`."""
    name: str
    event: str
    actor: str
    ref: str
    sha: str
    github_url: str
    issuer: Issuer = field(repr=False)
    created_at: datetime
    started_at: datetime
    updated_at: datetime
    event_payload: dict[str, Any] = field(default_factory=dict, repr=False)
    """What the event brought, for the event file: `client_payload` and `action` for a repository_dispatch."""
    status: str = "in_progress"
    conclusion: str | None = None

    @property
    def workflow_id(self) -> int:
        return stable_id("workflow", f"{self.repository.id}:{self.workflow}")

    @property
    def head_branch(self) -> str:
        return self.ref.removeprefix("refs/heads/").removeprefix("refs/tags/")

    @property
    def html_url(self) -> str:
        return f"{SERVER_URL}/{self.repository.full_name}/actions/runs/{self.id}"

    def identity(self, job: str = "job", leg: str = "") -> dict[str, str]:
        """GitHub's own claims for a job of this run, every one a string. `leg` tells matrix jobs apart."""
        repo = self.repository
        workflow_ref = f"{repo.full_name}/{self.workflow}@{self.ref}"
        return {
            "sub": f"repo:{repo.owner}@{repo.owner_id}/{repo.name}@{repo.id}:ref:{self.ref}",
            "ref": self.ref,
            "sha": self.sha,
            "repository": repo.full_name,
            "repository_id": str(repo.id),
            "repository_owner": repo.owner,
            "repository_owner_id": str(repo.owner_id),
            "repository_visibility": "private",
            "run_id": str(self.id),
            "run_number": str(self.number),
            "run_attempt": str(self.attempt),
            "actor": self.actor,
            "actor_id": str(stable_id("user", self.actor)),
            "workflow": self.name,
            "head_ref": "",
            "base_ref": "",
            "event_name": self.event,
            "ref_protected": "false",
            "ref_type": "tag" if self.ref.startswith("refs/tags/") else "branch",
            "workflow_ref": workflow_ref,
            "workflow_sha": self.sha,
            "job_workflow_ref": workflow_ref,
            "job_workflow_sha": self.sha,
            "runner_environment": "github-hosted",
            "check_run_id": str(stable_id("check", f"{self.id}:{self.attempt}:{job}:{leg}")),
        }

    def claims(
        self, audience: str | None = "api://zekt", *, job: str = "job", leg: str = "", **overrides: Any
    ) -> dict[str, Any]:
        """The claims of a token, times included; an override of None takes the claim away."""
        return self.issuer.claims(self.identity(job, leg), audience, overrides)

    def token(self, audience: str | None = "api://zekt", *, job: str = "job", leg: str = "", **overrides: Any) -> str:
        """A token signed at once, without the way through the runner's endpoint."""
        return self.issuer.keys.sign(self.claims(audience, job=job, leg=leg, **overrides))

    def environment(self, event_path: Path | str | None = None, *, job: str = "job", leg: str = "") -> dict[str, str]:
        """GITHUB_* and the OIDC variables as a runner sets them; given a path, the event file is written."""
        environment = {
            "CI": "true",
            "GITHUB_ACTIONS": "true",
            **self.variables(),
            "GITHUB_JOB": job,
            "GITHUB_ACTION": "__run",
            **self.token_request(self.issuer.grant(self.identity(job, leg))),
        }
        if event_path is not None:
            Path(event_path).write_text(json.dumps(self.event_file()), encoding="utf-8")
            environment["GITHUB_EVENT_PATH"] = str(event_path)
        return environment

    def variables(self) -> dict[str, str]:
        """GITHUB_* as they are in every job of the run."""
        repo = self.repository
        return {
            "GITHUB_SERVER_URL": SERVER_URL,
            "GITHUB_API_URL": self.github_url,
            "GITHUB_REPOSITORY": repo.full_name,
            "GITHUB_REPOSITORY_ID": str(repo.id),
            "GITHUB_REPOSITORY_OWNER": repo.owner,
            "GITHUB_REPOSITORY_OWNER_ID": str(repo.owner_id),
            "GITHUB_RUN_ID": str(self.id),
            "GITHUB_RUN_NUMBER": str(self.number),
            "GITHUB_RUN_ATTEMPT": str(self.attempt),
            "GITHUB_WORKFLOW": self.name,
            "GITHUB_WORKFLOW_REF": f"{repo.full_name}/{self.workflow}@{self.ref}",
            "GITHUB_WORKFLOW_SHA": self.sha,
            "GITHUB_ACTOR": self.actor,
            "GITHUB_ACTOR_ID": str(stable_id("user", self.actor)),
            "GITHUB_TRIGGERING_ACTOR": self.actor,
            "GITHUB_EVENT_NAME": self.event,
            "GITHUB_REF": self.ref,
            "GITHUB_REF_NAME": self.head_branch,
            "GITHUB_REF_TYPE": "tag" if self.ref.startswith("refs/tags/") else "branch",
            "GITHUB_SHA": self.sha,
        }

    def token_request(self, token: str) -> dict[str, str]:
        """Where a job gets OIDC tokens, and the request token that it shows there."""
        return {
            "ACTIONS_ID_TOKEN_REQUEST_URL": f"{self.issuer.url}/idtoken/{self.id}?api-version=2.0",
            "ACTIONS_ID_TOKEN_REQUEST_TOKEN": token,
        }

    def event_file(self) -> dict[str, Any]:
        """What stands in the file at GITHUB_EVENT_PATH."""
        return {**self.event_payload, **surroundings(self.repository, self.actor, self.github_url)}


class Runs:
    """Every run, newest attempt last."""

    def __init__(self, github_url: str, issuer: Issuer, clock: Clock) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._runs: list[Run] = []
        self._ids = count(16_123_456_789)
        self._numbers: dict[tuple[int, str], int] = {}
        self._github_url = github_url
        self._issuer = issuer

    def start(
        self,
        repository: Repository,
        *,
        workflow: str,
        event: str,
        name: str | None,
        actor: str,
        ref: str,
        sha: str | None,
        event_payload: dict[str, Any] | None,
        id: int | None,  # noqa: A002 - GitHub's word
    ) -> Run:
        now = self._clock.now()
        with self._lock:
            run = Run(
                repository=repository,
                id=id if id is not None else next(self._ids),
                number=self._next_number(repository, workflow),
                attempt=1,
                workflow=workflow,
                name=name or Path(workflow).stem,
                event=event,
                actor=actor,
                ref=ref,
                sha=sha or secrets.token_hex(20),
                github_url=self._github_url,
                issuer=self._issuer,
                event_payload=event_payload or {},
                created_at=now,
                started_at=now,
                updated_at=now,
            )
            self._runs.append(run)
        return run

    def _next_number(self, repository: Repository, workflow: str) -> int:
        """GitHub numbers the runs of each workflow by themselves."""
        number = self._numbers.get((repository.id, workflow), 0) + 1
        self._numbers[repository.id, workflow] = number
        return number

    def rerun(self, run: Run) -> Run:
        """The next attempt: same id, same number, raised `run_attempt`."""
        now = self._clock.now()
        again = replace(
            run,
            attempt=run.attempt + 1,
            status="in_progress",
            conclusion=None,
            started_at=now,
            updated_at=now,
        )
        with self._lock:
            self._runs.append(again)
        return again

    def finish(self, run: Run, conclusion: str) -> None:
        """Mark a run completed.

        Raises:
            ValueError: GitHub has no such conclusion.
        """
        if conclusion not in CONCLUSIONS:
            raise ValueError(f"conclusion must be one of {', '.join(sorted(CONCLUSIONS))}, not {conclusion!r}")
        with self._lock:
            run.status, run.conclusion, run.updated_at = "completed", conclusion, self._clock.now()

    def delete(self, run_id: int) -> None:
        """Forget a run with all its attempts: from now on it is 404."""
        with self._lock:
            self._runs = [run for run in self._runs if run.id != run_id]

    def of(self, repository: Repository) -> list[Run]:
        """The newest attempt of each run of a repository, newest run first, as GitHub lists them."""
        with self._lock:
            newest = {run.id: run for run in self._runs if run.repository.id == repository.id}
        return list(reversed(newest.values()))

    def find(self, run_id: int, attempt: int | None = None) -> Run | None:
        """The run of that id: that attempt, or the newest one."""
        with self._lock:
            found = [run for run in self._runs if run.id == run_id and attempt in (None, run.attempt)]
        return found[-1] if found else None
