"""The linter's findings for people: the line, a caret below it, why, and what to paste."""

from collections import Counter
from typing import TYPE_CHECKING

from rich.cells import cell_len
from rich.console import Console
from rich.text import Text

from zekt_backend.cli.look import plain
from zekt_workflows.findings import Finding
from zekt_workflows.rules import Severity
from zekt_workflows.source import Source

if TYPE_CHECKING:
    from zekt_backend.cli.lint import Result

_STYLES = {Severity.ERROR: "bold red", Severity.WARNING: "yellow", Severity.NOTE: "cyan"}
_WIDTH = 160
"""Characters of a source line that are shown."""


def report(out: Console, result: "Result") -> None:
    for found in result.findings:
        _print(out, found, result.lines[found.path].source)
    for error in result.unreadable:
        _line(out, Text.assemble(("cannot read", "bold red"), f" {plain(error)}"))
    counted = Counter(each.rule.severity for each in result.findings)
    told = [f"{counted[each]} {each}{'s' if counted[each] > 1 else ''}" for each in Severity if counted[each]]
    files = f"{result.files} file{'s' if result.files != 1 else ''}"
    _line(out, Text(f"{', '.join(told) or 'Nothing'} found in {files}."))


def _print(out: Console, found: Finding, source: Source) -> None:
    number = str(found.place.line)
    margin = " " * len(number)
    before, line = _cut(source.line(found.place.line), found.place.column - 1)
    _line(
        out,
        Text.assemble(
            (f"{found.rule.severity}[{found.rule.id}]", _STYLES[found.rule.severity]), f" {plain(found.what)}"
        ),
    )
    _line(out, Text(f"{margin}--> {plain(found.path)}:{found.place.line}:{found.place.column}"))
    _line(out, Text(f"{number} | {plain(line)}"))
    _line(out, Text.assemble(f"{margin} | {' ' * cell_len(plain(before))}", ("^", _STYLES[found.rule.severity])))
    _line(out, Text(f"{margin} = {found.rule.why}"))
    for number_, row in enumerate(found.fix.splitlines()):
        _line(out, Text.assemble(f"{margin} {'+' if number_ == 0 else ' '} ", (plain(row), "green")))
    out.print()


def _cut(line: str, column: int) -> tuple[str, str]:
    """What is shown of a long line, and how much of that stands before the column."""
    start = max(0, column - _WIDTH // 2) if len(line) > _WIDTH else 0
    return line[start:column], line[start : start + _WIDTH]


def _line(out: Console, text: Text) -> None:
    # soft_wrap keeps paths and lines to paste in one piece.
    out.print(text, soft_wrap=True, highlight=False)
