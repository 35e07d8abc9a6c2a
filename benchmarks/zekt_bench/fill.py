"""Fills a database by statements that copy real rows: those that a few deliveries have left, as often as is wanted.

A column that nothing is said of here is copied as it stands, so that a fill goes along with migrations. Ids are new,
times are moved. What the broker forgets after a day (tokens; of the engine's log all but the last day) is not there.
"""

import asyncio
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from datetime import timedelta

import psycopg
from psycopg import sql

from zekt_backend.clock import SystemClock
from zekt_backend.flows.close_days import close_days
from zekt_backend.flows.retain import Kept, retain
from zekt_backend.settings import Settings
from zekt_backend.store.database import Database
from zekt_backend.store.retention import Gone
from zekt_bench import more_subscriptions
from zekt_bench.more_subscriptions import Connection, columns

_TIMED = "timestamp with time zone"
_KEPT = ("payload_retention", "delivery_retention", "flush_after")

# Of `made`, which has a row for each delivery that is to be: the n-th, of the e-th event.
_EVENT = "md5('event ' || m.e)::uuid::text"
# As the broker makes ids: the later one is the greater one.
_IN_ORDER = "(lpad(to_hex((extract(epoch FROM m.at) * 1000)::bigint), 12, '0') || substr(md5({}), 13))::uuid"
_DELIVERY = "'delivery-' || " + _IN_ORDER.format("'delivery ' || m.n")
_MESSAGE = "'event-' || " + _IN_ORDER.format("'message ' || m.e")
_TRACE = "'00-' || md5('trace ' || m.e) || '-' || substr(md5('span ' || m.e), 1, 16) || '-01'"
_RUN = "10000000000 + m.e"

_COPIED: Mapping[str, tuple[str, Mapping[str, str]]] = {
    "events": (
        "m.is_first AND s.guid = d.event_guid",
        {"guid": _EVENT, "repository_id": "l.provider_id", "repository": "l.provider", "run_id": _RUN},
    ),
    "messages": (
        "m.is_first AND s.event_id = d.event_id",
        {
            "event_id": _MESSAGE,
            "dedupe_key": "md5('a ' || m.e) || md5('b ' || m.e)",
            "repository_id": "l.provider_id",
            "run_id": _RUN,
            "traceparent": _TRACE,
        },
    ),
    "decisions": ("m.is_first AND s.event_guid = d.event_guid", {"event_guid": _EVENT}),
    "deliveries": (
        "s.id = d.id",
        {
            "id": _DELIVERY,
            "subscription_id": "l.subscription_id",
            "provider_id": "l.provider_id",
            "provider": "l.provider",
            "consumer_id": "l.consumer_id",
            "consumer": "l.consumer",
            "installation_id": "l.installation_id",
            "correlation_id": f"({_RUN})::text",
            "event_guid": _EVENT,
            "event_id": _MESSAGE,
            "envelope": f"s.envelope || jsonb_build_object('deliveryId', {_DELIVERY}, 'correlationId', ({_RUN})::text,"
            f" 'traceparent', {_TRACE})",
            "consumer_run_id": "CASE WHEN s.consumer_run_id IS NOT NULL THEN 12000000000 + m.n END",
            # Nobody's time is up while it is measured.
            "due_at": "CASE WHEN s.due_at IS NOT NULL THEN m.at + interval '2 days' END",
            "confirm_timeout": "CASE WHEN s.due_at IS NULL THEN s.confirm_timeout ELSE interval '2 days' END",
        },
    ),
    "history": ("s.delivery_id = d.id", {"delivery_id": _DELIVERY}),
    "attempts": ("s.delivery_id = d.id", {"delivery_id": _DELIVERY, "job_id": "1000000000 + m.n"}),
    "pgqueuer_log": (
        """s.job_id = (SELECT a.job_id FROM bench.attempts a WHERE a.delivery_id = d.id)
           AND m.at > now() - interval '1 day'""",
        {"job_id": "1000000000 + m.n"},
    ),
}
"""Of each table: which of its rows belong to the sample, and what a copy does not take over."""

_LANES = """
CREATE TABLE bench.lanes AS
    SELECT dense_rank() OVER (ORDER BY w.repository_id) AS seller, row_number() OVER theirs AS place,
           count(*) OVER (PARTITION BY w.repository_id) AS places, s.id AS subscription_id,
           w.repository_id AS provider_id, p.full_name AS provider, s.repository_id AS consumer_id,
           c.full_name AS consumer, c.installation_id
    FROM subscriptions s JOIN services v ON v.id = s.service_id JOIN workflows w ON w.id = v.workflow_id
    JOIN repositories p ON p.id = w.repository_id JOIN repositories c ON c.id = s.repository_id
    WINDOW theirs AS (PARTITION BY w.repository_id ORDER BY s.id)
"""

