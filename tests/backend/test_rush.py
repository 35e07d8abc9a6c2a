"""A rush comes to a quiet broker: its statistics, and the plans that it has kept, are of when there was little."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from zekt_backend.broker import Broker
from zekt_backend.rules import answers
from zekt_backend.rules.pace import Pace
from zekt_backend.rules.records import RunKey
from zekt_backend.store import deliveries, jobs, tries
from zekt_backend.store.database import Tx, many
from zekt_testing.crowd import add_to, crowd

FEW = 32
_A_RUSH = """
WITH rush AS (INSERT INTO deliveries OVERRIDING USER VALUE
                  SELECT (jsonb_populate_record(d, jsonb_build_object('id', d.id || n, 'status', 'pending',
                                                                      'due_at', now() - interval '1 hour'))).*
                  FROM deliveries d CROSS JOIN generate_series(1, 1000) n
              RETURNING id)
INSERT INTO pgqueuer (priority, entrypoint, execute_after, status, dedupe_key)
    SELECT 0, 'deliver', now(), 'queued', 'deliver:' || id || ':0' FROM rush"""


@pytest.fixture
def zekt(start: Any) -> Any:
    """A broker without a worker, with a delivery to each of six, all of them done, and an empty queue."""
    wanted = crowd(6, installations=2)
    zekt = start(work=False, wanted=wanted)
    add_to(zekt.github, wanted)
    zekt.github.finish_run(zekt.start_run())
    zekt.sql("UPDATE deliveries SET status = 'dispatched', due_at = NULL")
    zekt.sql("DELETE FROM pgqueuer")
    zekt.sql("VACUUM ANALYZE")
    return zekt


@asynccontextmanager
async def _planned(broker: Broker) -> AsyncIterator[Tx]:
    """A connection of a worker's that keeps the plan of each statement from its first time on."""
    async with broker.work_db.reading() as tx:
        await tx.execute("SET plan_cache_mode = force_generic_plan")
        tx.prepare_threshold = 0
        yield tx


async def _read(tx: Tx, table: str) -> int:
    query = "SELECT seq_tup_read + idx_tup_fetch AS n FROM pg_stat_xact_user_tables WHERE relname = %s"
    ((read,),) = [row.values() for row in await many(tx, query, (table,))]
    return int(read)


async def _tried(tx: Tx, ids: list[str]) -> tuple[int, int]:
    """How many could be begun, and how many GitHub has accepted."""
    pace, now = Pace(timedelta(minutes=1), timedelta(0)), datetime.now(UTC)
    found = await tries.candidates(tx, ids, now=now, early=timedelta(0), pace=pace)
    await tries.start(tx, [tries.Start(each.delivery.id, 1, None, 60, "turn") for each in found], now, pace)
    answer = answers.from_response(204, {}, "", now=now)
    heard = [tries.Heard(id_, 1, 60, "turn", answer, "") for id_ in ids]
    return len(found), len(await tries.accept(tx, heard, now, pace))


async def test_a_try_reads_no_delivery_that_is_not_its_own(zekt: Any, broker: Broker) -> None:
    async with _planned(broker) as tx:
        async with tx.transaction(force_rollback=True):
            assert await _tried(tx, ["none"]) == (0, 0)
        zekt.sql(_A_RUSH)
        ids = [id_ for (id_,) in zekt.sql("SELECT id FROM deliveries ORDER BY seq DESC LIMIT %s", FEW)]
        async with tx.transaction(force_rollback=True):
            assert await _tried(tx, ids) == (FEW, FEW)
            # Each is found, held, begun and accepted; whoever reads all of them reads 6,000 each time.
            assert await _read(tx, "deliveries") <= 8 * FEW
            assert await _read(tx, "attempts") <= 8 * FEW


async def test_who_looks_for_lost_jobs_reads_neither_all_that_is_owed_nor_all_of_the_queue(
    zekt: Any, broker: Broker
) -> None:
    async with _planned(broker) as tx:
        async with tx.transaction():
            assert await jobs.unwoken(tx, datetime.now(UTC), FEW) == []
        zekt.sql(_A_RUSH)
        async with tx.transaction():
            assert await jobs.unwoken(tx, datetime.now(UTC), FEW) == []
            assert await _read(tx, "deliveries") <= 3 * FEW
            assert await _read(tx, "pgqueuer") <= 2 * FEW


async def test_the_end_of_a_run_reads_no_delivery_that_it_has_not_confirmed(zekt: Any, broker: Broker) -> None:
    zekt.sql(_A_RUSH)
    zekt.sql("UPDATE deliveries SET status = 'dispatched', due_at = NULL")
    zekt.sql("VACUUM ANALYZE")
    zekt.sql("UPDATE deliveries SET status = 'confirmed', consumer_run_id = seq, consumer_run_attempt = 1")
    zekt.sql("UPDATE repositories SET completion_tracking = true")
    ((consumer, run),) = zekt.sql("SELECT consumer_id, seq FROM deliveries ORDER BY seq DESC LIMIT 1")
    async with _planned(broker) as tx, tx.transaction(force_rollback=True):
        assert len(await deliveries.lock_confirmed_by(tx, [RunKey(consumer, run, 1)])) == 1
        assert await _read(tx, "deliveries") <= FEW
