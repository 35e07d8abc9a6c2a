"""Troubles that PostgreSQL really has: locks, losers of races, no connection left, a server that takes no writes."""

from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from datetime import timedelta

import psycopg
import pytest
import requests

from zekt_sandbox.server import SandboxServer
from zekt_testing import setup
from zekt_testing.bench import Bench, answered
from zekt_testing.broker import ADMIN_TOKEN, Running, Zekt, settings_for
from zekt_testing.invariants import half_written
from zekt_testing.scene import until_ready
from zekt_testing.waiting import until

NO_MESSAGES = "LOCK TABLE messages IN SHARE MODE"
PACED = {"dispatch_spacing": timedelta(seconds=1)}
THE_INSTALLATION = "UPDATE installations SET next_write_at = now() WHERE id = 52"


@pytest.fixture
def threads() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor() as pool:
        yield pool


@contextmanager
def another(zekt: Zekt) -> Iterator[psycopg.Connection]:
    """Somebody else's session, in a transaction."""
    with psycopg.connect(zekt.database_url) as connection:
        connection.execute("SET deadlock_timeout = '60s'")
        connection.commit()
        yield connection


def alter(server: str, zekt: Zekt, change: str, *, anew: bool = True) -> None:
    """Change what the database's sessions begin with, and end those there are."""
    with psycopg.connect(server, autocommit=True) as connection:
        name = psycopg.conninfo.conninfo_to_dict(zekt.database_url)["dbname"]
        connection.execute(f"ALTER DATABASE {name} {change}".encode())
        if anew:
            query = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s"
            connection.execute(query, (name,))


def until_waiting(zekt: Zekt, seconds: float = 15) -> int:
    """The backend of ours that waits for a lock, once there is one."""
    query = (
        "SELECT pid FROM pg_stat_activity WHERE datname = current_database()"
        " AND application_name = 'zekt' AND wait_event_type = 'Lock'"
    )
    zekt.until_sql(query, seconds)
    return int(zekt.sql(query)[0][0])


def until_counted(zekt: Zekt, condition: str) -> None:
    """The server's own count. A session adds to it when it has something to do, at most once a second."""
    query = f"SELECT 1 FROM pg_stat_database WHERE datname = current_database() AND {condition}"

    def counted() -> bool:
        ready(zekt)
        return bool(zekt.sql(query))

    until(counted, lambda: f"the server has not counted {condition}")


def ready(zekt: Zekt) -> requests.Response:
    return requests.get(f"{zekt.url}/readyz", timeout=30)


def late_message(zekt: Zekt, threads: ThreadPoolExecutor) -> Callable[[], Future[requests.Response]]:
    """Sends the message of a run that has ended: it is written down, then its consumer's pace is asked."""
    run = zekt.start_run()
    zekt.github.finish_run(run)
    return lambda: threads.submit(zekt.send, run, messageId="m")


def test_a_deadlock_is_lost_once_and_nobody_outside_notices(
    start: Callable[..., Zekt], threads: ThreadPoolExecutor
) -> None:
    zekt = start(work=False, settings=PACED)
    send = late_message(zekt, threads)
    with another(zekt) as session:
        session.execute(THE_INSTALLATION)
        answer = send()
        until_waiting(zekt)
        # Now each waits for the other; ours looks for a deadlock first, and is the one that is rolled back.
        session.execute(NO_MESSAGES)
        session.commit()
    assert answered(answer.result(30))
    until_counted(zekt, "deadlocks = 1")
    assert zekt.sql("SELECT count(*) FROM deliveries WHERE late") == [(1,)]
    assert half_written(zekt) == []


def test_a_serialisation_failure_is_made_again_and_nobody_outside_notices(
    start: Callable[..., Zekt], postgres: str, threads: ThreadPoolExecutor
) -> None:
    zekt = start(work=False, settings=PACED)
    alter(postgres, zekt, "SET default_transaction_isolation = 'repeatable read'")
    send = late_message(zekt, threads)
    with another(zekt) as session:
        session.execute(NO_MESSAGES)
        answer = send()
        until_waiting(zekt)
        # Ours has taken its snapshot; what it is about to update changes under it.
        session.execute(THE_INSTALLATION)
        session.commit()
    assert answered(answer.result(30))
    assert zekt.sql("SELECT count(*) FROM deliveries WHERE late") == [(1,)]
    until_counted(zekt, "xact_rollback > 0")
    assert half_written(zekt) == []


