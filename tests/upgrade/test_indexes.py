"""Indexes of large tables are built while others write, and after whatever broke a build off."""

import threading
from collections.abc import Callable

import psycopg
import pytest

from zekt_backend.store import schema
from zekt_testing.waiting import until

_LOCK = 0x5A454B54
"""Of migrations, as the version before takes it: waiting, in a transaction."""


@pytest.fixture
def halfway(new_database: Callable[[], str]) -> str:
    """A database whose migration broke off at its indexes."""
    url = new_database()
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("UPDATE alembic_version SET version_num = '0002'")
        connection.execute("DROP INDEX events_received")
        connection.execute("UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'events_run'::regclass")
    return url


def invalid(url: str) -> list[tuple[str]]:
    with psycopg.connect(url) as connection:
        found = connection.execute("SELECT indexrelid::regclass::text FROM pg_index WHERE NOT indisvalid").fetchall()
        assert connection.execute("SELECT to_regclass('events_received')").fetchone() != (None,)
        return found


def until_row(url: str, query: str) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        until(lambda: connection.execute(query.encode()).fetchone(), lambda: f"no row: {query}")


_WRITE = """INSERT INTO events (guid, repository_id, repository, run_id, run_attempt, workflow_name, head_sha, event,
                actor, html_url, received_at) VALUES (%s, 1, 'a/b', %s, 1, '', '', '', '', '', now())"""
_BUILDING = "SELECT 1 FROM pg_stat_activity WHERE query LIKE '%INDEX CONCURRENTLY%' AND wait_event = 'virtualxid'"


def test_what_a_build_that_broke_off_has_left_is_built_anew(halfway: str) -> None:
    schema.migrate(halfway)
    assert invalid(halfway) == []


def test_writers_go_on_while_an_index_waits_for_one_of_them(halfway: str) -> None:
    migrating = threading.Thread(target=schema.migrate, args=(halfway,), daemon=True)
    with psycopg.connect(halfway) as writer, psycopg.connect(halfway, autocommit=True) as other:
        writer.execute(_WRITE, ("one", 1))
        migrating.start()
        until_row(halfway, _BUILDING)
        other.execute("SET lock_timeout = '100ms'")
        for number in range(2, 50):
            other.execute(_WRITE, (str(number), number))
        writer.commit()
    migrating.join(60)
    assert not migrating.is_alive()
    assert invalid(halfway) == []


def test_a_process_of_the_version_before_that_waits_for_its_turn_stops_no_build(halfway: str) -> None:
    migrating = threading.Thread(target=schema.migrate, args=(halfway,), daemon=True)

    def start_the_version_before() -> None:
        with psycopg.connect(halfway) as before:
            # Of those that wait for each other in a ring PostgreSQL ends one: here, the build.
            before.execute("SET deadlock_timeout = '1min'")
            before.execute("SELECT pg_advisory_lock(%s)", (_LOCK,))

    before = threading.Thread(target=start_the_version_before, daemon=True)
    with psycopg.connect(halfway) as writer:
        writer.execute(_WRITE, ("one", 1))
        migrating.start()
        until_row(halfway, _BUILDING)
        before.start()
        until_row(halfway, "SELECT 1 FROM pg_locks WHERE locktype = 'advisory' AND NOT granted")
        writer.commit()
    for each in (before, migrating):
        each.join(60)
        assert not each.is_alive()
    assert invalid(halfway) == []


def test_what_a_newer_engine_makes_anew_and_nothing_reads_is_not_kept(new_database: Callable[[], str]) -> None:
    url = new_database()
    with psycopg.connect(url, autocommit=True) as connection:
        before = indexes_of_the_engine(connection)
        connection.execute("CREATE INDEX pgqueuer_log_status ON pgqueuer_log (status)")
        connection.execute("COMMENT ON TABLE pgqueuer IS 'the engine of the version before'")
        schema.migrate(url)
        assert indexes_of_the_engine(connection) == before
    # Without these it refuses to start, or reads its log from end to end.
    assert {"pgqueuer_picked_slot_idx", "pgqueuer_log_job_id_status", "pgqueuer_log_created"} <= before
    assert "pgqueuer_log_status" not in before


def indexes_of_the_engine(connection: psycopg.Connection) -> set[str]:
    found = connection.execute("SELECT indexname FROM pg_indexes WHERE indexname LIKE 'pgqueuer%'").fetchall()
    return {name for (name,) in found}
