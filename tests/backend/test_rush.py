"""A rush comes to a quiet broker: its statistics, and the plans that it has kept, are of when there was little."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from zekt_backend.broker import Broker
from zekt_backend.rules.pace import Pace
from zekt_backend.store import jobs, tries
from zekt_backend.store.database import Tx, many
from zekt_testing.broker import settings_for
from zekt_testing.crowd import add_to, crowd

FEW = 32
KEPT = 12
"""So often a statement has come when its plan is kept."""
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


@pytest.fixture
async def broker(zekt: Any) -> AsyncIterator[Broker]:
    made = Broker.build(settings_for(zekt.github), zekt.database_url)
    await made.open()
    yield made
    await made.close()


async def _read(tx: Tx, table: str) -> int:
    query = "SELECT seq_tup_read + idx_tup_fetch AS n FROM pg_stat_xact_user_tables WHERE relname = %s"
    ((read,),) = [row.values() for row in await many(tx, query, (table,))]
    return int(read)


async def test_a_try_reads_no_delivery_that_is_not_its_own(zekt: Any, broker: Broker) -> None:
    zekt.sql(_A_RUSH)
    ids = [id_ for (id_,) in zekt.sql("SELECT id FROM deliveries ORDER BY seq DESC LIMIT %s", FEW)]
    pace, now = Pace(timedelta(minutes=1), timedelta(0)), datetime.now(UTC)
    async with broker.work_db.transaction(undo=True) as tx:
        assert len(await tries.candidates(tx, ids, now=now, early=timedelta(0), pace=pace)) == FEW
        assert await _read(tx, "deliveries") <= 2 * FEW


async def test_who_looks_for_lost_jobs_reads_neither_all_that_is_owed_nor_all_of_the_queue(
    zekt: Any, broker: Broker
) -> None:
    async with broker.work_db.reading() as tx:
        for _ in range(KEPT):
            async with tx.transaction():
                assert await jobs.unwoken(tx, datetime.now(UTC), FEW) == []
        zekt.sql(_A_RUSH)
        async with tx.transaction():
            assert await jobs.unwoken(tx, datetime.now(UTC), FEW) == []
            assert await _read(tx, "deliveries") <= 3 * FEW
            assert await _read(tx, "pgqueuer") <= 2 * FEW