def test_a_lock_that_somebody_forgot_is_a_503_and_no_hang(
    start: Callable[..., Zekt], threads: ThreadPoolExecutor
) -> None:
    zekt = start(work=False)
    send = late_message(zekt, threads)
    with another(zekt) as session:
        session.execute(NO_MESSAGES)
        # GitHub hangs up after 10 seconds.
        assert not answered(send().result(9))
    assert answered(send().result(30))
    assert half_written(zekt) == []


def test_a_session_that_the_server_ends_in_the_middle_is_a_503(
    start: Callable[..., Zekt], threads: ThreadPoolExecutor
) -> None:
    zekt = start(work=False)
    send = late_message(zekt, threads)
    with another(zekt) as session:
        session.execute(NO_MESSAGES)
        answer = send()
        zekt.sql("SELECT pg_terminate_backend(%s)", until_waiting(zekt))
        assert not answered(answer.result(30))
    assert answered(send().result(30))
    assert half_written(zekt) == []


def test_a_server_that_takes_no_writes_is_a_503_until_it_does(start: Callable[..., Zekt], postgres: str) -> None:
    """As after a failover to a standby, or when a hosted server's disk is nearly full."""
    zekt = start()
    run = zekt.start_run()
    alter(postgres, zekt, "SET default_transaction_read_only = on")
    assert not answered(zekt.send(run, messageId="m"))
    (refused,) = zekt.github.finish_run(run)
    assert refused.status_code == 503
    assert not answered(ready(zekt))
    assert requests.get(f"{zekt.url}/healthz", timeout=30).status_code == 200
    reading = requests.get(f"{zekt.url}/api/deliveries", headers={"Authorization": f"Bearer {ADMIN_TOKEN}"}, timeout=30)
    assert reading.status_code == 200
    # The broker's sessions go on, and are still what they began as.
    alter(postgres, zekt, "RESET default_transaction_read_only", anew=False)
    until_ready(zekt.url)
    assert answered(zekt.send(run, messageId="m"))
    assert zekt.github.redeliver(refused).status_code == 202
    (dispatch,) = zekt.dispatched()
    zekt.until(dispatch.client_payload["zekt"]["deliveryId"], "dispatched")
    assert half_written(zekt) == []


def test_a_server_without_a_connection_left_is_a_503_until_it_has_one(
    github: SandboxServer, new_database: Callable[[], str]
) -> None:
    github.add_repository("shop-team/orders", id=1001, installation_id=51)
    url = new_database()
    setup.apply(url, setup.directory())
    with psycopg.connect(url, autocommit=True) as owner:
        owner.execute("DROP ROLE IF EXISTS small")
        owner.execute("CREATE ROLE small LOGIN")
        owner.execute("GRANT ALL ON ALL TABLES IN SCHEMA public TO small")
        owner.execute("GRANT ALL ON ALL SEQUENCES IN SCHEMA public TO small")
        running = Running(settings_for(github), psycopg.conninfo.make_conninfo(url, user="small"))
        try:
            assert running.broker is not None
            zekt = Zekt(running.broker.settings.base_url, url, github, running.broker.settings, lambda: None)
            run = zekt.start_run()
            owner.execute("ALTER ROLE small CONNECTION LIMIT 0")
            owner.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'small'")
            assert not answered(zekt.send(run, messageId="m"))
            assert not answered(ready(zekt))
            owner.execute("ALTER ROLE small CONNECTION LIMIT -1")
            until_ready(zekt.url)
            assert answered(zekt.send(run, messageId="m"))
        finally:
            running.stop()
            owner.execute("DROP OWNED BY small")
            owner.execute("DROP ROLE small")


def test_a_server_that_is_back_is_found_within_seconds_however_long_it_was_away(bench: Bench) -> None:
    """The pool by itself would wait as long again as the outage was."""
    run = bench.zekt.start_run()
    bench.cable.unplug()
    # Each waits five seconds for a connection, which makes an outage of twenty.
    for _ in range(4):
        assert not answered(bench.zekt.send(run, messageId="m"))
    bench.cable.plug_in()
    assert answered(bench.zekt.send(run, messageId="m"))
