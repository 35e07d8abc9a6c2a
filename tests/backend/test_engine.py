"""One database, any number of processes: real ones, killed for real."""

import asyncio
import os
import signal
import tempfile
import threading
from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest
import requests

from zekt_backend.clock import SystemClock
from zekt_backend.errors import ZektError
from zekt_backend.flows.tidy import tidy
from zekt_backend.store import schema
from zekt_backend.store.database import Database
from zekt_sandbox.server import SandboxServer
from zekt_testing.processes import Process, zekt_process
from zekt_testing.scene import until_ready

Start = Callable[..., Any]


AS_SHIPPED = {"ZEKT_WORKER_HEARTBEAT": "6", "ZEKT_SWEEP_SECONDS": "5"}
"""The defaults, where what is tested is how long something takes with them."""


def process(zekt: Any, folder: Path, *arguments: str, **settings: str) -> AbstractContextManager[Process]:
    return zekt_process(zekt.github, folder, *arguments, ZEKT_DATABASE_URL=zekt.database_url, **settings)


def test_serve_without_worker_and_workers_apart_share_the_work(start: Start, tmp_path: Path) -> None:
    zekt = start(work=False)
    with (
        process(zekt, tmp_path, "serve", "--no-worker") as serve,
        process(zekt, tmp_path, "worker") as one,
        process(zekt, tmp_path, "worker") as two,
    ):
        url = serve.said("started")["url"]
        assert requests.get(f"{url}/readyz", timeout=10).json()["status"] == "ready"
        one.said("started")
        two.said("started")
        for _ in range(40):
            zekt.github.finish_run(zekt.start_run())
        zekt.dispatched(40)
        for delivery in zekt.deliveries():
            zekt.until(delivery["deliveryId"], "dispatched")
        assert len(zekt.github.dispatches()) == 40
        serve.popen.send_signal(signal.SIGTERM)
        assert serve.popen.wait(20) == 0


def test_a_worker_killed_between_githubs_yes_and_our_own_loses_nothing(start: Start, tmp_path: Path) -> None:
    zekt = start(work=False)
    zekt.github.faults.add(where="dispatch", kind="accept_then_hang", seconds=60)
    zekt.github.finish_run(zekt.start_run())
    (delivery,) = zekt.deliveries()
    with process(zekt, tmp_path, "worker", **AS_SHIPPED) as victim:
        # GitHub has accepted it, and the worker does not know yet.
        zekt.dispatched(1)
        victim.popen.kill()
        victim.popen.wait(10)
    with process(zekt, tmp_path, "worker", **AS_SHIPPED):
        found = zekt.until(delivery["deliveryId"], "dispatched")
    assert [(a["number"], a["category"], a["ambiguous"]) for a in found["attemptList"]] == [
        (1, "lost", True),
        (2, "accepted", False),
    ]
    first, second = zekt.dispatched(2)
    assert first.client_payload["zekt"]["deliveryId"] == second.client_payload["zekt"]["deliveryId"]
    assert second.client_payload["zekt"]["attempt"] == 2


def test_a_pending_delivery_whose_job_is_gone_is_armed_again(start: Start) -> None:
    zekt = start(work=False)
    zekt.github.finish_run(zekt.start_run())
    zekt.sql("DELETE FROM pgqueuer")
    zekt.sql("UPDATE deliveries SET due_at = now() - interval '1 minute'")
    zekt.also_work()
    zekt.dispatched(1)


def test_the_jobs_commit_or_roll_back_with_the_rows_they_serve(start: Start) -> None:
    zekt = start(work=False)
    zekt.sql("ALTER TABLE decisions ADD CONSTRAINT no CHECK (outcome <> 'delivered') NOT VALID")
    (answer,) = zekt.github.finish_run(zekt.start_run())
    assert answer.status_code == 500
    for table in ("events", "decisions", "deliveries", "pgqueuer"):
        assert zekt.sql(f"SELECT count(*) FROM {table}") == [(0,)]
    zekt.sql("ALTER TABLE decisions DROP CONSTRAINT no")
    assert zekt.github.redeliver(answer).status_code == 202
    assert zekt.sql("SELECT count(*) FROM pgqueuer") == [(1,)]


def test_connections_cut_under_it_do_not_stop_a_broker(start: Start) -> None:
    zekt = start()
    zekt.github.finish_run(zekt.start_run())
    zekt.dispatched(1)
    zekt.sql(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
        " WHERE datname = current_database() AND pid <> pg_backend_pid()"
    )
    run = zekt.start_run()
    answers = {zekt.send(run, messageId="m-1").status_code for _ in range(3)}
    assert answers <= {202, 200, 503}
    assert zekt.send(run, messageId="m-1").status_code in (200, 202)
    zekt.github.finish_run(run)
    zekt.dispatched(2)


def test_a_worker_that_waits_for_github_finds_its_database_again_meanwhile(start: Start) -> None:
    zekt = start(settings={"github_timeout": timedelta(seconds=20), "sweep_seconds": 59})
    zekt.github.faults.add(where="dispatch", kind="accept_then_hang", seconds=15)
    zekt.github.finish_run(zekt.start_run())
    zekt.dispatched(1)
    zekt.sql(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
        " WHERE datname = current_database() AND pid <> pg_backend_pid()"
    )
    zekt.github.finish_run(zekt.start_run())
    # Well before GitHub lets go of the first call.
    zekt.github.wait_for_dispatches("infra-team/platform", 2, 60)


