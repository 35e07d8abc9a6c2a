"""`zekt lint`: which files it reads, what it prints for people and programs, and how it ends."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from typer.testing import CliRunner, Result

from workflows.cases import CONFIRM, ZEKT, consumer, steps
from zekt_backend.cli import app
from zekt_workflows.rules import RULES, Severity

ERROR = steps("run: |\n  true\n  ls 'é😀' ${{ github.event.client_payload.x }}")
WARNING = steps(f"uses: {ZEKT}\nwith: {{payload: '${{{{ toJSON(steps) }}}}'}}", top="permissions: {id-token: write}")
NOTE = steps("uses: zekt-dev-org/zekt-action@v0", top="permissions: {id-token: write}")
CLEAN = steps(f"uses: {ZEKT}", top="permissions: {id-token: write}")

Lint = Callable[..., Result]


@pytest.fixture
def lint(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Lint:
    """Called in an empty folder, with as wide a screen as it wants."""
    monkeypatch.chdir(tmp_path)
    return lambda *arguments: CliRunner().invoke(app, ["lint", *arguments], catch_exceptions=False)


def write(path: str, text: str) -> None:
    file = Path(path)
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text, encoding="utf-8")


@pytest.mark.parametrize(
    ("text", "strict", "code"),
    [
        (CLEAN, True, 0),
        (NOTE, False, 0),
        (NOTE, True, 1),
        (WARNING, False, 1),
        (ERROR, False, 1),
        ("on: [", False, 2),
        ("a: b", False, 2),
    ],
)
def test_how_it_ends_says_how_it_went(lint: Lint, text: str, strict: bool, code: int) -> None:
    write(".github/workflows/one.yml", text)
    for output in ([], ["--json"], ["--sarif"]):
        assert lint(*output, *(["--strict"] if strict else [])).exit_code == code


def test_a_file_that_cannot_be_read_hides_nothing_of_the_others(lint: Lint) -> None:
    write(".github/workflows/a.yml", "on: [")
    write(".github/workflows/b.yaml", ERROR)
    done = lint()
    assert done.exit_code == 2
    assert "error[payload-in-code]" in done.stdout
    assert "cannot read .github/workflows/a.yml:1:6: it is no YAML" in done.stdout
    told = json.loads(lint("--json").stdout)
    assert [each["path"] for each in told["unreadable"]] == [".github/workflows/a.yml"]
    assert told["counts"] == {"error": 1, "warning": 0, "note": 0}


def test_people_see_the_line_with_a_caret_below_and_what_to_paste(lint: Lint) -> None:
    write(".github/workflows/one.yml", ERROR)
    lines = lint().stdout.splitlines()
    assert lines[0].startswith("error[payload-in-code] `github.event.client_payload.x` is text of a message, and is")
    assert lines[1] == " --> .github/workflows/one.yml:8:19"
    assert lines[2] == "8 |           ls 'é😀' ${{ github.event.client_payload.x }}"
    assert lines[3] == "  | " + " " * 19 + "^", "an emoji is two cells wide"
    assert lines[5:8] == [
        "  + env:",
        "      X: ${{ github.event.client_payload.x }}",
        '    # and inside the code: "$X"',
    ]
    assert lines[-1] == "1 error found in 1 file."


def test_nothing_of_a_file_steers_the_terminal(lint: Lint) -> None:
    write("one.yml", steps("run: ls \u202e${{ github.event.client_payload['\u202e'] }}" + "y" * 500))
    done = lint("one.yml")
    assert "\u202e" not in done.stdout
    assert "\\u202e${{" in done.stdout
    assert max(len(line) for line in done.stdout.splitlines()[:4]) < 200


def test_folders_are_looked_through_and_each_file_is_read_once(lint: Lint) -> None:
    for path in ("a/b/.github/workflows/x.yml", "c/.github/workflows/y.yaml", "c/.github/workflows/deep/z.yml",
                 "c/other.yml", "c/.github/z.yml", ".git/.github/workflows/no.yml"):  # fmt: skip
        write(path, ERROR)
    told = json.loads(lint(".", "c", "c/.github/workflows", "c/.github/workflows/y.yaml", "--json").stdout)
    assert [each["path"] for each in told["findings"]] == ["a/b/.github/workflows/x.yml", "c/.github/workflows/y.yaml"]


@pytest.mark.parametrize(
    ("given", "why"),
    [
        ([], "cannot read .github/workflows: it cannot be read: No such file or directory"),
        (["empty"], "cannot read empty: no workflow lies below it: .github/workflows/NAME.yml"),
        (["none.yml"], "cannot read none.yml: it cannot be read: No such file or directory"),
    ],
)
def test_where_there_is_nothing_to_read_it_says_so(lint: Lint, given: list[str], why: str) -> None:
    Path("empty").mkdir()
    done = lint(*given)
    assert (done.exit_code, done.stdout.splitlines()) == (2, [why, "Nothing found in 0 files."])


SETUP = """\
accounts:
  - login: shop-team
    repositories:
      - name: orders
        workflows:
          - path: .github/workflows/order.yml
            service: {slug: orders, event-type: order-placed}
