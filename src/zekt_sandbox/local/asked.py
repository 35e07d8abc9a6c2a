"""Whether a workflow can be started so, and with which inputs: in the words that GitHub has for it."""

import re
from collections.abc import Mapping

from zekt_sandbox.local.errors import LocalError
from zekt_workflows.model import Input, Workflow

DISPATCH = "workflow_dispatch"
_NUMBER = re.compile(r"-?\d+(\.\d+)?([eE][-+]?\d+)?")
_MAX_INPUTS = 25
_MAX_CHARACTERS = 65_535
"""Of all inputs together: https://docs.github.com/actions/reference/workflows-and-actions/events-that-trigger-workflows."""

Given = Mapping[str, str | bool | int | float]


def hears(workflow: Workflow, event: str, kind: str | None = None) -> bool:
    """Whether that event starts it; `kind` is the `repository_dispatch`'s type, or any event's activity."""
    listens = workflow.event(event)
    if listens is None:
        return False
    return kind is None or listens.types is None or kind in {each.text for each in listens.types}


def event_of(workflow: Workflow, wanted: str | None) -> str:
    """The event that a person starts it by: the wanted one, else `workflow_dispatch`, else `push`.

    Raises:
        LocalError: it does not listen for that.
    """
    heard = [event.name.text for event in workflow.events]
    if wanted is None:
        wanted = next((each for each in (DISPATCH, "push") if each in heard), None)
    if wanted in heard and wanted is not None:
        return wanted
    listens = ", ".join(heard) or "nothing"
    if wanted is None:
        raise LocalError(
            f"{workflow.path} listens for {listens}; say which of them to play as `event`, or add `workflow_dispatch:`"
            " under its `on:`."
        )
    raise LocalError(f"Workflow does not have '{wanted}' trigger: {workflow.path} listens for {listens}.")


def inputs_of(workflow: Workflow, given: Given) -> dict[str, str]:
    """The inputs of a `workflow_dispatch` as its event has them: every one a string, defaults filled in.

    Raises:
        LocalError: one is missing, unknown, or does not fit.
    """
    event = workflow.event(DISPATCH)
    declared = {each.name.text: each for each in event.inputs} if event else {}
    unknown = sorted(given.keys() - declared.keys())
    if unknown:
        known = ", ".join(declared) or "none"
        raise LocalError(f"Unexpected inputs provided: {unknown}. {workflow.path} has: {known}.")
    if len(given) > _MAX_INPUTS:
        raise LocalError(f"GitHub takes at most {_MAX_INPUTS} inputs.")
    found = {name: _one(each, given.get(name)) for name, each in declared.items()}
    if sum(map(len, found.values())) > _MAX_CHARACTERS:
        raise LocalError("inputs are too large.")
    return found


def _one(declared: Input, value: str | bool | float | None) -> str:
    name = declared.name.text
    if value is None:
        if declared.default is not None and not declared.default.is_null:
            return declared.default.text
        if declared.required:
            raise LocalError(f"Required input '{name}' not provided.")
        return "false" if declared.type == "boolean" else ""
    text = str(value).lower() if isinstance(value, bool) else str(value)
    options = [each.text for each in declared.options]
    if declared.type == "choice" and text not in options:
        raise LocalError(f"Provided value '{text}' for input '{name}' not in the list of allowed values: {options}.")
    if declared.type == "boolean" and text not in ("true", "false"):
        raise LocalError(f"Provided value '{text}' for input '{name}' is not a boolean: true or false.")
    if declared.type == "number" and not _NUMBER.fullmatch(text):
        raise LocalError(f"Provided value '{text}' for input '{name}' is not a number.")
    return text
