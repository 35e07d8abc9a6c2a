"""Migrations are one line without forks, each saying what it is for."""

from pathlib import Path

import pytest
from alembic.script import ScriptDirectory


@pytest.fixture(scope="module")
def scripts(root: Path) -> ScriptDirectory:
    return ScriptDirectory(str(root / "src/zekt_backend/store/migrations"))


def test_there_is_one_newest_migration(scripts: ScriptDirectory) -> None:
    assert len(scripts.get_heads()) == 1


def test_there_is_one_first_migration(scripts: ScriptDirectory) -> None:
    assert len(scripts.get_bases()) == 1


def test_every_migration_says_what_it_is_for(scripts: ScriptDirectory) -> None:
    revisions = list(scripts.walk_revisions())
    assert revisions
    assert [revision.revision for revision in revisions if not revision.doc] == []
