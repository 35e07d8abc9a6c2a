"""A million deliveries, made by one statement, and a connection that tells how PostgreSQL went about each query."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Any, TypeVar

import psycopg
import pytest
from psycopg import sql
from psycopg.rows import dict_row

from zekt_bench.fill import without_indexes
from zekt_testing.fixtures import database_url

Result = TypeVar("Result")
Plan = dict[str, Any]
_FILLED = ("deliveries", "events", "messages", "decisions", "attempts", "history")

CONNECTIONS = 200
NOW = datetime(2026, 6, 1, tzinfo=UTC)
DAY = 86_400
"""Seconds, and deliveries: one a second, until NOW."""
QUIET = 9_001
"""A repository that was given the three oldest of all deliveries, and nothing since."""

_DIRECTORY = f"""
INSERT INTO installations (id) VALUES (1);
INSERT INTO accounts (login) SELECT 'team-' || n FROM generate_series(1, 40) n;
INSERT INTO repositories (id, account_id, installation_id, full_name, provider, consumer)
    SELECT 1000 + n, 1 + n % 20, 1, 'team-' || 1 + n % 20 || '/provider-' || n, true, false
    FROM generate_series(1, 20) n
    UNION ALL
    SELECT 5000 + n, 21 + n % 19, 1, 'team-' || 21 + n % 19 || '/consumer-' || n, false, true
    FROM generate_series(1, {CONNECTIONS}) n
    UNION ALL SELECT {QUIET}, 40, 1, 'team-40/quiet', true, true;
INSERT INTO workflows (repository_id, path, whitelisted) SELECT 1000 + n, 'w.yml', true FROM generate_series(1, 20) n;
INSERT INTO services (workflow_id, slug, alias, event_type) SELECT id, 'service-' || id, 'S', 'e' FROM workflows;
INSERT INTO subscriptions (service_id, repository_id, status)
    SELECT 1 + n % 20, 5000 + n, 'approved' FROM generate_series(1, {CONNECTIONS}) n
    UNION ALL SELECT 1, {QUIET}, 'approved';
