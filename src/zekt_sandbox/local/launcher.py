"""Gets attempts ready, lines them up, and knows them all."""

import threading
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any

from zekt_sandbox.local.attempt import Attempt
from zekt_sandbox.local.errors import LocalError
from zekt_sandbox.local.folders import Folder
from zekt_sandbox.local.journal import RunLog
from zekt_sandbox.local.player import Player, Yard
from zekt_sandbox.local.stage import RunFolder
from zekt_sandbox.local.turns import Ticket, concurrency, run_context
from zekt_sandbox.repositories import Repository
from zekt_sandbox.runs import Run
from zekt_workflows.model import Workflow

_MAX_ALIVE = 200


@dataclass(frozen=True, slots=True)
class Cause:
    """Why a run begins."""

    workflow: Workflow
    event: str
    payload: Mapping[str, Any]
    actor: str
    started_by: str


class Launcher:
    """Knows every attempt, and ends them.

    Args:
        yard: what all runs share.
        state: holds `runs` and `logs`.
    """

    def __init__(self, yard: Yard, state: Path) -> None:
        self._yard = yard
        self._state = state
        self._lock = threading.Lock()
        self._numbers = count(1)
        self._attempts: list[Attempt] = []
        self._threads: list[threading.Thread] = []

    def attempts(self) -> list[Attempt]:
        """All of them, newest first."""
        with self._lock:
            return self._attempts[::-1]

    def begin(self, repository: Repository, folder: Folder, cause: Cause) -> Attempt:
        """A new run of the files as they are now.

        Raises:
            LocalError: they cannot be copied, or too many runs wait already.
        """
        stage, sha = self._staged(folder, repository)
        payload = dict(cause.payload)
        if cause.event == "push":
            payload = {"after": sha, "head_commit": {"id": sha, "message": "What lies in the folder"}, **payload}
        workflow = cause.workflow
        run = self._yard.stage.start_run(
            repository,
            workflow=workflow.path,
            event=cause.event,
            name=workflow.name.text if workflow.name else workflow.path,
            actor=cause.actor,
            sha=sha,
            event_payload=payload,
        )
        return self._launch(run, workflow, stage, cause.started_by)

    def again(self, old: Attempt, workflow: Workflow) -> Attempt:
        """The next attempt of a run; raises as `begin` does."""
        stage, sha = self._staged(old.stage.folder, old.run.repository)
        run = self._yard.stage.rerun(old.run)
        run.sha = sha
        return self._launch(run, workflow, stage, old.started_by)

    def cancel(self, attempt: Attempt) -> None:
        """Ask act to end; does not wait for it."""
        self._yard.turns.cancel(attempt.ticket)
        threading.Thread(target=attempt.cancel, kwargs={"politely": True}, daemon=True).start()

    def stop(self, seconds: float) -> None:
        """End all that run, at once, and wait so long for each thread."""
        alive = [each for each in self.attempts() if each.run.status != "completed"]
        enders = [threading.Thread(target=self._end_at_once, args=(each,), daemon=True) for each in alive]
        for thread in enders:
            thread.start()
        with self._lock:
            threads = [*enders, *self._threads]
        for thread in threads:
            thread.join(seconds)

    def _end_at_once(self, attempt: Attempt) -> None:
        self._yard.turns.cancel(attempt.ticket)
        attempt.cancel(politely=False)

    def _staged(self, folder: Folder, repository: Repository) -> tuple[RunFolder, str]:
        if self._yard.stage.world.closing.is_set():
            raise LocalError("The sandbox is stopping.")
        if sum(each.run.status != "completed" for each in self.attempts()) >= _MAX_ALIVE:
            raise LocalError(f"{_MAX_ALIVE} runs have not ended yet; no more are queued.")
        stage = RunFolder(self._state / "runs" / str(next(self._numbers)), folder)
        try:
            sha = stage.fill(repository.default_branch, self._yard.tools)
        except LocalError:
            stage.remove()
            raise
        return stage, sha

    def _launch(self, run: Run, workflow: Workflow, stage: RunFolder, started_by: str) -> Attempt:
        run.status = "queued"
        log = RunLog(self._state / "logs" / f"{run.id}-{run.attempt}.log")
        ticket = self._ticket(run, workflow)
        attempt = Attempt(run, workflow, stage, log, ticket, started_by)
        thread = threading.Thread(target=Player(self._yard, attempt).play, name=f"run-{attempt.number}", daemon=True)
        with self._lock:
            self._attempts.append(attempt)
            self._threads = [*(each for each in self._threads if each.is_alive()), thread]
        for displaced in self._yard.turns.enter(ticket):
            self.cancel(next(each for each in self.attempts() if each.ticket is displaced))
        thread.start()
        return attempt

    def _ticket(self, run: Run, workflow: Workflow) -> Ticket:
        contexts = {"github": run_context(run), "inputs": run.event_payload.get("inputs", {})}
        group, replaces, beyond = concurrency(workflow, contexts)
        if beyond:
            self._yard.remark(run.repository, f"{workflow.path}: {beyond}.")
        return Ticket(run.repository.id, group, replaces)
