"""Migrations are one line without forks, each saying what it is for."""

import re
from pathlib import Path

import pytest
from alembic.script import ScriptDirectory

from zekt_backend.store import schema


@pytest.fixture(scope="module")
def scripts(root: Path) -> ScriptDirectory:
    return ScriptDirectory(str(root / "src/zekt_backend/store/migrations"))


def test_there_is_one_newest_migration(scripts: ScriptDirectory) -> None:
    assert len(scripts.get_heads()) == 1


def test_the_newest_migration_is_the_one_by_whose_file_tables_are_known_for_current(scripts: ScriptDirectory) -> None:
    assert schema.newest() == scripts.get_current_head()


def test_there_is_one_first_migration(scripts: ScriptDirectory) -> None:
    assert len(scripts.get_bases()) == 1


def test_every_migration_says_what_it_is_for(scripts: ScriptDirectory) -> None:
    revisions = list(scripts.walk_revisions())
    assert revisions
    assert [revision.revision for revision in revisions if not revision.doc] == []


# What a statement locks, beside a table that it makes.
_TABLES = re.compile(
    r"\b(?:ALTER TABLE|INDEX (?:CONCURRENTLY )?IF NOT EXISTS \w+ ON|INSERT INTO|UPDATE|DELETE FROM) (\w+)"
)
_REPEATABLE = re.compile(r"\b(?:CREATE (?:TABLE|INDEX)|ADD COLUMN)(?! (?:CONCURRENTLY )?IF NOT EXISTS)")
# Of tables that grow with the traffic, to tens of millions of rows; a plain build would keep their writers waiting.
_PLAIN = re.compile(r"\bINDEX IF NOT EXISTS \w+ ON (?:events|messages|deliveries|attempts|history|decisions)\b")


def test_a_migration_changes_one_table_at_a_time_and_may_be_repeated(scripts: ScriptDirectory) -> None:
    """It runs while events flow: see `store/upgrade.py`. The first one found no tables, and nobody at work."""
    steps = [step for revision in scripts.walk_revisions() if revision.down_revision for step in revision.module.STEPS]
    assert steps
    assert [step for step in steps if len(set(_TABLES.findall(step))) > 1] == []
    assert [step for step in steps if _REPEATABLE.search(step)] == []
    assert [step for step in steps if _PLAIN.search(step)] == []