"""


def test_with_a_setup_file_it_tells_of_event_types_that_nobody_sends(lint: Lint) -> None:
    write("setup.yaml", SETUP)
    write("one.yml", consumer(f"uses: {CONFIRM}"))
    told = json.loads(lint("one.yml", "--json", "--setup", "setup.yaml").stdout)
    assert [each["fix"] for each in told["findings"] if each["rule"] == "event-type-unsent"] == [
        "types: [order-placed]"
    ]
    write("setup.yaml", "accounts: 5")
    done = lint("one.yml", "--setup", "setup.yaml")
    assert (done.exit_code, "cannot read setup.yaml: setup.yaml:1: accounts: must be a list" in done.stdout) == (
        2,
        True,
    )


def test_the_two_outputs_for_programs_exclude_each_other(lint: Lint) -> None:
    assert lint("--json", "--sarif").exit_code == 2


TEXT = {"type": "object", "required": ["text"], "properties": {"text": {"type": "string", "minLength": 1}}}
PLACE = {
    "type": "object",
    "required": ["physicalLocation"],
    "properties": {
        "physicalLocation": {
            "type": "object",
            "required": ["artifactLocation"],
            "properties": {
                # Relative, without a scheme and a leading slash: code scanning finds it in the repository.
                "artifactLocation": {"required": ["uri"], "properties": {"uri": {"pattern": r"^[^/:\s][^:\s\\]*$"}}},
                "region": {
                    "required": ["startLine", "startColumn"],
                    "properties": {name: {"type": "integer", "minimum": 1} for name in ("startLine", "startColumn")},
                },
            },
        }
    },
}
RULE = {
    "required": ["id", "shortDescription", "fullDescription", "help", "defaultConfiguration"],
    "properties": {
        "id": {"type": "string"}, "shortDescription": TEXT, "fullDescription": TEXT, "help": TEXT,
        "helpUri": {"pattern": "^https://"},
        "defaultConfiguration": {"properties": {"level": {"enum": ["error", "warning", "note"]}}},
    },
}  # fmt: skip
RESULT = {
    "required": ["ruleId", "ruleIndex", "level", "message", "locations"],
    "properties": {
        "level": {"enum": ["error", "warning", "note"]}, "message": TEXT,
        "locations": {"type": "array", "minItems": 1, "items": PLACE},
    },
}  # fmt: skip
RUN = {
    "required": ["tool", "results", "columnKind", "invocations"],
    "properties": {
        "tool": {
            "required": ["driver"],
            "properties": {"driver": {"required": ["name", "rules"], "properties": {"rules": {"items": RULE}}}},
        },
        "columnKind": {"const": "unicodeCodePoints"},
        "invocations": {
            "items": {
                "required": ["executionSuccessful"],
                "properties": {
                    "toolExecutionNotifications": {
                        "items": {
                            "required": ["message"],
                            "properties": {"message": TEXT, "locations": {"items": PLACE}},
                        }
                    }
                },
            }
        },
        "results": {"type": "array", "items": RESULT},
    },
}
SARIF: dict[str, Any] = {
    "required": ["version", "runs"],
    "properties": {"version": {"const": "2.1.0"}, "runs": {"minItems": 1, "maxItems": 1, "items": RUN}},
}
"""What the standard (sections 3.13 and below) and GitHub's code scanning ask for."""


def test_sarif_has_what_code_scanning_asks_for_with_paths_from_the_repositorys_root(
    lint: Lint, monkeypatch: pytest.MonkeyPatch
) -> None:
    Path(".git").mkdir()
    write("sub dir/.github/workflows/one.yml", ERROR + NOTE[NOTE.index("      - ") :])
    write("sub dir/.github/workflows/two.yml", "on: [")
    monkeypatch.chdir("sub dir")
    told = json.loads(lint("--sarif").stdout)
    Draft202012Validator(SARIF).validate(told)
    (run,) = told["runs"]
    rules = run["tool"]["driver"]["rules"]
    assert [each["id"] for each in rules] == [rule.id for rule in RULES]
    assert [rules[each["ruleIndex"]]["id"] == each["ruleId"] for each in run["results"]] == [True, True, True]
    place = run["results"][0]["locations"][0]["physicalLocation"]
    assert place["artifactLocation"] == {"uri": "sub%20dir/.github/workflows/one.yml", "uriBaseId": "%SRCROOT%"}
    assert place["region"] == {"startLine": 8, "startColumn": 19}
    (invocation,) = run["invocations"]
    assert not invocation["executionSuccessful"]
    assert invocation["toolExecutionNotifications"][0]["message"] == {
        "text": "it is no YAML: expected the node content, but found '<stream end>'"
    }


def test_severities_are_sarifs_levels() -> None:
    assert {str(each) for each in Severity} == {"error", "warning", "note"}
