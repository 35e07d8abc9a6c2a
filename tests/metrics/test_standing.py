"""How the broker stands: the same from whichever process is asked, and gone where the database does not answer."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import pytest

from zekt_backend.insight import standing
from zekt_backend.store import figures

Start = Callable[..., Any]


def test_what_is_overdue_has_an_age(start: Start, scrape: Any, deliver: Any) -> None:
    zekt = start(work=False)
    deliver(zekt)
    late = deliver(zekt)
    zekt.sql("UPDATE deliveries SET due_at = now() + interval '1 hour'")
    assert scrape(zekt)("zekt_deliveries_oldest_due_seconds", status="pending") == 0
    zekt.sql("UPDATE deliveries SET due_at = now() - interval '10 minutes' WHERE id = %s", late)
    page = scrape(zekt)
    assert 600 <= page("zekt_deliveries_oldest_due_seconds", status="pending") < 700
    assert page("zekt_deliveries_oldest_due_seconds", status="dispatched") == 0
    assert page.all("zekt_deliveries_open", "status") == {"pending": 2}


def test_fire_and_forget_owes_nothing_once_it_is_dispatched(start: Start, scrape: Any, deliver: Any) -> None:
    zekt = start(durable=False)
    zekt.until(deliver(zekt), "dispatched")
    assert scrape(zekt).all("zekt_deliveries_open", "status") == {}


def test_jobs_are_told_apart_by_what_they_wait_for(start: Start, scrape: Any, deliver: Any) -> None:
    zekt = start(work=False, settings={"dispatch_spacing": timedelta(hours=1)})
    for _ in range(3):
        deliver(zekt)
    page = scrape(zekt)
    assert page("zekt_jobs", entrypoint="deliver", state="due") == 1
    assert page("zekt_jobs", entrypoint="deliver", state="parked") == 2
    assert page("zekt_jobs", entrypoint="deliver", state="working") == 0
    assert page("zekt_jobs", entrypoint="settle", state="due") == 0
    zekt.sql("UPDATE pgqueuer SET status = 'picked', queue_manager_id = gen_random_uuid() WHERE execute_after <= now()")
    assert scrape(zekt)("zekt_jobs", entrypoint="deliver", state="working") == 1


def test_the_plan_of_writes_is_told_without_naming_whose(start: Start, scrape: Any, deliver: Any) -> None:
    zekt = start(work=False, settings={"dispatch_spacing": timedelta(hours=1)})
    for _ in range(3):
        deliver(zekt)
    zekt.sql("UPDATE installations SET blocked_until = now() + interval '1 minute' WHERE id = 52")
    page = scrape(zekt)
    assert page("zekt_pacing_installations_planned") == 1
    assert page("zekt_pacing_installations_held") == 1
    assert 10_000 < page("zekt_pacing_longest_plan_seconds") <= 10_800
    assert page("zekt_pacing_wait_seconds_count") == 3
    assert 10_000 < page("zekt_pacing_wait_seconds_sum") <= 10_800  # now, in one hour, in two


def test_counting_ends_at_a_bound(start: Start, scrape: Any, deliver: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("zekt_backend.store.figures.MOST", 2)
    zekt = start(work=False)
    for _ in range(3):
        deliver(zekt)
    page = scrape(zekt)
    assert page("zekt_deliveries_open", status="pending") == 2
    assert page("zekt_jobs", entrypoint="deliver", state="due") == 2


def test_gaps_and_lost_webhooks_are_counted_while_they_are_open(start: Start, scrape: Any) -> None:
    zekt = start(work=False)
    zekt.sql(
        "INSERT INTO gaps (kind, subject, found_at, detail) VALUES ('run', '1', now(), ''), ('run', '2', now(), '')"
    )
    zekt.sql("UPDATE gaps SET closed_at = now() WHERE subject = '2'")
    zekt.sql(
        "INSERT INTO lost_webhooks (guid, hook_id, delivery_id, delivered_at, ask_at) VALUES ('g', 0, 1, now(), now())"
    )
    page = scrape(zekt)
    assert page("zekt_reconcile_gaps_open") == 1
    assert page("zekt_reconcile_webhooks_owed") == 1


def test_a_worker_that_lives_has_swept_lately(zekt: Any, scrape: Any) -> None:
    zekt.until_sql("SELECT 1 FROM pgqueuer_schedules WHERE entrypoint = 'sweep' AND last_run IS NOT NULL")
    ((now,),) = zekt.sql("SELECT extract(epoch FROM now())::float")
    assert 0 <= now - scrape(zekt)("zekt_schedule_last_run_timestamp_seconds", schedule="sweep") < 60


def test_the_budget_is_the_lowest_that_github_told(zekt: Any, scrape: Any, deliver: Any) -> None:
    page = scrape(zekt)
    assert page("zekt_github_budget_lowest") is None
    assert page("zekt_github_budgets") == 0
    zekt.until(deliver(zekt), "dispatched")
    before = scrape(zekt)
    assert before("zekt_github_budgets_reserved") == 0
    zekt.github.faults.add(where="dispatch", kind="rate_limit_primary", status=403, seconds=600)
    deliver(zekt)
    zekt.until_sql("SELECT 1 FROM installations WHERE blocked_until > now()")
    page = scrape(zekt)
    assert page("zekt_github_budget_lowest") == 0
    assert page("zekt_github_budgets_reserved") == 1
    assert page("zekt_attempts_total", outcome="rate_limit") == 1
    assert page("zekt_pacing_installations_held") == 1


def test_the_pools_of_connections_are_told_apart(zekt: Any, scrape: Any) -> None:
    page = scrape(zekt)
    assert page.all("zekt_database_connections_max", "pool") == {"requests": 10, "work": 10}
    assert page("zekt_database_connections", pool="requests", state="idle") >= 1
    assert page("zekt_database_waiting", pool="requests") == 0


def test_without_the_database_the_process_still_tells_its_own(zekt: Any, scrape: Any) -> None:
    zekt.sql("ALTER TABLE gaps RENAME TO away")
    page = scrape(zekt)
    assert page("zekt_database_answers") == 0
    assert page("zekt_deliveries_open", status="pending") is None
    assert page("zekt_reconcile_gaps_open") is None
    assert page("zekt_attempts_total", outcome="accepted") == 0
    zekt.sql("ALTER TABLE away RENAME TO gaps")
    assert scrape(zekt)("zekt_reconcile_gaps_open") == 0


def test_however_often_it_is_asked_the_database_is_not(
    start: Start, scrape: Any, deliver: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(standing, "KEPT_SECONDS", 3600.0)
    zekt = start(work=False)
    assert scrape(zekt)("zekt_deliveries_open", status="pending") == 0
    deliver(zekt)
    page = scrape(zekt)
    assert page("zekt_deliveries_open", status="pending") == 0
    assert page("zekt_deliveries_total", status="pending") == 1


def test_however_much_is_kept_it_is_counted_by_indexes(start: Start) -> None:
    """By what the planner would do, since a test that measured it would measure the machine."""
    zekt = start(work=False)
    zekt.sql(
        """WITH off AS (SELECT set_config('session_replication_role', 'replica', false)),
                made AS (SELECT g, CASE mod(g, 10) WHEN 0 THEN 'pending' WHEN 1 THEN 'confirmed' ELSE 'completed' END
                                 AS status
                         FROM off, generate_series(1, 20000) AS g)
           INSERT INTO deliveries (id, subscription_id, provider_id, provider, consumer_id, consumer, installation_id,
               correlation_id, event_guid, event_type, envelope, late, durable, confirm_timeout, complete_timeout,
               max_dispatches, status, due_at, created_at)
           SELECT 'd' || g, 1, 1001, '', 2002, '', 52, g::text, '', 'x', '{}', false, true, '1 min', '1 min', 5, status,
                  CASE WHEN status <> 'completed' THEN now() END, now()
           FROM made"""
    )
    zekt.sql(
        """INSERT INTO pgqueuer (priority, created, updated, heartbeat, execute_after, status, entrypoint)
           SELECT 0, now(), now(), now(), now() + g * interval '1 s', 'queued', 'deliver'
           FROM generate_series(1, 20000) AS g"""
    )
    with psycopg.connect(zekt.database_url, autocommit=True) as connection:
        connection.execute("SET enable_sort = off")
        for query in (figures._DELIVERIES, figures._JOBS):  # noqa: SLF001 — the statements themselves
            given = {
                "now": datetime.now(UTC),
                "most": 100,
                "open": ["pending", "confirmed"],
                "entrypoints": ["deliver"],
            }
            plan = "\n".join(str(line) for (line,) in connection.execute(b"EXPLAIN " + query.encode(), given))
            assert "using deliveries_due" in plan or "using pgqueuer_ep_ea_idx" in plan
            assert "Seq Scan" not in plan, plan
            assert "Sort" not in plan, plan
