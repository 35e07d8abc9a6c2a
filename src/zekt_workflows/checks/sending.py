"""A provider's workflow: what it sends, and whether anybody sends what a consumer waits for."""

import difflib
import json
from collections.abc import Collection, Iterator, Sequence
from typing import Any, NoReturn

from zekt_workflows.embedded import embedded
from zekt_workflows.expressions import Reference
from zekt_workflows.findings import Finding, finding
from zekt_workflows.model import Workflow
from zekt_workflows.ours import Part, is_consumer, ours, part_of
from zekt_workflows.rules import EVENT_TYPE_UNSENT, PAYLOAD_JSON, PAYLOAD_SIZE
from zekt_workflows.source import Scalar

_WHOLE = frozenset({"github", "steps", "needs", "vars", "env", "secrets", "jobs"})
"""Contexts that are large when all of them is taken."""
_BOUNDED_EVENT = frozenset({"inputs", "client_payload", "action", "number", "ref", "before", "after"})
"""Parts of the event that GitHub itself keeps below the limit."""


def payload_size(flow: Workflow) -> Iterator[Finding]:
    for each in ours(flow):
        payload = (each.step or each.job).argument("payload")
        if payload is None or each.part not in (Part.SEND, Part.SEND_JOB):
            continue
        small = {step.id.text.lower() for step in each.job.steps if step.id and part_of(step.uses)}
        for expression in embedded(flow.source, payload):
            if any(_unbounded(reference, small) for reference, _ in expression.given()):
                what = f"`{' '.join(expression.text.split())[:100]}` can be larger than 131,057 bytes."
                before = (
                    "a step before: some-command > message.json" if each.step else "a job before, with artifact: NAME"
                )
                fix = f"payload-file: message.json # written by {before}"
                yield finding(PAYLOAD_SIZE, flow, expression.place, what, fix, begins=payload.place.line)


def _unbounded(reference: Reference, small: Collection[str]) -> bool:
    path = reference.path
    if len(path) == 1:
        return path[0] in _WHOLE
    if path[0] == "steps":
        return path[1] not in small and (len(path) == 2 or path[2] in ("outputs", "*"))  # noqa: PLR2004 - steps.ID
    if path[0] == "needs":
        return len(path) == 2 or path[2] in ("outputs", "*")  # noqa: PLR2004 - needs.ID
    if path[:2] == ("github", "event"):
        return len(path) == 2 or path[2] not in _BOUNDED_EVENT  # noqa: PLR2004 - the whole event
    return False


def payload_json(flow: Workflow) -> Iterator[Finding]:
    """Only of what stands there literally."""
    for each in ours(flow):
        given = each.step or each.job
        payload = given.argument("payload") if each.part in (Part.SEND, Part.SEND_JOB) else None
        if payload is None or "${{" in payload.text:
            continue
        if why := _no_json(payload):
            yield finding(PAYLOAD_JSON, flow, payload.place, f"{why}.", """payload: '{"key": "value"}'""")


def _no_json(payload: Scalar) -> str:
    """Why; empty where it is."""
    if payload.is_null:
        return "It is empty: what YAML takes for null, the runner hands on as nothing"
    try:
        json.loads(payload.text, parse_constant=_refuse, object_pairs_hook=_once)
    except json.JSONDecodeError as error:
        return f"It is no JSON: {error.msg}, line {error.lineno} column {error.colno} of the value"
    except (ValueError, RecursionError) as error:
        return str(error) if isinstance(error, ValueError) else "It is nested too deeply"
    return ""


def _refuse(word: str) -> NoReturn:
    raise ValueError(f"{word} is no number in JSON")


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    if len(found := dict(pairs)) < len(pairs):
        raise ValueError("An object has a key twice")
    return found


def event_type_unsent(flows: Sequence[Workflow], services: Collection[str]) -> Iterator[Finding]:
    """Against what these files send and what services have; silent where a sender's type is known at run time only."""
    sent = set(services)
    for flow in flows:
        for each in ours(flow):
            given = (each.step or each.job).argument("event-type") if each.part in (Part.SEND, Part.SEND_JOB) else None
            if given is not None:
                sent.add(given.text)
    if any("${{" in each for each in sent):
        return
    for flow in filter(is_consumer, flows):
        event = flow.event("repository_dispatch")
        for heard in event.types or () if event else ():
            if heard.text not in sent:
                near = (
                    difflib.get_close_matches(heard.text, sorted(sent), n=1) or sorted(sent)[:1] or ["the-event-type"]
                )
                what = f"Nobody sends `{heard.text}`: neither a workflow linted here nor a service of the setup file."
                yield finding(EVENT_TYPE_UNSENT, flow, heard.place, what, f"types: [{near[0]}]")
