"""Runs a migration's steps while others work: each commits by itself, and may be repeated."""

import re
from collections.abc import Sequence

from alembic import op

_INDEX = re.compile(r"\bCREATE INDEX CONCURRENTLY IF NOT EXISTS (\w+)")


def run(steps: Sequence[str]) -> None:
    """Each a statement of its own."""
    for step in steps:
        with op.get_context().autocommit_block():
            if (index := _INDEX.search(step)) is None:
                op.execute(step)
            else:
                _build(step, index[1])


def _build(step: str, name: str) -> None:
    """An index of a table that may be large: writers go on while it is built, however long that takes.

    PostgreSQL waits for every transaction that began before. Nobody waits for us meanwhile, so that there is no reason
    to give up after half a second, and much to lose. What broke off leaves an index that is not valid: it is dropped.
    """
    connection = op.get_bind()
    patience = connection.exec_driver_sql("SHOW lock_timeout").scalar_one()
    op.execute("SET lock_timeout = 0")
    if connection.exec_driver_sql(
        "SELECT 1 FROM pg_index WHERE indexrelid = to_regclass(%s) AND NOT indisvalid", (name,)
    ).scalar():
        op.execute(f"DROP INDEX CONCURRENTLY {name}")
    op.execute(step)
    op.execute(f"SET lock_timeout = '{patience}'")
