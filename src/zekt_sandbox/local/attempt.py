"""One attempt of one run of the room's, from the queue to its end."""

import threading
from dataclasses import dataclass, field
from typing import Any

from zekt_sandbox.local.act import Process
from zekt_sandbox.local.journal import RunLog
from zekt_sandbox.local.stage import RunFolder
from zekt_sandbox.local.turns import Ticket
from zekt_sandbox.runs import Run
from zekt_workflows.model import Workflow


@dataclass(eq=False, slots=True)
class Attempt:
    run: Run
    workflow: Workflow
    stage: RunFolder
    log: RunLog
    ticket: Ticket
    started_by: str
    process: Process | None = None
    process_lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def event_type(self) -> str | None:
        """A `repository_dispatch`'s."""
        return self.run.event_payload.get("action") if self.run.event == "repository_dispatch" else None

    @property
    def number(self) -> str:
        """The run's and the attempt's."""
        return f"{self.run.id}-{self.run.attempt}"

    def as_json(self) -> dict[str, Any]:
        run = self.run
        ended = run.status == "completed"
        return {
            "id": run.id,
            "attempt": run.attempt,
            "repository": run.repository.full_name,
            "workflow": run.workflow,
            "name": run.name,
            "event": run.event,
            "eventType": self.event_type,
            "status": run.status,
            "conclusion": run.conclusion,
            "startedAt": run.started_at.isoformat(),
            "endedAt": run.updated_at.isoformat() if ended else None,
            "startedBy": self.started_by,
        }

    def about(self) -> dict[str, Any]:
        """What stands in each entry of the journal."""
        run = self.run
        return {
            "run": run.id,
            "attempt": run.attempt,
            "repository": run.repository.full_name,
            "workflow": run.workflow,
        }

    def cancel(self, *, politely: bool) -> None:
        """End act, where it runs; blocks until it has ended."""
        with self.process_lock:
            process = self.process
        if process is not None:
            process.end(politely=politely)
