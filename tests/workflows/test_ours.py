"""What we give others to copy has nothing above a note, and the page of the rules is the rules."""

import re
from pathlib import Path

from zekt_backend.cli.lint import look
from zekt_testing.pages import Page
from zekt_testing.snippets import kind_of_yaml
from zekt_workflows.findings import Finding
from zekt_workflows.lint import lint
from zekt_workflows.reader import read, read_file
from zekt_workflows.rules import RULES, UNPINNED, Severity


def serious(found: list[Finding]) -> list[str]:
    return [
        f"{each.path}:{each.place.line}: {each.rule.id}: {each.what}"
        for each in found
        if each.rule.severity is not Severity.NOTE
    ]


def test_our_examples_have_notes_of_unpinned_tags_alone(root: Path) -> None:
    flows = [read_file(path) for path in sorted((root / "examples").rglob(".github/workflows/*.yml"))]
    assert len(flows) > 10
    found = lint(flows)
    assert serious(found) == []
    assert {each.rule for each in found} == {UNPINNED}


def test_each_examples_files_send_what_they_listen_for(root: Path) -> None:
    setups = sorted((root / "examples").glob("*/setup.yaml"))
    assert len(setups) > 3
    results = [look([setup.parent], setup) for setup in setups]
    assert [each.unreadable for each in results] == [[]] * len(setups)
    assert [serious(list(each.findings)) for each in results] == [[]] * len(setups)


def test_our_own_workflows_have_nothing(root: Path) -> None:
    flows = [read_file(path) for path in sorted((root / ".github/workflows").glob("*.yml"))]
    assert len(flows) > 4
    assert lint(flows) == []


def test_the_workflows_in_our_documents_have_nothing_above_a_note(root: Path) -> None:
    pages = [root / "README.md", *(root / "docs").glob("*.md"), *(root / "examples").rglob("*.md")]
    blocks = [block for path in pages for block in Page(path.relative_to(root), path.read_text("utf-8")).blocks()]
    whole = [
        block for block in blocks if block.language == "yaml" and kind_of_yaml(block.text) == ("workflow", block.text)
    ]
    ours = [block for block in whole if "zekt_payload:" not in block.text]  # the hosted service's, to be replaced
    assert len(ours) >= 3
    assert serious(lint([read(block.text, str(block)) for block in ours])) == []


def test_the_table_of_rules_is_the_rules(root: Path) -> None:
    page = (root / "docs/lint.md").read_text("utf-8")
    rows = [line for line in page.splitlines() if line.startswith("| `") and line.count(" | ") == 3]
    assert rows == [f"| `{rule.id}` | {rule.severity} | {rule.what} | {rule.why} |" for rule in RULES]


def test_the_names_of_rules_can_be_written_in_a_comment() -> None:
    names = [rule.id for rule in RULES]
    assert all(re.fullmatch("[a-z-]+", name) for name in names)
    assert len(set(names)) == len(names)
