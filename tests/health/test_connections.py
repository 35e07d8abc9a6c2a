"""The listing of connections: every figure against rows counted by hand, and what each side may read."""

import asyncio
from datetime import timedelta
from typing import Any

import psycopg
import pytest

from health import rows
from health.conftest import Still
from zekt_backend.rules import health
from zekt_backend.store import connection_views
from zekt_backend.store.database import many, one_connection
from zekt_testing import setup
from zekt_testing.canaries import mentions

MOMENT = timedelta(microseconds=1)
DAY, HOUR = timedelta(hours=24), timedelta(hours=1)
WEEK = timedelta(days=7)


def sql(still: Still, query: str, *params: Any) -> None:
    with psycopg.connect(still.database_url, autocommit=True) as connection:
        connection.execute(query.encode(), params)


def test_a_connection_is_shown_with_both_ends_and_all_figures(still: Still) -> None:
    now, url = still.clock.now(), still.database_url
    rows.add(url, "completed", now - HOUR, count=41, attempt=2, dispatches=1)
    rows.add(url, "confirmed", now - HOUR, count=5, due_at=now + HOUR)
    rows.add(url, "dispatched", now - HOUR, count=3, durable=False)
    rows.add(url, "dispatched", now - HOUR, count=2, due_at=now)
    rows.add(url, "failed", now - HOUR, count=1)
    rows.add(url, "dispatched", now - HOUR, count=7, due_at=now + HOUR)
    rows.add(url, "pending", now - MOMENT, count=11, attempt=0, dispatches=0, due_at=now)
    assert still.connection() == {
        "id": 1,
        "name": "infrastructure-orders@infra-team/platform",
        "service": "infrastructure-orders",
        "serviceAlias": "Orders",
        "serviceRetired": False,
        "status": "approved",
        "durable": True,
        "provider": {
            "account": "shop-team",
            "repositoryId": 1001,
            "repository": "shop-team/orders",
            "workflow": ".github/workflows/order.yml",
        },
        "consumer": {"account": "infra-team", "repositoryId": 2002, "repository": "infra-team/platform"},
        "sides": ["provider", "consumer"],
        "state": "warning",
        "lastEventAt": (now - MOMENT).isoformat(),
        "statistics": {
            "total": 52,
            "succeeded": 49,
            "failed": 1,
            "late": 2,
            "underway": 18,
            "retries": 41,
            "successRate": 94.23,
            "statuses": {"pending": 11, "dispatched": 12, "confirmed": 5, "completed": 41, "failed": 1},
            "capped": False,
        },
    }


@pytest.mark.parametrize(
    ("good", "bad", "state"),
    [
        (981, 20, "healthy"),
        (98, 2, "healthy"),
        (979, 20, "warning"),
        (901, 100, "warning"),
        (90, 10, "warning"),
        (899, 100, "critical"),
    ],
)
def test_the_states_at_both_sides_of_98_and_90_per_cent(still: Still, good: int, bad: int, state: str) -> None:
    now = still.clock.now()
    rows.add(still.database_url, "completed", now - DAY, count=good)
    rows.add(still.database_url, "failed", now, count=bad)
    rows.add(still.database_url, "failed", now - DAY - MOMENT, count=300)
    found = still.connection()
    assert (found["state"], found["statistics"]["total"]) == (state, good + bad)
    for each in ("healthy", "warning", "critical"):
        assert len(still.get(f"/api/connections?state={each}")["connections"]) == (each == state)
    counts = still.get("/api/health")["connections"]
    assert counts == {"healthy": 0, "warning": 0, "critical": 0, "capped": False, state: 1}


@pytest.mark.parametrize(
    ("age", "state", "total"),
    [
        (DAY - MOMENT, "critical", 1),
        (DAY, "critical", 1),
        (DAY + MOMENT, "healthy", 0),
        (WEEK - MOMENT, "healthy", 0),
        (WEEK, "healthy", 0),
        (WEEK + MOMENT, "warning", 0),
    ],
)
def test_exactly_24_hours_and_exactly_seven_days(still: Still, age: timedelta, state: str, total: int) -> None:
    rows.add(still.database_url, "failed", still.clock.now() - age)
    found = still.connection()
    assert (found["state"], found["statistics"]["total"]) == (state, total)
    still.clock.at += MOMENT
    later = {"critical": "critical" if age < DAY else "healthy", "healthy": "healthy", "warning": "warning"}[state]
    assert still.connection()["state"] == ("warning" if age == WEEK else later)


