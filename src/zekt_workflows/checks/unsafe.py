"""A message is a stranger's text: it must not become part of a script."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from zekt_workflows.embedded import Expression, condition, embedded, is_mixed, spans
from zekt_workflows.findings import Finding, finding
from zekt_workflows.message import Known, Message, default_shell, scalars
from zekt_workflows.model import Job, Origin, Step, Workflow
from zekt_workflows.rules import PAYLOAD_IN_CODE, PAYLOAD_IN_CONDITION
from zekt_workflows.source import Pairs, Scalar, Value

_CODE_INPUTS = frozenset(
    {
        "script", "run", "command", "commands", "cmd", "code", "bash", "shell", "powershell", "python",
        "inlinescript", "inline-script", "shell-script", "pre-script", "post-script", "run-script", "eval", "composite",
    }
)  # fmt: skip
"""Inputs that are run, by name, because nobody knows every action: `script` is actions/github-script's, `command` and
`composite` are zekt-receive's."""

_CODE_ENDINGS = ("command", "commands")
"""`on_retry_command` of nick-fields/retry, for one."""

_MOST_SHOWN = 100


@dataclass(frozen=True, slots=True)
class _Sink:
    """A value that is run, or that chooses what is run."""

    value: Scalar
    where: str
    read: str
    """How code there reads a variable of the environment; empty where it is no code."""
    straight: bool = False
    """Whether only the message as it came counts, and not what a script has made of it: where nothing but an expression
    can stand, a script that looks at the text first is the way to do it.
    """


def payload_in_code(flow: Workflow) -> Iterator[Finding]:
    message = Message(flow)
    for job in flow.jobs:
        known = message.in_job(job)
        for sink in _of_job(job):
            yield from _pasted(flow, known, sink)
        for step, here in message.in_steps(job):
            for sink in _of_step(step):
                yield from _pasted(flow, here, sink)


def payload_in_condition(flow: Workflow) -> Iterator[Finding]:
    message = Message(flow)
    for job in flow.jobs:
        yield from _always_true(flow, message.in_job(job), job.condition)
        for step, known in message.in_steps(job):
            yield from _always_true(flow, known, step.condition)


def _of_job(job: Job) -> Iterator[_Sink]:
    for key in ("runs-on", "container", "services"):
        value = job.raw.get(key)
        if value is None:
            continue
        for scalar in scalars(value) if key == "runs-on" else _images(value):
            yield _Sink(scalar, f"`{key}`, so that a stranger chooses what runs", "")
    if shell := default_shell(job.raw):
        yield _Sink(shell, "the `shell` of each script", "")
    for name, value in job.arguments:
        if _is_code(name):
            yield _Sink(value, f"`{name.text}`, so that a stranger chooses what runs", "")


def _images(value: Value) -> Iterator[Scalar]:
    """A container's image and options, or those of each service."""
    if isinstance(value, Scalar):
        yield value
    for name, each in value if isinstance(value, Pairs) else ():
        if isinstance(each, Pairs):
            yield from (word for key in ("image", "options") if isinstance(word := each.get(key), Scalar))
        elif isinstance(each, Scalar) and name.text in ("image", "options"):
            yield each


def _of_step(step: Step) -> Iterator[_Sink]:
    if step.run is not None:
        yield _Sink(step.run, "the script of `run`", '"${name}"')
    if step.shell is not None:
        yield _Sink(step.shell, "`shell`", "")
    repository = step.uses.repository.casefold() if step.uses else ""
    image = step.uses is not None and step.uses.origin is Origin.IMAGE
    for name, value in step.arguments:
        key = name.text.casefold()
        if key == "entrypoint" or (key == "args" and image):
            yield _Sink(value, f"`{name.text}`, so that a stranger chooses what runs in the container", "")
        elif key in ("repository", "ref") and repository == "actions/checkout":
            yield _Sink(value, f"`{name.text}`, so that a stranger chooses whose files are there", "", straight=True)
        elif _is_code(name):
            script = repository == "actions/github-script"
            yield _Sink(value, f"the code of `{name.text}`", "process.env.{name}" if script else '"${name}"')


def _is_code(name: Scalar) -> bool:
    key = name.text.casefold()
    return key in _CODE_INPUTS or key.endswith(_CODE_ENDINGS)


def _pasted(flow: Workflow, known: Known, sink: _Sink) -> Iterator[Finding]:
    if sink.straight:
        known = Known(frozenset(path for path in known.paths if path[0] == "github" or path[-1] == "payload"))
    for expression in embedded(flow.source, sink.value):
        if known.found(expression):
            what = f"`{_shown(expression)}` is text of a message, and is pasted into {sink.where}."
            yield finding(PAYLOAD_IN_CODE, flow, expression.place, what, _by_env(expression, sink),
                          begins=sink.value.place.line)  # fmt: skip


def _by_env(expression: Expression, sink: _Sink) -> str:
    if not sink.read:
        return "# write the name out, or choose it from a list of your own; never take it from a message"
    last = next((reference.path for reference, _ in expression.given()), ("message",))
    name = re.sub(r"\W", "_", last[-1]).upper()
    if not re.fullmatch(r"[A-Z_]*[A-Z][A-Z0-9_]*", name):
        name = "MESSAGE"
    read = sink.read.replace("{name}", name)
    return f"env:\n  {name}: ${{{{ {_shown(expression)} }}}}\n# and inside the code: {read}"


def _always_true(flow: Workflow, known: Known, scalar: Scalar | None) -> Iterator[Finding]:
    if scalar is None or not is_mixed(scalar):
        return
    asked = [reference for each in condition(flow.source, scalar) for reference in each.mentioned()]
    if any(known.touches(reference) for reference in asked):
        what = "This `if` has text outside `${{ }}`, so it is true whatever the message says."
        yield finding(PAYLOAD_IN_CONDITION, flow, scalar.place, what, f"if: {_unwrapped(scalar.text)}")


def _unwrapped(text: str) -> str:
    """The same as one expression; quotes that stood around `${{ }}` go with it."""
    parts, at = [], 0
    for start, end in spans(text):
        quoted = text[start - 1 : start] == text[end : end + 1] == "'"
        parts += [text[at : start - quoted], text[start + 3 : end - 2].strip()]
        at = end + quoted
    return " ".join("".join([*parts, text[at:]]).split())


def _shown(expression: Expression) -> str:
    text = " ".join(expression.text.split())
    return text if len(text) <= _MOST_SHOWN else f"{text[:_MOST_SHOWN]}…"
