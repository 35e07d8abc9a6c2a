"""At a million deliveries usage reads what is counted already, and what is too young to be: not the day."""

import asyncio
from datetime import timedelta
from typing import Any

import psycopg
import pytest

from many.conftest import DAY, NOW, Explain
from many.test_listings import check, nodes
from zekt_backend.flows.close_days import GRACE, close_days
from zekt_backend.rules.usage import COUNTS
from zekt_backend.store import usage
from zekt_backend.store.database import Database
from zekt_testing.clock import ManualClock

pytestmark = pytest.mark.long

YOUNG = 5 * 60
"""Seconds, and deliveries, that are not counted yet."""
TODAY = (NOW - timedelta(seconds=1)).date()


@pytest.fixture(scope="module", autouse=True)
def counted(million: str) -> None:
    """What the worker's schedule has done by then. That of the days before adds nothing here, and is left out."""
    with psycopg.connect(million, autocommit=True) as connection:
        connection.execute("INSERT INTO usage_closed (day) SELECT %s::date - n FROM generate_series(1, 11) n", (TODAY,))
    clock = ManualClock()
    clock.at = NOW - timedelta(seconds=YOUNG) + GRACE

    async def main() -> None:
        db = await Database(million, size=2).open()
        try:
            assert await close_days(db=db, clock=clock) == 0
        finally:
            await db.close()

    asyncio.run(main())


@pytest.mark.parametrize("accounts", [None, [1, 2]], ids=["of everybody", "of two accounts"])
@pytest.mark.parametrize("ask", [usage.of_days, usage.of_workflows])
def test_usage_of_the_month_reads_its_newest_rows_alone(explain: Explain[Any], ask: Any, accounts: Any) -> None:
    async def report(tx: Any) -> Any:
        async with tx.transaction():
            return await ask(tx, first=TODAY.replace(day=1), last=TODAY, accounts=accounts, limit=10_001)

    found, plans = explain(report)
    check(plans)
    # By one process: to start others takes longer than to read this.
    assert not [each for plan in plans for each in nodes(plan) if "Gather" in each["Node Type"]]
    assert sum(row["events"] for row in found) > DAY / 20


def test_what_is_counted_of_the_open_day_reads_what_has_come_since_the_last_time(explain: Explain[Any]) -> None:
    async def count(tx: Any) -> None:
        async with tx.transaction(force_rollback=True):
            await usage.count_until(tx, TODAY, NOW - timedelta(seconds=YOUNG / 2))

    _, plans = explain(count)
    check(plans)
    assert any(n["Node Type"] == "ModifyTable" for plan in plans for n in nodes(plan))


def test_the_open_day_is_what_its_rows_are(explain: Explain[Any]) -> None:
    found, _ = explain(lambda tx: usage.of_days(tx, first=TODAY, last=TODAY, accounts=None, limit=10_001))
    total = {name: sum(row[name] for row in found) for name in COUNTS}
    # The newest of all is of the moment at which the next day begins.
    assert total == {
        **dict.fromkeys(("messages", "events", "dispatches", "confirms", "completes"), DAY),
        "bytes": 2 * DAY,
        "blocked": 0,
        "retries": 0,
        "refused": 0,
    }
