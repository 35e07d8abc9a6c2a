"""How many rows PostgreSQL reads for an answer, by its own count: those that are asked for, however many there are."""

import asyncio
from collections.abc import Callable

import psycopg

from zekt_backend.rules.records import RunKey
from zekt_backend.store import directory
from zekt_backend.store.database import many, one_connection
from zekt_backend.store.runs import take_turn
from zekt_testing import setup
from zekt_testing.broker import ORDER

CONSUMERS, SERVICES, EACH = 1_000, 50, 100

_BUSY_NEIGHBOUR = f"""
INSERT INTO repositories (id, account_id, installation_id, full_name, consumer)
    SELECT 5000 + n, 1, 52, 'infra-team/platform-' || n, true FROM generate_series(0, {CONSUMERS - 1}) n;
INSERT INTO workflows (repository_id, path, whitelisted)
    SELECT 5000, n || '.yml', true FROM generate_series(1, {SERVICES}) n;
INSERT INTO services (workflow_id, slug, alias, event_type)
    SELECT id, 'popular-' || id, 'Popular', 'e' FROM workflows WHERE repository_id = 5000;
INSERT INTO subscriptions (service_id, repository_id, status)
    SELECT v.id, 5000 + (v.id * {EACH} + n) % {CONSUMERS}, 'approved'
    FROM services v, generate_series(1, {EACH}) n WHERE v.slug LIKE 'popular-%';
ANALYZE
"""


def test_what_the_policy_asks_reads_none_of_the_consumers_that_others_have(new_database: Callable[[], str]) -> None:
    url = new_database()
    setup.apply(url, setup.directory())
    with psycopg.connect(url) as connection:
        connection.execute(_BUSY_NEIGHBOUR)
    read = asyncio.run(read_for_the_policy(url))
    assert read == {"installations": 2, "repositories": 2, "services": 1, "subscriptions": 1, "workflows": 1}


async def read_for_the_policy(url: str) -> dict[str, int]:
    """Rows by table, within the transaction that an event is received in, once it is planned."""
    async with one_connection(url) as tx, tx.transaction():
        tx.prepare_threshold = 0
        counts = []
        await take_turn(tx, RunKey(1001, 1, 1))
        for _ in range(2):  # planning reads rows, too: how large the largest key is, say
            found = await directory.provider(tx, 1001, ORDER)
            assert [subscription.consumer for subscription in found.subscriptions] == ["infra-team/platform"]
            rows = await many(tx, "SELECT relname, seq_tup_read + idx_tup_fetch AS read FROM pg_stat_xact_user_tables")
            counts.append({row["relname"]: row["read"] for row in rows})
    return {table: more for table, read in counts[1].items() if (more := read - counts[0][table])}
