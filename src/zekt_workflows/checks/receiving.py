"""A consumer's workflow: what starts it, confirm and complete."""

from collections.abc import Iterator

from zekt_workflows.conditions import CANCELLED, FAILURE, runs_in
from zekt_workflows.embedded import condition, embedded, is_mixed
from zekt_workflows.expressions import Reference, mentioned_calls, reaches
from zekt_workflows.findings import Finding, finding
from zekt_workflows.message import scalars
from zekt_workflows.model import Job, Step, Workflow
from zekt_workflows.ours import Ours, Part, is_consumer, ours
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

_TITLE = (
    "run-name: ${{ github.event.client_payload.zekt.service.alias }} "
    "${{ github.event.client_payload.zekt.correlationId }}"
)


def _steps(flow: Workflow, part: Part) -> Iterator[tuple[Ours, Step]]:
    return ((each, each.step) for each in ours(flow) if each.part is part and each.step is not None)


def complete_condition(flow: Workflow) -> Iterator[Finding]:
    for each, step in _steps(flow, Part.COMPLETE):
        states = runs_in(flow.source, step.condition)
        place = each.uses.text.place if step.condition is None else step.condition.place
        if FAILURE not in states:
            what = "This step is skipped when a step before it fails."
            yield finding(COMPLETE_ALWAYS, flow, place, what, _always(flow, step))
        elif CANCELLED not in states:
            what = "This step is skipped when the run is cancelled."
            yield finding(COMPLETE_CANCELLED, flow, place, what, _always(flow, step))


def _always(flow: Workflow, step: Step) -> str:
    """What was asked stays asked, where it has nothing to do with how the job stands."""
    if step.condition is not None and not step.condition.is_null and not is_mixed(step.condition):
        (asked,) = condition(flow.source, step.condition)
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
    for each, step in _steps(flow, Part.CONFIRM):
        if not _reads(flow, each.job, step, "duplicate"):
            what = "Nothing in this job asks whether the delivery was confirmed before."
            name = step.id.text if step.id else "confirm"
            fix = f"if: steps.{name}.outputs.duplicate != 'true' # on each step that works"
            yield finding(DUPLICATE_UNREAD, flow, each.uses.text.place, what,
                          fix if step.id else f"id: confirm # on this step\n{fix}")  # fmt: skip


def fail_on_error(flow: Workflow) -> Iterator[Finding]:
    for each, step in _steps(flow, Part.CONFIRM):
        if step.argument("fail-on-error") is not None or _reads(flow, each.job, step, "error-code"):
            continue
        if _reads(flow, each.job, step, "payload-path") or _reads(flow, each.job, step, "payload"):
            what = "The job uses the message, and nothing stops it where confirm could not get one."
            yield finding(FAIL_ON_ERROR, flow, each.uses.text.place, what, "with:\n  fail-on-error: true")


def _reads(flow: Workflow, job: Job, step: Step, output: str) -> bool:
    if step.id is None:
        return False
    target = ("steps", step.id.text.lower(), "outputs", output)
    return any(reaches(reference, target, as_json=True) for reference in _mentioned(flow, job))


def _mentioned(flow: Workflow, job: Job) -> Iterator[Reference]:
    """All that the job's expressions look at."""
    for scalar in scalars(job.raw):
        for expression in embedded(flow.source, scalar):
            yield from expression.mentioned()
    for step in job.steps:
        if step.condition is not None and "${{" not in step.condition.text:
            for expression in condition(flow.source, step.condition):
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