def test_without_a_delivery_it_is_healthy_and_without_approval_it_has_no_state(still: Still) -> None:
    assert (still.connection()["state"], still.connection()["lastEventAt"]) == ("healthy", None)
    sql(still, "UPDATE subscriptions SET status = 'revoked'")
    rows.add(still.database_url, "failed", still.clock.now())
    found = still.connection()
    assert (found["status"], found["state"], found["statistics"]["failed"]) == ("revoked", None, 1)
    assert still.get("/api/connections?state=critical")["connections"] == []
    assert still.get("/api/health")["connections"]["critical"] == 0
    assert len(still.get("/api/connections?status=revoked")["connections"]) == 1
    assert still.get("/api/connections?status=approved")["connections"] == []


def test_each_side_sees_the_connection_and_nobody_else_does(still: Still) -> None:
    shop, infra, rival = map(still.token, ("shop-team", "infra-team", "rival-team"))
    rows.add(still.database_url, "failed", still.clock.now())
    assert {**still.connection(), "sides": ["provider"]} == still.connection(shop)
    whole = still.connection()
    known = {**whole["provider"], "repositoryId": None}
    assert still.connection(infra) == {**whole, "sides": ["consumer"], "provider": known}
    for token, side in ((shop, "provider"), (infra, "consumer")):
        for asked in ("provider", "consumer"):
            assert len(still.get(f"/api/connections?side={asked}", token)["connections"]) == (asked == side)
    assert still.get("/api/connections", rival) == {"connections": [], "next": None}
    path = f"/api/connections/{still.connection()['id']}/diagnostics"
    nowhere = still.ask("/api/connections/999999/diagnostics", rival)
    assert (nowhere.status_code, nowhere.json()["code"]) == (403, "not_yours")
    assert still.ask(path, rival).content == nowhere.content
    assert still.ask("/api/connections/999999/diagnostics").json()["code"] == "not_found"


@pytest.mark.parametrize("status", ["requested", "denied", "revoked"])
def test_a_consumer_that_is_not_approved_knows_of_the_provider_what_the_directory_tells(
    still: Still, status: str
) -> None:
    sql(still, f"UPDATE subscriptions SET status = '{status}'")
    shop, infra = map(still.token, ("shop-team", "infra-team"))
    nothing = {"repositoryId": None, "repository": None, "workflow": None}
    assert still.connection(infra)["provider"] == {"account": "shop-team", **nothing}
    told = still.ask("/api/connections", infra).text + still.ask("/api/connections/1/diagnostics", infra).text
    assert not [name for name in ("shop-team/orders", "order.yml", "1001") if mentions(told, name)]
    assert still.connection(shop)["provider"]["repository"] == "shop-team/orders"


def test_a_service_or_an_account_on_either_side_is_asked_for_and_who_hides_is_found_by_itself_alone(
    still: Still,
) -> None:
    shop, infra = map(still.token, ("shop-team", "infra-team"))

    def found(query: str, token: str) -> int:
        return len(still.get(f"/api/connections?{query}", token)["connections"])

    asked = ["service=infrastructure-orders", "account=Infra-Team", "account=shop-team", "service=x", "account=x"]
    assert [found(query, shop) for query in asked] == [1, 1, 1, 0, 0]
    assert [found(query, infra) for query in asked] == [1, 1, 1, 0, 0]
    sql(still, "UPDATE services SET hide_provider = true")
    assert [found(query, shop) for query in asked] == [1, 1, 1, 0, 0]
    assert [found(query, infra) for query in asked] == [1, 1, 0, 0, 0]


