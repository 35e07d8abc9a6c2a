"""What a workflow file says, as data; every value knows its line and column.

https://docs.github.com/en/actions/reference/workflows-and-actions/workflow-syntax
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum

from zekt_workflows.source import Pairs, Place, Scalar, Source, Value

Named = tuple[tuple[Scalar, Scalar], ...]
"""Names with their values, as in `env` and `with`."""

_REPOSITORY = re.compile(r"(?P<owner>[^/@\s]+)/(?P<repo>[^/@\s]+)(?:/(?P<path>[^@\s]*))?@(?P<ref>\S+)")


@dataclass(frozen=True, slots=True)
class Input:
    """One input of `workflow_dispatch` or `workflow_call`."""

    name: Scalar
    type: str
    """`string` where the file says nothing, as GitHub takes it."""
    required: bool
    default: Scalar | None
    options: tuple[Scalar, ...]


@dataclass(frozen=True, slots=True)
class Event:
    """One of what starts the workflow."""

    name: Scalar
    types: tuple[Scalar, ...] | None
    """As written; None for every one."""
    inputs: tuple[Input, ...]
    options: Pairs | None
    """Everything that stands under it."""


@dataclass(frozen=True, slots=True)
class Permissions:
    """What a workflow's or a job's token may do."""

    place: Place
    every: str | None
    """`read-all` or `write-all`, where that is all that it says."""
    scopes: Mapping[str, str]

    def of(self, scope: str) -> str:
        """`write`, `read` or `none`: what is not named is not granted."""
        if self.every is not None:
            return self.every.removesuffix("-all")
        return self.scopes.get(scope, "none")


class Origin(StrEnum):
    """Where what `uses:` names comes from."""

    REPOSITORY = "owner/repo/path@ref"
    SAME = "$/path"
    """The repository and the commit of the file itself."""
    WORKSPACE = "./path"
    """Whatever lies in the workspace; of a job, the repository and commit of the file."""
    IMAGE = "docker://image"
    UNKNOWN = "?"


@dataclass(frozen=True, slots=True)
class Uses:
    """An action or a reusable workflow, as `uses:` names it."""

    text: Scalar
    origin: Origin
    owner: str = ""
    repo: str = ""
    path: str = ""
    """Inside the repository; empty for its top."""
    ref: str = ""

    @property
    def repository(self) -> str:
        return f"{self.owner}/{self.repo}"


@dataclass(frozen=True, slots=True)
class Step:
    place: Place
    id: Scalar | None
    name: Scalar | None
    condition: Scalar | None
    """What stands under `if`."""
    uses: Uses | None
    run: Scalar | None
    shell: Scalar | None
    arguments: Named
    """What stands under `with`."""
    env: Named
    raw: Pairs

    def argument(self, name: str) -> Scalar | None:
        """The runner makes the names upper case, so it does not tell `Payload` from `payload`."""
        return next((value for key, value in self.arguments if key.text.casefold() == name), None)


@dataclass(frozen=True, slots=True)
class Job:
    id: Scalar
    name: Scalar | None
    needs: tuple[Scalar, ...]
    condition: Scalar | None
    permissions: Permissions | None
    env: Named
    outputs: Named
    strategy: Value | None
    uses: Uses | None
    """The reusable workflow, of a job that calls one."""
    arguments: Named
    """What that is given: `with`."""
    steps: tuple[Step, ...]
    raw: Pairs

    def argument(self, name: str) -> Scalar | None:
        return next((value for key, value in self.arguments if key.text.casefold() == name), None)


@dataclass(frozen=True, slots=True)
class Workflow:
    source: Source
    name: Scalar | None
    run_name: Scalar | None
    events: tuple[Event, ...]
    permissions: Permissions | None
    env: Named
    jobs: tuple[Job, ...]
    raw: Pairs

    @property
    def path(self) -> str:
        return self.source.path

    def event(self, name: str) -> Event | None:
        return next((event for event in self.events if event.name.text == name), None)

    def steps(self) -> Iterator[tuple[Job, Step]]:
        """Every step with its job, in the order of the file."""
        return ((job, step) for job in self.jobs for step in job.steps)

    def granted(self, job: Job) -> Permissions | None:
        """What holds for the job; None where neither it nor the file says, and the repository's default does."""
        return job.permissions if job.permissions is not None else self.permissions


def uses(text: Scalar) -> Uses:
    """Take apart what `uses:` names."""
    name = text.text
    if name.startswith("docker://"):
        return Uses(text, Origin.IMAGE, path=name.removeprefix("docker://"))
    if name.startswith("$/"):
        return Uses(text, Origin.SAME, path=name.removeprefix("$/").strip("/"))
    if name.startswith(("./", ".\\")):
        return Uses(text, Origin.WORKSPACE, path=name[2:].strip("/"))
    if found := _REPOSITORY.fullmatch(name):
        path = (found["path"] or "").strip("/")
        return Uses(text, Origin.REPOSITORY, found["owner"], found["repo"], path, found["ref"])
    return Uses(text, Origin.UNKNOWN)