def test_a_schema_newer_than_this_program_is_refused(new_database: Callable[[], str]) -> None:
    url = new_database()
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
    with pytest.raises(ZektError) as caught:
        schema.migrate(url)
    assert caught.value.code == "schema_newer"
    assert "9999" in caught.value.detail


def test_an_empty_database_is_migrated_by_whoever_comes_first(new_database: Callable[[], str]) -> None:
    url = new_database()
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("DROP SCHEMA public CASCADE")
        connection.execute("CREATE SCHEMA public")
    errors: list[BaseException] = []

    def migrate() -> None:
        try:
            schema.migrate(url)
        except BaseException as error:  # noqa: BLE001 - handed to the test's own thread
            errors.append(error)

    threads = [threading.Thread(target=migrate) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert errors == []
    with psycopg.connect(url) as connection:
        assert connection.execute("SELECT count(*) FROM deliveries").fetchone() == (0,)


def test_the_engines_own_log_is_kept_for_a_day(start: Start) -> None:
    zekt = start()

    async def tidied() -> int:
        db = await Database(zekt.database_url, size=2).open()
        try:
            return await tidy(db=db, clock=SystemClock())
        finally:
            await db.close()

    zekt.github.finish_run(zekt.start_run())
    zekt.until_sql("SELECT 1 FROM pgqueuer_log WHERE status = 'successful'")
    assert asyncio.run(tidied()) == 0
    zekt.sql("UPDATE pgqueuer_log SET created = now() - interval '25 hours'")
    assert asyncio.run(tidied()) >= 2
    assert zekt.sql("SELECT count(*) FROM pgqueuer_log WHERE created < now() - interval '1 day'") == [(0,)]


def test_a_job_that_wakes_again_after_an_outage_waits_for_the_try_it_began(start: Start) -> None:
    zekt = start(settings={"github_timeout": timedelta(seconds=20)})
    zekt.github.faults.add(where="dispatch", kind="accept_then_hang", seconds=6)
    zekt.github.finish_run(zekt.start_run())
    ((delivery_id,),) = zekt.sql("SELECT id FROM deliveries")
    zekt.wait_for_visit("/repos/infra-team/platform/dispatches")
    # The database lets go of everybody. The job is woken again long before GitHub's answer to its POST is given up.
    zekt.sql(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database()"
        " AND pid <> pg_backend_pid()"
    )
    first, second = zekt.until(delivery_id, "dispatched")["attemptList"]
    assert (first["category"], second["category"]) == ("network", "accepted")
    assert second["startedAt"] > first["finishedAt"], "one POST at a time"


def test_a_limit_learned_by_one_worker_holds_for_all(start: Start) -> None:
    zekt = start(settings={"dispatch_spacing": timedelta(0)})
    zekt.also_work()
    zekt.github.faults.add(where="dispatch", kind="rate_limit", status=429, seconds=2)
    zekt.github.finish_run(zekt.start_run())
    zekt.until_sql("SELECT 1 FROM installations WHERE blocked_until > now()")
    for _ in range(6):
        zekt.github.finish_run(zekt.start_run())
    zekt.dispatched(7)
    refused, *accepted = zekt.github.dispatches(refused=True)
    assert min(d.received_at for d in accepted) - refused.received_at > timedelta(seconds=1)
    assert len(accepted) == 7


def test_an_embedded_database_that_nothing_can_start_for_a_while_is_started_after_it(
    github: SandboxServer, tmp_path: Path
) -> None:
    here, away = tmp_path / "here", tmp_path / "away"
    here.mkdir()
    with (
        tempfile.TemporaryDirectory(prefix="zekt-") as folder,
        zekt_process(github, tmp_path, "serve", ZEKT_DATA_DIR=folder, TMPDIR=str(here)) as serve,
    ):
        url = serve.said("started")["url"]
        postmaster = int((Path(folder) / "postgres" / "postmaster.pid").read_text().splitlines()[0])
        here.rename(away)
        os.kill(postmaster, signal.SIGKILL)
        assert "No such file" in serve.said("embedded_database_down")["detail"]
        away.rename(here)
        serve.said("embedded_database_revived")
        until_ready(url)


def test_an_embedded_database_that_is_killed_is_started_again(github: SandboxServer, tmp_path: Path) -> None:
    with (
        tempfile.TemporaryDirectory(prefix="zekt-") as folder,
        zekt_process(github, tmp_path, "serve", ZEKT_DATA_DIR=folder) as serve,
    ):
        url = serve.said("started")["url"]
        postmaster = int((Path(folder) / "postgres" / "postmaster.pid").read_text().splitlines()[0])
        os.kill(postmaster, signal.SIGKILL)
        assert serve.said("embedded_database_revived")["pid"] != postmaster
        until_ready(url)
        serve.popen.terminate()
        assert serve.popen.wait(30) == 0
