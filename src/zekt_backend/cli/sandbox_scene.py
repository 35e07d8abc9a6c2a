"""What there is once `zekt sandbox up` runs: repositories, what starts their workflows, and what to type next."""

from collections.abc import Sequence
from pathlib import Path

from rich.console import Console
from rich.text import Text

from zekt_backend.cli.look import plain
from zekt_sandbox.local.folders import Folder
from zekt_workflows.errors import WorkflowFileError
from zekt_workflows.model import Event, Workflow
from zekt_workflows.reader import read

_BY_HAND = ("workflow_dispatch", "push")
_EXAMPLE = ("OWNER/REPO", "WORKFLOW.yml")


def show(console: Console, folders: Sequence[Folder], *, github: str, port: str) -> None:
    """Every repository with its workflows, and commands that fit them.

    Args:
        console: where.
        folders: the repositories.
        github: the sandbox's address.
        port: what commands need to find it: ` --port 8761`, or nothing.
    """
    say(console, "", f"GitHub is played at {github}, with")
    example = _EXAMPLE
    for folder in folders:
        say(console, f"  {folder.full_name}")
        for path, text in folder.workflows().items():
            name = Path(path).name
            starts, by_hand = _starts(text)
            if by_hand and example is _EXAMPLE:
                example = (folder.full_name, name)
            say(console, f"    {name:<32} {starts}")
    say(console, "", "In another terminal:")
    for command in (
        f"zekt sandbox run {example[0]} {example[1]}{port}",
        f"zekt sandbox ps{port}",
        f'eval "$(zekt sandbox env{port})"   # from here on zekt deliveries, zekt explain RUN … ask this broker',
    ):
        say(console, f"  {command}")


def say(console: Console, *lines: str, style: str = "") -> None:
    for line in lines:
        console.print(Text(plain(line), style), highlight=False, soft_wrap=True)


def _starts(text: str) -> tuple[str, bool]:
    """What starts it, in words; and whether `zekt sandbox run` does."""
    try:
        workflow = read(text)
    except WorkflowFileError as error:
        return f"cannot be read: {error}", False
    told = [_event(event) for event in workflow.events]
    return f"on {', '.join(told)}", _by_hand(workflow)


def _by_hand(workflow: Workflow) -> bool:
    """Without inputs that somebody would have to think of."""
    return any(
        event.name.text in _BY_HAND and not any(each.required and each.default is None for each in event.inputs)
        for event in workflow.events
    )


def _event(event: Event) -> str:
    types = " or ".join(each.text for each in event.types or ())
    inputs = ", ".join(each.name.text for each in event.inputs)
    return " ".join(filter(None, [event.name.text, types, inputs and f"(inputs: {inputs})"]))
