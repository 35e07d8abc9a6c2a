"""Every failure is of one group, so that the groups sum up to the failures."""

import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from zekt_backend.rules.failures import TITLES, Cause, Failed, cause_of, grouped

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)


def categories(root: Path) -> list[str]:
    """Those of docs/errors.md."""
    page = (root / "docs/errors.md").read_text("utf-8").partition("## Why a delivery failed")[2]
    rows = re.findall(r"^\| ([a-z_, ]+) \| .* \| .* \|$", page, re.MULTILINE)
    return [name for row in rows for name in row.split(", ") if name != "accepted"]


def test_every_documented_category_has_a_group_of_its_own_kind(root: Path) -> None:
    found = categories(root)
    assert len(found) > 15
    assert [name for name in found if cause_of(name) is Cause.OTHER] == []
    assert {cause_of(name) for name in found} == set(Cause) - {Cause.OTHER}
    assert set(TITLES) == set(Cause)


@pytest.mark.parametrize("category", [None, "", "accepted", "never heard of", "OTHER"])
def test_what_nobody_knows_is_counted_all_the_same(category: str | None) -> None:
    assert cause_of(category) is Cause.OTHER


def test_groups_are_the_most_frequent_first_and_sum_up() -> None:
    failures = [
        Failed("auth", 2, NOW - timedelta(days=2)),
        Failed("unconfirmed", 4, NOW - timedelta(days=1)),
        Failed("permission", 3, NOW - timedelta(days=3)),
        Failed("timeout", 4, NOW),
        Failed("?", 1, NOW),
    ]
    found = grouped(failures)
    assert [(group.cause.value, group.count) for group in found] == [
        ("auth", 5),
        ("timeout", 4),
        ("unconfirmed", 4),
        ("other", 1),
    ]
    assert found[0].newest_at == NOW - timedelta(days=2)
    assert [part.category for part in found[0].parts] == ["permission", "auth"]
    assert sum(group.count for group in found) == sum(each.count for each in failures)
    assert grouped([]) == []
