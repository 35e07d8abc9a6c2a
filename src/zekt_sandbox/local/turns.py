"""Which run goes first: a few of one repository at a time, and of a concurrency group only one."""

import re
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from zekt_sandbox.runs import Run
from zekt_workflows.model import Workflow
from zekt_workflows.source import Pairs, Scalar

PER_REPOSITORY = 2
ALTOGETHER = 4

_EXPRESSION = re.compile(r"\$\{\{(.*?)\}\}", re.DOTALL)
_PATH = re.compile(r"[A-Za-z_][\w-]*(\.[\w-]+)*")


@dataclass(eq=False, slots=True)
class Ticket:
    """A run that waits for its turn, or has it."""

    repository_id: int
    group: str | None = None
    """Of its workflow's `concurrency:`."""
    replaces: bool = False
    """`cancel-in-progress`."""
    cancelled: threading.Event = field(default_factory=threading.Event)


class Turns:
    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._waiting: list[Ticket] = []
        self._running: list[Ticket] = []

    def enter(self, ticket: Ticket) -> list[Ticket]:
        """Line up. Gives the tickets that GitHub cancels for it: whoever waits in its group, or runs there too.

        https://docs.github.com/actions/how-tos/write-workflows/choose-when-workflows-run/control-workflow-concurrency
        """
        with self._changed:
            rivals = self._waiting + (self._running if ticket.replaces else [])
            displaced = [each for each in rivals if _same_group(each, ticket)]
            self._waiting.append(ticket)
        return displaced

    def wait(self, ticket: Ticket) -> bool:
        """Block until it is its turn; False where it was cancelled before."""
        with self._changed:
            self._changed.wait_for(lambda: ticket.cancelled.is_set() or self._may(ticket))
            self._waiting.remove(ticket)
            if ticket.cancelled.is_set():
                return False
            self._running.append(ticket)
            return True

    def cancel(self, ticket: Ticket) -> None:
        with self._changed:
            ticket.cancelled.set()
            self._changed.notify_all()

    def leave(self, ticket: Ticket) -> None:
        """Its run has ended."""
        with self._changed:
            if ticket in self._running:
                self._running.remove(ticket)
            self._changed.notify_all()

    def _may(self, ticket: Ticket) -> bool:
        here = [each for each in self._running if each.repository_id == ticket.repository_id]
        if len(here) >= PER_REPOSITORY or len(self._running) >= ALTOGETHER:
            return False
        return not any(_same_group(each, ticket) for each in self._running)


def _same_group(one: Ticket, other: Ticket) -> bool:
    return one.group is not None and (one.repository_id, one.group) == (other.repository_id, other.group)


def concurrency(workflow: Workflow, contexts: Mapping[str, Any]) -> tuple[str | None, bool, str]:
    """A workflow's concurrency group, whether it cancels what runs, and what of it is not honoured here.

    Expressions are read as far as they are names of `github`, `inputs` and text in quotes, joined by `||`.
    """
    said = workflow.raw.get("concurrency")
    options = said if isinstance(said, Pairs) else None
    group = options.get("group") if options else said
    if not isinstance(group, Scalar) or group.is_null:
        return None, False, ""
    found = _EXPRESSION.sub(lambda each: _evaluated(each[1], contexts), group.text)
    if "\0" in found:
        return None, False, f"the concurrency group `{group.text}` is beyond the sandbox, and not held to here"
    replaces = options.get("cancel-in-progress") if options else None
    return found.lower(), isinstance(replaces, Scalar) and replaces.is_true, ""


def run_context(run: Run) -> dict[str, Any]:
    """`github` of a run, as far as names of it can stand in a concurrency group."""
    named = {name.removeprefix("GITHUB_").lower(): value for name, value in run.variables().items()}
    return {**named, "event": run.event_file()}


def _evaluated(expression: str, contexts: Mapping[str, Any]) -> str:
    """The value as text; a NUL where the expression is more than we read."""
    for part in map(str.strip, expression.split("||")):
        if len(part) > 1 and part[0] == part[-1] == "'" and "'" not in part[1:-1]:
            value: Any = part[1:-1]
        elif _PATH.fullmatch(part):
            value = _looked_up(part, contexts)
        else:
            return "\0"
        if value not in (None, "", False, 0):
            return str(value).lower() if isinstance(value, bool) else str(value)
    return ""


def _looked_up(path: str, contexts: Mapping[str, Any]) -> Any:
    value: Any = contexts
    for name in path.split("."):
        value = value.get(name) if isinstance(value, Mapping) else None
    return value if isinstance(value, str | int | float | bool) else None
