"""lint: what is wrong with workflow files, before they run."""

import json
import os
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import quote

import typer
from rich.console import Console

from zekt_backend import __version__
from zekt_backend.cli import setup_file
from zekt_backend.cli.lint_report import report
from zekt_backend.errors import ZektError
from zekt_workflows.errors import WorkflowFileError
from zekt_workflows.findings import Finding
from zekt_workflows.lint import lint as check
from zekt_workflows.model import Workflow
from zekt_workflows.reader import read_file
from zekt_workflows.rules import Severity
from zekt_workflows.sarif import sarif

_FOLDER = Path(".github/workflows")
_SUFFIXES = (".yml", ".yaml")
_NOT_ENTERED = {".git", "node_modules", ".venv", "venv"}


@dataclass(frozen=True, slots=True)
class Result:
    """All that there is to tell of one call."""

    files: int
    """How many were read."""
    findings: Sequence[Finding]
    unreadable: Sequence[WorkflowFileError]
    lines: dict[str, Workflow]
    """The files by their paths, for whoever wants to show a line."""

    def exit_code(self, *, strict: bool) -> int:
        if self.unreadable:
            return 2
        told = [each for each in self.findings if strict or each.rule.severity is not Severity.NOTE]
        return 1 if told else 0


def lint(
    workflows: Annotated[
        list[Path] | None, typer.Argument(help="Files, or folders to look through; left out: .github/workflows here.")
    ] = None,
    setup: Annotated[
        Path | None, typer.Option(help="A setup file; event types that neither it nor a file sends are told of.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object and nothing else.")] = False,
    as_sarif: Annotated[bool, typer.Option("--sarif", help="Print SARIF 2.1.0, for GitHub's code scanning.")] = False,
    strict: Annotated[bool, typer.Option("--strict", help="Exit with 1 for notes, too.")] = False,
) -> None:
    """What is wrong with workflows that use Zekt: docs/lint.md has every rule."""
    if as_json and as_sarif:
        raise typer.BadParameter("--json and --sarif exclude each other")
    result = look(workflows or [_FOLDER], setup)
    if as_json:
        typer.echo(json.dumps(_as_json(result), indent=2))
    elif as_sarif:
        typer.echo(json.dumps(sarif(result.findings, result.unreadable, __version__, _uri), indent=2))
    else:
        report(Console(), result)
    raise typer.Exit(result.exit_code(strict=strict))


def look(given: Iterable[Path], setup: Path | None) -> Result:
    """Read and check; what cannot be read does not keep the rest from being checked."""
    flows: dict[str, Workflow] = {}
    unreadable = []
    for path in _files(given):
        if path.is_dir():
            unreadable.append(WorkflowFileError(f"no workflow lies below it: {_FOLDER}/NAME.yml", path=str(path)))
            continue
        try:
            flows[str(path)] = read_file(path)
        except WorkflowFileError as error:
            unreadable.append(error)
    services = None
    try:
        services = None if setup is None else _event_types(setup)
    except ZektError as error:
        unreadable.append(WorkflowFileError(error.detail, path=str(setup)))
    return Result(len(flows), check(list(flows.values()), services), unreadable, flows)


def _files(given: Iterable[Path]) -> Iterator[Path]:
    """Each file once. A folder gives what GitHub would read in it and in the repositories below it, or itself."""
    seen = set()
    for path in given:
        for file in _below(path) or [path]:
            if (absolute := os.path.abspath(file)) not in seen:  # noqa: PTH100 — a link stays where it is
                seen.add(absolute)
                yield file


def _below(top: Path) -> list[Path]:
    found = []
    for folder, folders, names in os.walk(top):
        folders[:] = sorted(set(folders) - _NOT_ENTERED)
        if Path(os.path.abspath(folder)).parts[-2:] == _FOLDER.parts:  # noqa: PTH100 — the same
            found += [Path(folder, name) for name in sorted(names) if name.endswith(_SUFFIXES)]
    return [file for file in found if file.is_file()]


def _event_types(setup: Path) -> set[str]:
    accounts = setup_file.read(setup).accounts
    workflows = [workflow for account in accounts for each in account.repositories for workflow in each.workflows]
    return {workflow.service.event_type for workflow in workflows if workflow.service}


def _as_json(result: Result) -> dict[str, Any]:
    counted = Counter(each.rule.severity for each in result.findings)
    return {
        "files": result.files,
        "counts": {severity: counted[severity] for severity in Severity},
        "findings": [
            {
                "rule": each.rule.id,
                "severity": each.rule.severity,
                "path": each.path,
                "line": each.place.line,
                "column": each.place.column,
                "what": each.what,
                "why": each.rule.why,
                "fix": each.fix,
            }
            for each in result.findings
        ],
        "unreadable": [
            {"path": each.path, "line": each.line or None, "column": each.column or None, "why": each.why}
            for each in result.unreadable
        ],
    }


def _uri(path: str) -> str:
    """Relative to the root of the repository that the file lies in, or to here where it lies in none."""
    absolute = Path(os.path.abspath(path))  # noqa: PTH100 — a link is an artifact of its own
    root = next((parent for parent in absolute.parents if (parent / ".git").exists()), Path.cwd())
    return quote(absolute.relative_to(root).as_posix()) if absolute.is_relative_to(root) else absolute.as_uri()