"""


def fill(url: str, rows: int) -> None:
    """Directory, `rows` deliveries and all that is of them; with statistics, as autovacuum would take them."""
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(_DIRECTORY.encode())
        # No triggers: nothing looks up what is known to be there.
        connection.execute("SET session_replication_role = replica")
        with without_indexes(connection, _FILLED):
            for statement in _rows(rows):
                connection.execute(statement.encode())
        connection.execute("VACUUM ANALYZE")


def _rows(rows: int) -> list[str]:
    at = f"timestamptz '{NOW:%Y-%m-%d}' - make_interval(secs => {rows} - n)"
    # Some connections are far busier than others.
    skewed = f"1 + ({CONNECTIONS - 1} * ((n::bigint * 7919 % 1000) / 1000.0) ^ 3)::int"
    u = f"CASE WHEN n <= 3 THEN {CONNECTIONS + 1} ELSE {skewed} END"
    provider = f"CASE WHEN n <= 3 THEN {QUIET} ELSE 1001 + n % 20 END"
    return [
        f"""INSERT INTO events (guid, repository_id, repository, run_id, run_attempt, workflow_name, head_sha, event,
                actor, html_url, received_at)
            SELECT 'g' || n, {provider}, 'a/b', n, 1, 'w', '', 'push', 'x', '', {at}
            FROM generate_series(1, {rows}) n""",
        f"""INSERT INTO messages (event_id, dedupe_key, repository_id, run_id, run_attempt, workflow_path, payload,
                payload_sha256, consumers_notified, received_at)
            SELECT 'm' || n, n, {provider}, n, 1, 'w.yml', '{{}}', '', 1, {at}
            FROM generate_series(1, {rows}) n""",
        f"""INSERT INTO decisions (event_guid, decided_at, outcome, reasons)
            SELECT 'g' || n, {at}, CASE WHEN n % 100000 = 7 THEN 'blocked' ELSE 'delivered' END,
                '{{"provider": [], "consumers": []}}' FROM generate_series(1, {rows}) n""",
        f"""INSERT INTO deliveries (id, subscription_id, provider_id, provider, consumer_id, consumer, installation_id,
                correlation_id, event_guid, event_id, event_type, envelope, late, durable, confirm_timeout,
                complete_timeout, max_dispatches, status, attempt, created_at, completed_at)
            SELECT 'd' || n, u, 1001 + u % 20, 'a/b', CASE WHEN u = {CONNECTIONS + 1} THEN {QUIET} ELSE 5000 + u END,
                'c/d', 1, n, 'g' || n, 'm' || n, 'e', '{{"provider": {{}}}}', false, true, '1h', '1h', 5,
                CASE WHEN n % 250000 = 9 THEN 'failed' WHEN n % 1000 = 1 THEN 'confirmed' ELSE 'completed' END, 1, {at},
                CASE WHEN n % 250000 = 9 THEN {at} END
            FROM (SELECT n, {u} AS u FROM generate_series(1, {rows}) n) x""",
        # Of the last two days, which is more than anybody counts row by row.
        f"""INSERT INTO attempts (delivery_id, number, started_at, finished_at, accepted)
            SELECT 'd' || n, 1, {at}, {at}, true FROM generate_series({rows - 2 * DAY}, {rows}) n""",
        f"""INSERT INTO history (delivery_id, at, fact, to_status, detail)
            SELECT 'd' || n, {at}, fact, fact, ''
            FROM generate_series({rows - 2 * DAY}, {rows}) n, unnest(ARRAY['dispatched', 'confirmed', 'completed']) fact
            ORDER BY n""",
    ]


def _filled(postgres: str, template: str, name: str, rows: int) -> str:
    with psycopg.connect(postgres, autocommit=True) as connection:
        query = sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(sql.Identifier(name), sql.Identifier(template))
        connection.execute(query)
    url = database_url(postgres, name)
    fill(url, rows)
    return url


@pytest.fixture(scope="session")
def million(postgres: str, template: str) -> str:
    """The URL of a database with a million deliveries."""
    return _filled(postgres, template, "zekt_million", 1_000_000)


class Explaining(psycopg.AsyncConnection[dict[str, Any]]):
    """Runs everything, and has PostgreSQL tell how it went about each query. What writes is done twice."""

    plans: list[Plan]

    async def execute(self, query: Any, params: Any = None, **how: Any) -> Any:
        if isinstance(query, str) and query.startswith(("SET ", "LOCK ")):
            return await super().execute(query, params, **how)
        explain = sql.SQL("EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) ")
        asked = query if isinstance(query, sql.Composable) else sql.SQL(query)
        cursor = await super().execute(explain + asked, params)
        row = await cursor.fetchone()
        assert row is not None
        self.plans.append(row["QUERY PLAN"][0]["Plan"])
        return await super().execute(query, params, **how)


Explain = Callable[[Callable[[Any], Awaitable[Result]]], tuple[Result, list[Plan]]]


@pytest.fixture(params=["force_custom_plan", "force_generic_plan"])
def explain(million: str, request: pytest.FixtureRequest) -> Explain[Any]:
    """`explain(work)`: the result of `work(connection)`, and the plans of its queries.

    Once as each is planned for its values, and once as those are that a server plans for good after a while.
    """

    async def main(work: Callable[[Any], Awaitable[Any]]) -> tuple[Any, list[Plan]]:
        connection = await Explaining.connect(million, autocommit=True, row_factory=dict_row)
        async with connection:
            connection.plans = []
            await psycopg.AsyncConnection.execute(connection, f"SET plan_cache_mode = {request.param}".encode())
            return await work(connection), connection.plans

    return lambda work: asyncio.run(main(work))
