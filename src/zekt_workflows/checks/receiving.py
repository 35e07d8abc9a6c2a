"""A consumer's workflow: what starts it, confirm and complete."""

from collections.abc import Iterator

from zekt_workflows.conditions import CANCELLED, FAILURE, STATES, SUCCESS, runs_in
from zekt_workflows.embedded import condition, embedded, is_mixed
from zekt_workflows.expressions import Reference, mentioned_calls, reaches
from zekt_workflows.findings import Finding, finding
from zekt_workflows.message import scalars
from zekt_workflows.model import Job, Step, Workflow
from zekt_workflows.ours import Ours, Part, is_consumer, ours, part_of
from zekt_workflows.rules import (
    COMPLETE_ALWAYS,
    COMPLETE_CANCELLED,
    COMPLETE_STATUS,
    CONFIRM_FIRST,
    DISPATCH_TYPES,
    DUPLICATE_UNREAD,
    FAIL_ON_ERROR,
    RUN_NAME,
)
from zekt_workflows.source import Scalar

_WORDS = {FAILURE: "what it waits for fails", SUCCESS: "all goes well", CANCELLED: "the run is cancelled"}
_TITLE = (
    "run-name: ${{ github.event.client_payload.zekt.service.alias }} "
    "${{ github.event.client_payload.zekt.correlationId }}"
)


def _steps(flow: Workflow, part: Part) -> Iterator[tuple[Ours, Step]]:
    return ((each, each.step) for each in ours(flow) if each.part is part and each.step is not None)


def complete_condition(flow: Workflow) -> Iterator[Finding]:
    """Of several in one job, as for success and for failure, all together; the last is where it is told."""
    by_job: dict[str, list[tuple[Ours, Step]]] = {}
    for each, step in _steps(flow, Part.COMPLETE):
        by_job.setdefault(each.job.id.text, []).append((each, step))
    for completes in by_job.values():
        last, step = completes[-1]
        of_steps = frozenset[str]().union(*(_of_step(flow, last.job, step) for _, step in completes))
        for what, states, asked in (
            ("step", of_steps, step.condition),
            ("job", _of_job(flow, last.job), last.job.condition),
        ):
            rule = COMPLETE_ALWAYS if {SUCCESS, FAILURE} - states else COMPLETE_CANCELLED
            skipped = [words for state, words in _WORDS.items() if state not in states]
            if skipped:
                place = last.uses.text.place if asked is None else asked.place
                fix = _always(flow, asked) + (" # of the job, not of the step" if what == "job" else "")
                yield finding(rule, flow, place, f"This {what} is skipped when {skipped[0]}.", fix)


def _of_step(flow: Workflow, job: Job, step: Step) -> frozenset[str]:
    """Nothing can have failed before the first step."""
    first = job.steps[0].place == step.place and step.condition is None
    return STATES if first else runs_in(flow.source, step.condition)


def _of_job(flow: Workflow, job: Job) -> frozenset[str]:
    """A job that has confirmed by itself does not hang on others: when it is skipped, so is confirm."""
    alone = not job.needs or any(part_of(step.uses) is Part.CONFIRM for step in job.steps)
    return STATES if alone else runs_in(flow.source, job.condition)


def _always(flow: Workflow, scalar: Scalar | None) -> str:
    """What was asked stays asked, where it has nothing to do with how the job stands."""
    if scalar is not None and not scalar.is_null and not is_mixed(scalar):
        (asked,) = condition(flow.source, scalar)
        if asked.node is not None and not {*mentioned_calls(asked.node)} & {"success", "failure", "cancelled"}:
            return f"if: always() && ({' '.join(asked.text.split())})"
    return "if: always()"


def complete_status(flow: Workflow) -> Iterator[Finding]:
    for each, step in _steps(flow, Part.COMPLETE):
        status = step.argument("status")
        if status is None:
            what, place = "`status` is not given.", each.uses.text.place
        elif any(expression.mentioned() or expression.node is None for expression in embedded(flow.source, status)):
            continue
        elif not status.is_null and _of_step(flow, each.job, step) <= {status.text.strip().lower()}:
            continue  # it runs at that end alone
        else:
            what, place = "`status` is the same however the job ends.", status.place
        yield finding(COMPLETE_STATUS, flow, place, what, "with:\n  status: ${{ job.status }}")


def confirm_first(flow: Workflow) -> Iterator[Finding]:
    seen: set[str] = set()
    for each in ours(flow):
        if each.part is Part.CONFIRM and each.job.id.text in seen:
            what = f"Another step of Zekt's comes before it in the job `{each.job.id.text}`."
            fix = f"steps:\n  - id: confirm # before all others\n    uses: {each.uses.text.text}"
            yield finding(CONFIRM_FIRST, flow, each.uses.text.place, what, fix)
        seen.add(each.job.id.text)


def duplicate_unread(flow: Workflow) -> Iterator[Finding]:
    reads = _Reads(flow)
    for each, step in _steps(flow, Part.CONFIRM):
        if not reads.output(each.job, step, "duplicate"):
            what = "Nothing in this job asks whether the delivery was confirmed before."
            name = step.id.text if step.id else "confirm"
            fix = f"if: steps.{name}.outputs.duplicate != 'true' # on each step that works"
            yield finding(DUPLICATE_UNREAD, flow, each.uses.text.place, what,
                          fix if step.id else f"id: confirm # on this step\n{fix}")  # fmt: skip


def fail_on_error(flow: Workflow) -> Iterator[Finding]:
    reads = _Reads(flow)
    for each, step in _steps(flow, Part.CONFIRM):
        if step.argument("fail-on-error") is not None or reads.output(each.job, step, "error-code"):
            continue
        if reads.output(each.job, step, "payload-path") or reads.output(each.job, step, "payload"):
            what = "The job uses the message, and nothing stops it where confirm could not get one."
            yield finding(FAIL_ON_ERROR, flow, each.uses.text.place, what, "with:\n  fail-on-error: true")


class _Reads:
    """What the expressions of each job look at; looked up once a job."""

    def __init__(self, flow: Workflow) -> None:
        self._flow = flow
        self._kept: dict[str, frozenset[tuple[str, ...]]] = {}

    def output(self, job: Job, step: Step, name: str) -> bool:
        """Whether anything in the job looks at this output of the step, or at all of them."""
        if step.id is None:
            return False
        if job.id.text not in self._kept:
            self._kept[job.id.text] = frozenset(each.path[:4] for each in self._mentioned(job))
        target = ("steps", step.id.text.lower(), "outputs", name)
        return any(reaches(Reference(path), target, as_json=True) for path in self._kept[job.id.text])

    def _mentioned(self, job: Job) -> Iterator[Reference]:
        for scalar in scalars(job.raw):
            for expression in embedded(self._flow.source, scalar):
                yield from expression.mentioned()
        for step in job.steps:
            if step.condition is not None and "${{" not in step.condition.text:
                for expression in condition(self._flow.source, step.condition):
                    yield from expression.mentioned()


def dispatch_types(flow: Workflow) -> Iterator[Finding]:
    event = flow.event("repository_dispatch")
    if event is not None and event.types is None and is_consumer(flow):
        what = "No event types are named."
        yield finding(DISPATCH_TYPES, flow, event.name.place, what,
                      "on:\n  repository_dispatch:\n    types: [the-event-type]")  # fmt: skip


def run_name(flow: Workflow) -> Iterator[Finding]:
    event = flow.event("repository_dispatch")
    if event is not None and flow.run_name is None and is_consumer(flow):
        yield finding(RUN_NAME, flow, event.name.place, "There is no `run-name`.", _TITLE)
