"""PostgreSQL's own errors, raised by PostgreSQL: outside a 503 to be sent again, and afterwards all goes on."""

from collections.abc import Callable
from typing import Any

import pytest

from zekt_testing.bench import answered
from zekt_testing.broker import Zekt
from zekt_testing.invariants import half_written

# https://www.postgresql.org/docs/current/errcodes-appendix.html. What can be had for real is had in
# test_real_troubles.py; the server raises these here because it is told to.
TROUBLES = {
    "25006": "read-only",
    "40001": "serialisation failure, without end",
    "40P01": "deadlock, without end",
    "53100": "disk full",
    "53200": "out of memory",
    "53300": "out of connections",
    "55P03": "lock not available",
    "57014": "cancelled, by a time-out of statements",
    "57P01": "shutting down",
    "57P03": "starting up",
    "58030": "the disk fails",
    "XX001": "a page is damaged",
}

RAISING = """CREATE FUNCTION trouble() RETURNS trigger LANGUAGE plpgsql AS
             $$ BEGIN RAISE EXCEPTION 'as the test has asked' USING ERRCODE = '{}'; END $$"""


def begin(zekt: Zekt, sqlstate: str, *tables: str) -> None:
    """Every write to these tables fails so."""
    zekt.sql(RAISING.format(sqlstate))
    for table in tables:
        when = f"BEFORE INSERT OR UPDATE ON {table} FOR EACH STATEMENT"
        zekt.sql(f"CREATE TRIGGER trouble {when} EXECUTE FUNCTION trouble()")


def end(zekt: Zekt) -> None:
    zekt.sql("DROP FUNCTION trouble() CASCADE")


def test_outside_it_is_a_503_and_the_same_again_has_one_effect(start: Callable[..., Zekt]) -> None:
    zekt = start(work=False)
    for number, (sqlstate, what) in enumerate(TROUBLES.items(), start=1):
        run = zekt.start_run()
        begin(zekt, sqlstate, "messages", "events")
        assert not answered(zekt.send(run, messageId="m")), what
        (refused,) = zekt.github.finish_run(run)
        assert refused.status_code == 503, what
        assert int(refused.outcome.headers["retry-after"]) > 0
        end(zekt)
        assert answered(zekt.send(run, messageId="m")), what
        assert zekt.github.redeliver(refused).status_code == 202, what
        found = "SELECT (SELECT count(*) FROM events), (SELECT count(*) FROM messages), count(event_id) FROM deliveries"
        assert zekt.sql(found) == [(number, number, number)], what
        assert half_written(zekt) == [], what


@pytest.mark.parametrize(
    ("table", "sqlstate"),
    [
        ("attempts", "53100"),
        ("deliveries", "40P01"),
        ("history", "53100"),
        ("pgqueuer", "25006"),
        ("pgqueuer_log", "53100"),
    ],
)
def test_a_worker_outlives_it_and_sends_once(start: Callable[..., Zekt], sqlstate: str, table: str) -> None:
    """Whether the claim fails, the answer cannot be written down, or the engine itself cannot write."""
    zekt = start(work=False)
    zekt.github.finish_run(zekt.start_run())
    begin(zekt, sqlstate, table)
    zekt.also_work()
    zekt.until_sql("SELECT 1 FROM pg_stat_database WHERE datname = current_database() AND xact_rollback > 3")
    end(zekt)
    (delivery,) = zekt.deliveries()
    zekt.until(delivery["deliveryId"], "dispatched")
    sent = len(zekt.dispatched())
    lost = zekt.sql("SELECT count(*) FROM attempts WHERE category = 'lost'")[0][0]
    assert sent <= 1 + lost
    assert half_written(zekt) == []


def test_a_statement_that_is_wrong_is_a_fault_of_ours_and_says_so(start: Callable[..., Zekt]) -> None:
    zekt = start(work=False)
    zekt.sql("ALTER TABLE messages ADD CONSTRAINT impossible CHECK (false) NOT VALID")
    answer: Any = zekt.send(zekt.start_run())
    assert (answer.status_code, answer.json()["code"]) == (500, "internal")
