"""Findings as SARIF, which GitHub's code scanning takes.

https://docs.github.com/en/code-security/code-scanning/integrating-with-code-scanning/sarif-support-for-code-scanning
"""

from collections.abc import Callable, Sequence
from typing import Any

from zekt_workflows.errors import WorkflowFileError
from zekt_workflows.findings import Finding
from zekt_workflows.rules import RULES, Rule

_SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
_HOME = "https://github.com/zekt-dev-org/zekt-action"
_INDEX = {rule.id: number for number, rule in enumerate(RULES)}


def sarif(
    findings: Sequence[Finding], unreadable: Sequence[WorkflowFileError], version: str, uri: Callable[[str], str]
) -> dict[str, Any]:
    """One run, ready for `json.dumps`.

    Args:
        findings: in the order they are to have.
        unreadable: the files of which nothing can be said; they are told as notifications, and the run as unsuccessful.
        version: the linter's.
        uri: a file's address, relative to the root of its repository and percent-encoded, from its path.
    """
    driver = {
        "name": "zekt lint",
        "informationUri": f"{_HOME}/blob/main/docs/lint.md",
        "semanticVersion": version,
        "rules": [_rule(rule) for rule in RULES],
    }
    notifications = [
        {
            "level": "error",
            "message": {"text": each.why},
            "locations": [_location(uri(each.path), each.line, each.column)],
        }
        for each in unreadable
    ]
    run = {
        "tool": {"driver": driver},
        "columnKind": "unicodeCodePoints",
        "invocations": [{"executionSuccessful": not unreadable, "toolExecutionNotifications": notifications}],
        "results": [_result(each, uri) for each in findings],
    }
    return {"$schema": _SCHEMA, "version": "2.1.0", "runs": [run]}


def _rule(rule: Rule) -> dict[str, Any]:
    return {
        "id": rule.id,
        "name": "".join(word.capitalize() for word in rule.id.split("-")),
        "shortDescription": {"text": rule.what},
        "fullDescription": {"text": rule.why},
        "help": {"text": f"{rule.what}. {rule.why}"},
        "helpUri": f"{_HOME}/blob/main/docs/lint.md#the-rules",
        "defaultConfiguration": {"level": rule.severity},
    }


def _result(found: Finding, uri: Callable[[str], str]) -> dict[str, Any]:
    return {
        "ruleId": found.rule.id,
        "ruleIndex": _INDEX[found.rule.id],
        "level": found.rule.severity,
        "message": {"text": f"{found.what} {found.rule.why} To paste:\n{found.fix}"},
        "locations": [_location(uri(found.path), found.place.line, found.place.column)],
    }


def _location(uri: str, line: int, column: int) -> dict[str, Any]:
    """Of the whole file where there is no line."""
    place: dict[str, Any] = {"artifactLocation": {"uri": uri, "uriBaseId": "%SRCROOT%"}}
    if line:
        place["region"] = {"startLine": line, "startColumn": column or 1}
    return {"physicalLocation": place}
