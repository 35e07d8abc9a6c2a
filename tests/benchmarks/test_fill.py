"""What fills a database: rows that belong together as those do which a broker has written, and on which it works."""

from collections import Counter
from collections.abc import Iterator

import msgspec
import psycopg
import pytest
import requests
from psycopg import sql

from zekt_bench.ground import PAST, SUBSCRIBED, WAITING, Ground
from zekt_bench.house import OPERATOR
from zekt_bench.size import SHORT
from zekt_bench.work.growth import Growth
from zekt_bench.work.pages import Pages

SIZE = msgspec.structs.replace(SHORT, growth=500)

_REFERENCES = """
SELECT conrelid::regclass::text, confrelid::regclass::text,
       array_agg(a.attname::text ORDER BY k.place), array_agg(b.attname::text ORDER BY k.place)
FROM pg_constraint c, unnest(conkey, confkey) WITH ORDINALITY AS k (own, other, place), pg_attribute a, pg_attribute b
WHERE contype = 'f' AND a.attrelid = conrelid AND a.attnum = k.own AND b.attrelid = confrelid AND b.attnum = k.other
GROUP BY c.oid
"""


@pytest.fixture(scope="module")
def ground() -> Iterator[Ground]:
    with Ground(SIZE) as ground:
        yield ground


def _dangling(connection: psycopg.Connection[tuple[object, ...]]) -> dict[str, int]:
    """Rows that refer to what is not there, by table and columns: a fill switches off what would refuse them."""
    found = {}
    for table, other, own, theirs in connection.execute(_REFERENCES).fetchall():
        assert isinstance(table, str)
        assert isinstance(other, str)
        assert isinstance(own, list)
        assert isinstance(theirs, list)
        same = sql.SQL(" AND ").join(
            sql.SQL("o.{} = t.{}").format(sql.Identifier(b), sql.Identifier(a))
            for a, b in zip(own, theirs, strict=True)
        )
        known = sql.SQL(" AND ").join(sql.SQL("t.{} IS NOT NULL").format(sql.Identifier(a)) for a in own)
        row = connection.execute(
            sql.SQL("SELECT count(*) FROM {} t WHERE {} AND NOT EXISTS (SELECT FROM {} o WHERE {})").format(
                sql.Identifier(table), known, sql.Identifier(other), same
            )
        ).fetchone()
        assert row is not None
        if row[0]:
            found[f"{table} {own}"] = int(str(row[0]))
    return found


@pytest.mark.long
@pytest.mark.parametrize("kind", [PAST, WAITING, SUBSCRIBED])
def test_what_fills_a_database_belongs_together(ground: Ground, kind: str) -> None:
    with ground.copy(kind) as here, psycopg.connect(here.database_url) as connection:
        assert _dangling(connection) == {}
        counts = connection.execute(
            "SELECT (SELECT count(*) FROM deliveries), (SELECT count(*) FROM attempts),"
            " (SELECT count(*) FROM deliveries WHERE due_at IS NOT NULL), (SELECT count(*) FROM subscriptions)"
        ).fetchone()
        soon = connection.execute(
            "SELECT count(*) FROM deliveries WHERE due_at < now() + interval '12 hours'"
        ).fetchone()
    assert soon == (0,), "it is dispatched again in the midst of what is measured"
    first = 4  # which were copied
    assert (
        counts
        == {
            PAST: (SIZE.growth + first, SIZE.growth + first, 1, 7 + SIZE.connections),
            WAITING: (SIZE.growth + first, SIZE.growth + first, SIZE.growth + 1, 7 + SIZE.connections),
            SUBSCRIBED: (first, first, 1, 7 + SIZE.subscriptions),
        }[kind]
    )


@pytest.mark.long
def test_a_broker_reads_what_was_filled(ground: Ground) -> None:
    with ground.copy(PAST) as here, here.serving(), psycopg.connect(here.database_url) as connection:
        row = connection.execute("SELECT id FROM deliveries WHERE seq = 100").fetchone()
        assert row is not None
        answer = requests.get(
            f"{here.url}/api/deliveries/{row[0]}", headers={"Authorization": f"Bearer {OPERATOR}"}, timeout=30
        )
        assert answer.status_code == 200, answer.text
        told = answer.json()
        assert told["history"]
        assert told["attempts"]


@pytest.mark.long
def test_what_grows_is_measured_on_a_full_and_on_an_empty_database_in_turn(ground: Ground) -> None:
    rows = list(Growth(ground, (PAST,))(SIZE))
    assert [row for row in rows if row.failed or not (row.memory and row.cpu_sum_each > 0)] == []
    full, empty = rows[::2], rows[1::2]
    assert [(row.work, row.than) for row in full] == [(row.work, row.how) for row in empty]
    messages = {f"message {size}": 1 for size in ("1 KB", "60 KB", "512 KB")}
    burst = f"burst of {SIZE.growth_burst} x 5"
    assert Counter(row.work for row in full) == {"webhook 5 KB": 3, **messages, "event → dispatch": 6, burst: 3}
    # Dispatches that were not done yet when all workers had been noticed.
    assert all(0 < row.items <= 5 * SIZE.growth_burst for row in rows if row.work == burst)


@pytest.mark.long
def test_every_page_is_there_with_much_or_little_in_it(ground: Ground) -> None:
    rows = list(Pages(ground)(SIZE))
    assert [row.how for row in rows if row.failed or row.p50 is None] == []
    assert {row.than for row in rows} == {"", *(row.how for row in rows if not row.than)}
