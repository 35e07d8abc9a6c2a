"""Where a message's text goes inside one file: from the event or confirm, by env, outputs and the matrix."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from graphlib import CycleError, TopologicalSorter

from zekt_workflows.embedded import Expression, embedded
from zekt_workflows.expressions import Reference, reaches
from zekt_workflows.model import Job, Named, Step, Workflow
from zekt_workflows.ours import Part, part_of
from zekt_workflows.scripts import written
from zekt_workflows.source import Items, Pairs, Scalar, Value

Path = tuple[str, ...]

_EVENT: Path = ("github", "event", "client_payload")
_LONGEST = 4
"""Segments of what is looked for: `needs.job.outputs.name`, and nothing is longer."""


@dataclass(frozen=True, slots=True)
class Known:
    """What holds text of the message in some part of the file, and which variables name a file with it."""

    paths: frozenset[Path]
    variables: frozenset[str] = frozenset()
    """Environment variables that hold it, as a script names them."""
    files: frozenset[str] = frozenset()
    """Environment variables that hold the path of a file with it."""

    def found(self, expression: Expression) -> bool:
        """Whether the expression can give text of the message."""
        return any(self.touches(reference, as_json=as_json) for reference, as_json in expression.given())

    def touches(self, reference: Reference, *, as_json: bool = False) -> bool:
        if as_json or "*" in reference.path:
            return any(reaches(reference, path, as_json=as_json) for path in self.paths)
        longest = min(len(reference.path), _LONGEST)
        return any(reference.path[:length] in self.paths for length in range(1, longest + 1))


class Message:
    """Follows the message through a file."""

    def __init__(self, flow: Workflow) -> None:
        self._flow = flow
        self._top = self._with_env(Known(frozenset({_EVENT})), flow.env)
        self._outputs: dict[str, frozenset[str]] = {}
        for job in _in_order(flow.jobs):
            self._outputs[job.id.text.lower()] = self._job_outputs(job)

    def in_job(self, job: Job) -> Known:
        """For what stands in the job itself."""
        paths = set(self._top.paths)
        for need in job.needs:
            name = need.text.lower()
            paths |= {("needs", name, "outputs", output) for output in self._outputs.get(name, ())}
        known = Known(frozenset(paths), self._top.variables)
        matrix = job.strategy.get("matrix") if isinstance(job.strategy, Pairs) else None
        known = _more(known, self._matrix(known, matrix))
        return self._with_env(known, job.env)

    def in_steps(self, job: Job) -> Iterator[tuple[Step, Known]]:
        """Each step, with what is known before it runs."""
        known = self.in_job(job)
        for step in job.steps:
            here = self._with_env(known, step.env)
            yield step, here
            known = _more(known, self._step_outputs(step, here))

    def _job_outputs(self, job: Job) -> frozenset[str]:
        known = self.in_job(job)
        for step in job.steps:
            known = _more(known, self._step_outputs(step, self._with_env(known, step.env)))
        return frozenset(name.text.lower() for name, value in job.outputs if self._carries(known, value))

    def _step_outputs(self, step: Step, known: Known) -> Iterator[Path]:
        """Of confirm, what it gives; of a script, what it copies."""
        name = step.id.text.lower() if step.id else ""
        if part_of(step.uses) is Part.CONFIRM and name:
            yield ("steps", name, "outputs", "payload")
        for each in written(step.run.text, known.variables, known.files) if step.run else ():
            if each.to_env:
                yield ("env", each.name.lower())
            elif name:
                yield ("steps", name, "outputs", each.name.lower())

    def _matrix(self, known: Known, matrix: Value | None) -> Iterator[Path]:
        if isinstance(matrix, Scalar) and self._carries(known, matrix):
            yield ("matrix",)
        for name, value in matrix if isinstance(matrix, Pairs) else ():
            if any(self._carries(known, scalar) for scalar in scalars(value)):
                yield ("matrix",) if name.text in ("include", "exclude") else ("matrix", name.text.lower())

    def _with_env(self, known: Known, env: Named) -> Known:
        """A name that is set anew no longer holds what it held before."""
        if not env:
            return known
        names = {name.text for name, _ in env}
        carrying = {name.text for name, value in env if self._carries(known, value)}
        lowered = {name.lower() for name in names}
        paths = {path for path in known.paths if not (path[0] == "env" and path[1] in lowered)}
        return Known(
            frozenset(paths | {("env", name.lower()) for name in carrying}),
            (known.variables - names) | carrying,
            (known.files - names) | {name.text for name, value in env if self._names_a_file(value)},
        )

    def _carries(self, known: Known, value: Scalar) -> bool:
        return any(known.found(expression) for expression in embedded(self._flow.source, value))

    def _names_a_file(self, value: Scalar) -> bool:
        return any(
            reference.path[-2:] == ("outputs", "payload-path")
            for expression in embedded(self._flow.source, value)
            for reference, _ in expression.given()
        )


def scalars(value: Value) -> Iterator[Scalar]:
    """Every single value inside."""
    todo = [value]
    while todo:
        here = todo.pop()
        if isinstance(here, Scalar):
            yield here
        elif isinstance(here, Items):
            todo += here.values
        else:
            todo += [each for _, each in here]


def _in_order(jobs: Sequence[Job]) -> Sequence[Job]:
    """Each after those that it needs, so that one look at each is enough; GitHub runs no file where they go round."""
    by_name = {job.id.text.lower(): job for job in jobs}
    needed = {name: [need.text.lower() for need in job.needs] for name, job in by_name.items()}
    try:
        return [by_name[name] for name in TopologicalSorter(needed).static_order() if name in by_name]
    except CycleError:
        return jobs


def _more(known: Known, paths: Iterable[Path]) -> Known:
    new = set(paths) - known.paths
    return Known(known.paths | new, known.variables, known.files) if new else known
