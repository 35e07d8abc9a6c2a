"""Where a message's text goes inside one file: from the event or confirm, by env, outputs and the matrix."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from graphlib import CycleError, TopologicalSorter

from zekt_workflows.embedded import Expression, embedded, spans
from zekt_workflows.expressions import Reference, reaches
from zekt_workflows.model import Job, Named, Step, Workflow
from zekt_workflows.ours import Part, part_of
from zekt_workflows.scripts import Written, written
from zekt_workflows.source import Items, Pairs, Scalar, Value

Path = tuple[str, ...]

_EVENT: Path = ("github", "event", "client_payload")
_EVENT_FILE = "GITHUB_EVENT_PATH"
_INLINE = "ZEKT_FILE_NAMED_INLINE"
"""Stands in a script for an expression that gives the path of a file."""
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
        dispatched = any(flow.event(name) for name in ("repository_dispatch", "workflow_call"))
        known = Known(frozenset({_EVENT}), files=frozenset({_EVENT_FILE} if dispatched else ()))
        self._top = self._with_env(known, flow.env, flow.raw)
        self._outputs: dict[str, frozenset[str]] = {}
        for job in _in_order(flow.jobs):
            self._outputs[job.id.text.lower()] = self._job_outputs(job)

    def in_job(self, job: Job) -> Known:
        """For what stands in the job itself."""
        paths = set(self._top.paths)
        for need in job.needs:
            name = need.text.lower()
            paths |= {("needs", name, "outputs", output) for output in self._outputs.get(name, ())}
        known = Known(frozenset(paths), self._top.variables, self._top.files)
        # The whole of `strategy` may be one expression.
        matrix = job.strategy.get("matrix") if isinstance(job.strategy, Pairs) else job.strategy
        known = _more(known, self._matrix(known, matrix))
        return self._with_env(known, job.env, job.raw)

    def in_steps(self, job: Job) -> Iterator[tuple[Step, Known]]:
        """Each step, with what is known before it runs."""
        known = self.in_job(job)
        for step in job.steps:
            here = self._with_env(known, step.env, step.raw)
            yield step, here
            known = self._after(job, step, known, here)

    def _job_outputs(self, job: Job) -> frozenset[str]:
        known = self.in_job(job)
        for step in job.steps:
            known = self._after(job, step, known, self._with_env(known, step.env, step.raw))
        return frozenset(name.text.lower() for name, value in job.outputs if self._carries(known, value))

    def _after(self, job: Job, step: Step, known: Known, here: Known) -> Known:
        """With what confirm gives, or a script copies; `here` is what the step itself knows."""
        name = step.id.text.lower() if step.id else ""
        paths: set[Path] = set()
        variables: set[str] = set()
        if part_of(step.uses) is Part.CONFIRM and name:
            paths.add(("steps", name, "outputs", "payload"))
        for each in self._written(job, step, step.run, here) if step.run else ():
            last = (each.name.lower(),) if each.name else ()
            if each.to_env:
                paths.add(("env", *last))
                variables.update({each.name} - {""})
            elif name:
                paths.add(("steps", name, "outputs", *last))
        return _more(known, paths, variables)

    def _written(self, job: Job, step: Step, run: Scalar, known: Known) -> Iterator[Written]:
        parts, at = [], 0
        for (start, end), expression in zip(spans(run.text), embedded(self._flow.source, run), strict=True):
            if _is_file(known, expression):
                parts += [run.text[at:start], f"${{{_INLINE}}}"]
                at = end
        script = "".join([*parts, run.text[at:]])
        shell = step.shell or default_shell(job.raw) or default_shell(self._flow.raw)
        return written(script, known.variables, known.files | {_INLINE}, shell=shell.text if shell else "bash")

    def _matrix(self, known: Known, matrix: Value | None) -> Iterator[Path]:
        if isinstance(matrix, Scalar) and self._carries(known, matrix):
            yield ("matrix",)
        for name, value in matrix if isinstance(matrix, Pairs) else ():
            if any(self._carries(known, scalar) for scalar in scalars(value)):
                yield ("matrix",) if name.text in ("include", "exclude") else ("matrix", name.text.lower())

    def _with_env(self, known: Known, env: Named, raw: Pairs) -> Known:
        """A name that is set anew no longer holds what it held before. All of `env` may be one expression."""
        whole = raw.get("env")
        if isinstance(whole, Scalar) and self._carries(known, whole):
            return _more(known, {("env",)})
        if not env:
            return known
        names = {name.text for name, _ in env}
        carrying = {name.text for name, value in env if self._carries(known, value)}
        paths = known.paths - {("env", name.lower()) for name in names}
        return Known(
            frozenset(paths | {("env", name.lower()) for name in carrying}),
            (known.variables - names) | carrying,
            (known.files - names) | {name.text for name, value in env if self._names_a_file(known, value)},
        )

    def _carries(self, known: Known, value: Scalar) -> bool:
        return any(known.found(expression) for expression in embedded(self._flow.source, value))

    def _names_a_file(self, known: Known, value: Scalar) -> bool:
        return any(_is_file(known, expression) for expression in embedded(self._flow.source, value))


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


def default_shell(raw: Pairs) -> Scalar | None:
    """What a job, or the whole file, says under `defaults`."""
    value: Value | None = raw
    for key in ("defaults", "run", "shell"):
        value = value.get(key) if isinstance(value, Pairs) else None
    return value if isinstance(value, Scalar) else None


def _is_file(known: Known, expression: Expression) -> bool:
    """Whether it gives the path of a file that has text of the message."""
    paths = [reference.path for reference, _ in expression.given()]
    return any(
        path[-2:] == ("outputs", "payload-path")
        or path in _in_env(known.files)
        or (path == ("github", "event_path") and _EVENT_FILE in known.files)
        for path in paths
    )


@lru_cache(maxsize=8)
def _in_env(names: frozenset[str]) -> frozenset[Path]:
    """As expressions name the variables; kept, because many expressions ask for the same."""
    return frozenset(("env", name.lower()) for name in names)


def _more(known: Known, paths: Iterable[Path], variables: Iterable[str] = ()) -> Known:
    new, named = set(paths) - known.paths, set(variables) - known.variables
    return Known(known.paths | new, known.variables | named, known.files) if new or named else known
