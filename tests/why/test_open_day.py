"""The day that goes on: what of it is counted already, and what is not, come to what all of its rows come to."""

import asyncio
import threading
from collections.abc import Callable
from datetime import UTC, datetime, time, timedelta
from functools import partial
from typing import Any

import psycopg
import pytest

from zekt_backend.flows.close_days import GRACE, close_days
from zekt_backend.store import usage
from zekt_backend.store.database import Database
from zekt_testing.broker import ORDER
from zekt_testing.clock import ManualClock

Start = Callable[..., Any]
NOON = datetime.combine(datetime.now(UTC).date() - timedelta(days=1), time(12), UTC)
"""Of a day that real time does not move. Everything of it happened by hand."""
MINUTE = timedelta(minutes=1)
ONCE = {"messages": 1, "refused": 2, "events": 1, "blocked": 0, "dispatches": 1, "retries": 1, "confirms": 1}
ONCE |= {"completes": 1, "bytes": 8}
BY = ("day", "workflow")


def happen(zekt: Any, at: datetime) -> None:
    """Everything that counts, once."""
    run = zekt.start_run()
    zekt.send(run, {"n": 1})
    zekt.github.finish_run(run)
    for table in ("messages", "events"):
        zekt.sql(f"UPDATE {table} SET received_at = %s WHERE run_id = %s", at, run.id)
    zekt.sql(
        """INSERT INTO attempts (delivery_id, number, started_at, accepted)
           SELECT d.id, n, %s, n = 2 FROM deliveries d, generate_series(1, 2) n WHERE d.correlation_id = %s""",
        at, str(run.id),
    )  # fmt: skip
    zekt.sql(
        """INSERT INTO history (delivery_id, at, fact, to_status, detail)
           SELECT d.id, %s, fact, fact, '' FROM deliveries d, unnest(ARRAY['confirmed', 'completed']) fact
           WHERE d.correlation_id = %s""",
        at, str(run.id),
    )  # fmt: skip
    zekt.sql(
        """INSERT INTO refusals (repository_id, run_id, run_attempt, workflow_path, code, reasons, bytes, at, times)
           VALUES (1001, %s, 1, %s, 'schema_violated', '{}', 1, %s, 2)""",
        run.id, ORDER, at,
    )  # fmt: skip


def work(zekt: Any, ask: Callable[[Database], Any]) -> Any:
    async def main() -> Any:
        db = await Database(zekt.database_url, size=2).open()
        try:
            return await ask(db)
        finally:
            await db.close()

    return asyncio.run(main())


def round_at(zekt: Any, at: datetime) -> int:
    """The worker's, at the time at which what is older than `at` is counted. How many days it closed."""
    clock = ManualClock()
    clock.at = at + GRACE
    closed: int = work(zekt, lambda db: close_days(db=db, clock=clock))
    return closed


def told(zekt: Any, account: str = "shop-team") -> dict[str, int]:
    """By day and by workflow, which agree."""
    days, workflows = (zekt.get(f"/api/usage?from={NOON:%Y-%m-%d}&to={NOON:%Y-%m-%d}&by={by}") for by in BY)
    assert days["total"] == workflows["total"]
    assert {line["account"] for line in (*days["usage"], *workflows["usage"])} <= {account}
    return {name: days["total"][name] for name in ONCE}


def times(number: int) -> dict[str, int]:
    return {name: number * count for name, count in ONCE.items()}


@pytest.fixture
def zekt(start: Start) -> Any:
    zekt = start(work=False)
    happen(zekt, NOON - MINUTE)
    return zekt


def test_what_is_counted_already_and_what_is_not_make_the_whole(zekt: Any) -> None:
    assert told(zekt) == times(1)
    assert round_at(zekt, NOON) == 0
    assert zekt.sql("SELECT day, messages, dispatches, confirms FROM usage_open") == [(NOON.date(), 1, 1, 1)]
    assert told(zekt) == times(1)
    # At the very moment at which the first ended.
    happen(zekt, NOON)
    assert told(zekt) == times(2)
    for _ in range(2):
        assert round_at(zekt, NOON + MINUTE) == 0
        assert told(zekt) == times(2)
    assert zekt.sql("SELECT day, messages, dispatches, confirms FROM usage_open") == [(NOON.date(), 2, 2, 2)]
    happen(zekt, NOON + MINUTE)
    assert round_at(zekt, NOON + timedelta(days=1)) == 1
    assert zekt.sql("SELECT count(*) FROM usage_open") == [(0,)]
    assert told(zekt) == times(3)


def test_a_reader_counts_no_row_that_is_counted_already(zekt: Any) -> None:
    round_at(zekt, NOON)
    zekt.sql("TRUNCATE deliveries, decisions, messages, events CASCADE")
    assert told(zekt) == times(1)


def test_whose_it_is_and_what_is_refused_again_are_asked_when_it_is_read(zekt: Any) -> None:
    round_at(zekt, NOON)
    zekt.sql("UPDATE refusals SET times = times + 1")
    zekt.sql("UPDATE repositories SET account_id = (SELECT id FROM accounts WHERE login = 'infra-team')")
    assert told(zekt, "infra-team") == {**times(1), "refused": 3}


def test_what_comes_late_is_found_when_its_day_is_closed(zekt: Any) -> None:
    round_at(zekt, NOON)
    happen(zekt, NOON - MINUTE)
    assert told(zekt) == {**times(1), "refused": 4}
    round_at(zekt, NOON + timedelta(days=1))
    assert told(zekt) == times(2)


def test_a_day_that_was_not_asked_for_is_in_nothing(zekt: Any) -> None:
    round_at(zekt, NOON)
    for beside in (NOON - timedelta(days=1), NOON + timedelta(days=1)):
        assert zekt.get(f"/api/usage?from={beside:%Y-%m-%d}&to={beside:%Y-%m-%d}")["usage"] == []


def test_two_workers_that_count_at_once_count_once(zekt: Any) -> None:
    waiting = "SELECT 1 FROM pg_locks WHERE relation = 'usage_open'::regclass AND NOT granted HAVING count(*) = 2"
    workers = [threading.Thread(target=round_at, args=(zekt, NOON)) for _ in range(2)]
    with psycopg.connect(zekt.database_url) as other:
        other.execute("LOCK TABLE usage_open")
        for worker in workers:
            worker.start()
        zekt.until_sql(waiting)
    for worker in workers:
        worker.join(30)
        assert not worker.is_alive()
    assert told(zekt) == times(1)


def test_who_comes_to_count_a_day_that_was_closed_meanwhile_counts_nothing(zekt: Any) -> None:
    round_at(zekt, NOON + timedelta(days=1))
    zekt.sql("DELETE FROM readings WHERE kind = 'usage'")
    work(zekt, lambda db: db.run(partial(usage.count_until, day=NOON.date(), until=NOON)))
    assert zekt.sql("SELECT count(*) FROM usage_open") == [(0,)]
    assert told(zekt) == times(1)
