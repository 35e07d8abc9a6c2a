"""CHANGELOG.md has the form that https://keepachangelog.com/en/1.1.0/ describes, so that a release can read it."""

import re
from pathlib import Path

import pytest

KINDS = {"Added", "Changed", "Deprecated", "Removed", "Fixed", "Security"}
VERSION = re.compile(r"\[(\d+)\.(\d+)\.(\d+)(?:-[0-9A-Za-z.-]+)?\] - (\d{4}-\d\d-\d\d)")


@pytest.fixture(scope="module")
def headings(root: Path) -> list[tuple[str, str]]:
    """(marks, text), in order."""
    return re.findall(r"^(#+) (.+)$", (root / "CHANGELOG.md").read_text("utf-8"), re.MULTILINE)


def test_it_begins_with_its_name_and_what_is_unreleased(headings: list[tuple[str, str]]) -> None:
    assert headings[:2] == [("#", "Changelog"), ("##", "[Unreleased]")]


def test_every_other_section_is_a_version_with_its_day_the_newest_first(headings: list[tuple[str, str]]) -> None:
    versions = [text for marks, text in headings[2:] if marks == "##"]
    found = [VERSION.fullmatch(text) for text in versions]
    assert all(found), versions
    days = [match[4] for match in found if match]
    assert days == sorted(days, reverse=True)


def test_what_changed_is_grouped_by_kind_each_once_a_version(root: Path) -> None:
    sections = re.split(r"^## ", (root / "CHANGELOG.md").read_text("utf-8"), flags=re.MULTILINE)[1:]
    kinds = [re.findall(r"^### (.+)$", section, re.MULTILINE) for section in sections]
    assert any(kinds)
    assert [found for found in kinds if len(set(found)) != len(found) or not set(found) <= KINDS] == []
