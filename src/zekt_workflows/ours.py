"""Which of the things that `uses:` names are Zekt's."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from zekt_workflows.model import Job, Origin, Step, Uses, Workflow

NAME = "zekt-action"
"""The repository's name, whoever owns the copy: organisations mirror what they use."""


class Part(StrEnum):
    SEND = "send"
    CONFIRM = "confirm"
    COMPLETE = "complete"
    SEND_JOB = "zekt-send.yml"
    RECEIVE_JOB = "zekt-receive.yml"


_PATHS = {
    "": Part.SEND,
    "send": Part.SEND,
    "confirm": Part.CONFIRM,
    "complete": Part.COMPLETE,
    ".github/workflows/zekt-send.yml": Part.SEND_JOB,
    ".github/workflows/zekt-receive.yml": Part.RECEIVE_JOB,
}
_COMMIT = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class Ours:
    """Something of ours in use: by a step, or by a job that calls a workflow."""

    part: Part
    uses: Uses
    job: Job
    step: Step | None


def part_of(uses: Uses | None) -> Part | None:
    """None where it is somebody else's. What a file's own repository holds (`./`, `$/`) is not known here."""
    if uses is None or uses.origin is not Origin.REPOSITORY or uses.repo.casefold() != NAME:
        return None
    return _PATHS.get(uses.path)


def is_pinned(uses: Uses) -> bool:
    return _COMMIT.fullmatch(uses.ref) is not None


def ours(flow: Workflow) -> Iterator[Ours]:
    """In the order of the file."""
    for job in flow.jobs:
        for uses, step in ((job.uses, None), *((step.uses, step) for step in job.steps)):
            if uses is not None and (part := part_of(uses)):
                yield Ours(part, uses, job, step)


def is_consumer(flow: Workflow) -> bool:
    """Whether it is there for what Zekt dispatches, and not for a `repository_dispatch` of somebody else."""
    if flow.event("repository_dispatch") is None:
        return False
    receiving = {Part.CONFIRM, Part.COMPLETE, Part.RECEIVE_JOB}
    return "client_payload" in flow.source.text or any(each.part in receiving for each in ours(flow))
