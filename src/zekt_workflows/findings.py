"""What the linter found, and what somebody has said not to be told of."""

import re
from dataclasses import dataclass

from zekt_workflows.model import Workflow
from zekt_workflows.rules import Rule
from zekt_workflows.source import Place, Source

_IGNORED = re.compile(r"#\s*zekt:\s*ignore\[([a-z, -]*)\]")


@dataclass(frozen=True, slots=True)
class Finding:
    rule: Rule
    path: str
    place: Place
    what: str
    """What is wrong here, in one sentence."""
    fix: str
    """Lines to paste."""
    begins: int
    """The line on which the value or step that it stands in begins; a comment there silences it, too."""


def finding(rule: Rule, flow: Workflow, place: Place, what: str, fix: str, *, begins: int = 0) -> Finding:
    return Finding(rule, flow.path, place, what, fix, begins or place.line)


def is_ignored(found: Finding, source: Source) -> bool:
    """Whether a comment `# zekt: ignore[rule]` stands on its line, or where its value begins."""
    lines = {source.line(found.place.line), source.line(found.begins)}
    named = (name.strip() for line in lines for each in _IGNORED.findall(line) for name in each.split(","))
    return found.rule.id in named