_MADE = """
CREATE TABLE bench.made AS
    SELECT y.*, at - d.created_at AS later
    FROM (SELECT n, e, subscription_id, n = min(n) OVER same AS is_first,
                 now() - %(over)s * ((%(rows)s - min(n) OVER same + 1)::float / %(rows)s) AS at,
                 (%(samples)s::text[])[1 + e %% cardinality(%(samples)s::text[])] AS sample
          FROM (SELECT row_number() OVER (ORDER BY e, l.place) AS n, e, l.subscription_id
                FROM generate_series(1, %(rows)s::int / 2) e JOIN bench.lanes l ON (l.place + e) %% l.places < 5
                 AND l.seller = 1 + floor((SELECT max(seller) FROM bench.lanes)
                                          * ((e::bigint * 7919 %% 1000) / 1000.0) ^ 2)::int
                ORDER BY 1 LIMIT %(rows)s) x
          WINDOW same AS (PARTITION BY e)) y
    JOIN bench.deliveries d ON d.id = y.sample ORDER BY n
"""
"""An event goes to five of its seller's subscribers, or to all if there are fewer. Some sellers are far busier than
others: the first, which is the one that is measured, has a quarter of all events."""


def subscriptions(url: str, count: int) -> None:
    """So many subscriptions of other sellers' services by other buyers."""
    with _filling(url) as connection:
        more_subscriptions.insert(connection, count)


def deliveries(url: str, rows: int, *, connections: int, samples: list[str], over: timedelta) -> None:
    """So many deliveries, of so many connections more, too, made in the time `over` until now.

    They are in turn like the samples, which are ids of deliveries that are there: one that stands there twice gets
    twice as many.
    """
    with _filling(url) as connection:
        more_subscriptions.insert(connection, connections)
        connection.execute(_LANES)
        for table in _COPIED:
            connection.execute(sql.SQL("CREATE TABLE bench.{0} AS SELECT * FROM {0}").format(sql.Identifier(table)))
        # Literals, for a table is not made by a statement with parameters.
        with psycopg.ClientCursor(connection) as cursor:
            cursor.execute(_MADE, {"rows": rows, "over": over, "samples": samples})
        connection.execute("ANALYZE bench.made")
        with without_indexes(connection, _COPIED):
            for table in _COPIED:
                _copy(connection, table)
        asyncio.run(_keep_house(url))


@contextmanager
def _filling(url: str) -> Iterator[Connection]:
    """With statistics afterwards, as autovacuum would take them, and nothing left to write out."""
    with psycopg.connect(url, autocommit=True) as connection:
        # No triggers: nothing looks up what is known to be there.
        connection.execute("SET session_replication_role = replica")
        connection.execute("SET maintenance_work_mem = '512MB'")
        connection.execute("SET work_mem = '256MB'")
        connection.execute("CREATE SCHEMA bench")
        yield connection
        connection.execute("DROP SCHEMA bench CASCADE")
        connection.execute("VACUUM ANALYZE")
        connection.execute("CHECKPOINT")


@contextmanager
def without_indexes(connection: Connection, tables: Collection[str]) -> Iterator[None]:
    """Of these tables, but for those of constraints. Built afterwards they take a fifth of the time."""
    found = connection.execute(
        """SELECT indexname, indexdef FROM pg_indexes WHERE schemaname = 'public' AND tablename = ANY(%s)
             AND NOT EXISTS (SELECT 1 FROM pg_constraint WHERE conname = indexname)""",
        (list(tables),),
    ).fetchall()
    for name, _ in found:
        connection.execute(sql.SQL("DROP INDEX {}").format(sql.Identifier(name)))
    yield
    for _, definition in found:
        connection.execute(definition.encode())


def _copy(connection: Connection, table: str) -> None:
    belongs, other = _COPIED[table]
    into, values = columns(connection, table, other, lambda name, kind: f"s.{name} + m.later" if kind == _TIMED else "")
    connection.execute(
        f"""INSERT INTO {table} ({into}) SELECT {values}
            FROM bench.made m JOIN bench.lanes l USING (subscription_id) JOIN bench.deliveries d ON d.id = m.sample
            JOIN bench.{table} s ON {belongs} ORDER BY m.n{", s.id" if table == "history" else ""}""".encode()  # noqa: S608 — our own words
    )


async def _keep_house(url: str) -> None:
    """As the broker itself does each day and hour: nothing is left of it for what is measured later."""
    kept = Kept(*(Settings.model_fields[name].default for name in _KEPT))
    database = await Database(url, size=1).open()
    try:
        await close_days(db=database, clock=SystemClock())
        while await retain(kept, db=database, clock=SystemClock()) != Gone():
            continue
    finally:
        await database.close()