def test_the_overview_counts_what_is_the_caller_s_and_tells_the_load_to_the_operator_alone(still: Still) -> None:
    now = still.clock.now()
    rows.add(still.database_url, "failed", now)
    rows.add(still.database_url, "pending", now, attempt=0, dispatches=0, due_at=now - timedelta(seconds=90))
    rows.add(still.database_url, "dispatched", now, due_at=now - timedelta(seconds=61))
    whole = still.get("/api/health")
    assert whole["connections"] == {"healthy": 0, "warning": 0, "critical": 1, "capped": False}
    load = {"oldestDueSeconds": 90, "open": {"pending": 1, "dispatched": 1, "confirmed": 0}}
    assert whole["broker"]["database"] == "ok"
    assert whole["broker"]["load"] == {**load, "heldInstallations": 0, "owedWebhooks": 0, "gaps": 0}
    seen = still.get("/api/health", still.token("rival-team"))
    assert seen["connections"] == {"healthy": 0, "warning": 0, "critical": 0, "capped": False}
    assert seen["broker"] == {**whole["broker"], "load": None}
    still.clock.at -= timedelta(days=1)
    assert still.get("/api/health")["broker"]["load"]["oldestDueSeconds"] == 0


@pytest.mark.parametrize("query", ["state=dead", "side=both", "limit=0", "limit=501", "before=x", "more=1"])
def test_what_is_no_filter_is_refused(still: Still, query: str) -> None:
    assert still.ask(f"/api/connections?{query}").json()["code"] == "body_invalid"


class TestHidden:
    """The provider hides."""

    @pytest.fixture
    def wanted(self) -> dict[str, Any]:
        wanted = setup.directory()
        wanted["accounts"][0]["repositories"][0]["workflows"][0]["service"]["hide-provider"] = True
        return wanted

    def test_a_consumer_learns_nothing_of_a_provider_who_hides(self, still: Still) -> None:
        shop, infra = map(still.token, ("shop-team", "infra-team"))
        rows.add(still.database_url, "failed", still.clock.now(), count=2)
        rows.add(still.database_url, "failed", still.clock.now() - 8 * DAY, failure="uninstalled")
        sql(still, "UPDATE workflows SET whitelisted = false")
        sql(still, "UPDATE installations SET suspended_at = now() WHERE id = 51")
        assert still.connection(infra)["provider"] is None
        assert still.connection(shop)["provider"]["repository"] == "shop-team/orders"
        told = still.ask("/api/connections", infra).text + still.ask("/api/connections/1/diagnostics", infra).text
        assert "infra-team/platform" in told
        assert not [name for name in ("shop-team", "orders.yml", "order.yml", "1001") if mentions(told, name)]
        assert "The provider's side sends nothing as things stand." in told


@pytest.mark.parametrize("first", ["VACUUM ANALYZE deliveries", "SELECT 'the planner knows nothing of them'"])
def test_a_listing_reads_a_bounded_part_of_a_busy_connection(still: Still, first: str) -> None:
    now = still.clock.now()
    rows.add(still.database_url, "failed", now - 2 * HOUR, count=3_000, durable=False)
    rows.add(still.database_url, "dispatched", now - HOUR, count=health.MOST, durable=False)
    sql(still, first)
    found = still.connection()
    assert found["statistics"]["capped"]
    assert (found["state"], found["statistics"]["total"]) == ("healthy", health.MOST)
    scanned, fetched = asyncio.run(read_by_a_listing(still))
    assert (scanned, health.MOST <= fetched <= health.MOST + 10) == (0, True), fetched


async def read_by_a_listing(still: Still) -> tuple[int, int]:
    """Rows of deliveries that a page reads without and with an index, by PostgreSQL's own count."""
    counts = """SELECT seq_tup_read AS scanned, idx_tup_fetch AS fetched FROM pg_stat_user_tables
                WHERE relname = 'deliveries'"""
    async with one_connection(still.database_url) as tx:
        seen = []
        for _ in range(2):
            (row,) = await many(tx, counts)
            seen.append(row)
            await connection_views.page(
                tx, connection_views.Wanted(), accounts=None, before=None, limit=50, now=still.clock.now()
            )
            await tx.execute("SELECT pg_stat_force_next_flush()")
        return seen[1]["scanned"] - seen[0]["scanned"], seen[1]["fetched"] - seen[0]["fetched"]
