"""Why a connection is not well: groups that sum up, the last ten word for word, webhooks, recommendations."""

from datetime import timedelta
from typing import Any

import psycopg
import pytest

from health import rows
from health.conftest import Still
from zekt_testing.broker import ADMIN_TOKEN

MOMENT = timedelta(microseconds=1)
MONTH, HOUR = timedelta(days=30), timedelta(hours=1)


def test_failures_of_exactly_30_days_are_grouped_and_sum_up(still: Still) -> None:
    now, url = still.clock.now(), still.database_url
    counts = {"unavailable": 3, "timeout": 1, "auth": 2, "permission": 4, "rate_limit": 1, "network": 5, "overdue": 2}
    for age, (category, count) in enumerate(counts.items(), 1):
        rows.add(url, "failed", now - 99 * HOUR, completed_at=now - age * HOUR, failure=category, count=count)
    rows.add(url, "failed", now - 2 * MONTH, completed_at=now - MONTH, failure="network", advice="Look there.")
    rows.add(url, "failed", now - 2 * MONTH, completed_at=now - MONTH - MOMENT, failure="network")
    rows.add(url, "completed", now)
    found = still.diagnostics()
    assert found["failures"]["since"] == (now - MONTH).isoformat()
    assert (found["failures"]["count"], found["failures"]["capped"]) == (19, False)
    groups = {group["cause"]: group for group in found["failures"]["groups"]}
    assert {cause: group["count"] for cause, group in groups.items()} == {
        "auth": 6,
        "network": 6,
        "unavailable": 3,
        "overdue": 2,
        "timeout": 1,
        "rate_limit": 1,
    }
    assert groups["network"]["newestAt"] == (now - 6 * HOUR).isoformat()
    assert [(part["category"], part["count"]) for part in groups["auth"]["categories"]] == [
        ("permission", 4),
        ("auth", 2),
    ]
    assert [each["about"] for each in found["recommendations"]] == [*counts]
    assert (found["connection"]["state"], found["connection"]["statistics"]["total"]) == ("healthy", 1)


def test_the_last_ten_are_told_newest_first(still: Still) -> None:
    now = still.clock.now()
    names = [rows.add(still.database_url, "failed", now - number * HOUR) for number in range(12)]
    found = still.diagnostics()["failures"]
    assert [each["deliveryId"] for each in found["newest"]] == [f"{name}-1" for name in names[:10]]
    assert found["count"] == 12


def test_what_those_that_succeeded_had_to_try_again_for_is_no_failure(still: Still) -> None:
    now, url = still.clock.now(), still.database_url
    good = rows.add(url, "completed", now, attempt=3)
    bad = rows.add(url, "failed", now, attempt=2)
    old = rows.add(url, "completed", now - 25 * HOUR, attempt=2)
    with psycopg.connect(url, autocommit=True) as connection:
        for name, number, category in (
            (good, 1, "timeout"),
            (good, 2, "rate_limit"),
            (good, 3, "accepted"),
            (bad, 1, "network"),
            (bad, 2, "network"),
            (old, 1, "unavailable"),
        ):
            connection.execute(
                """INSERT INTO attempts (delivery_id, number, started_at, finished_at, accepted, category)
                   VALUES (%s, %s, %s, %s, %s, %s)""",
                (f"{name}-1", number, now, now, category == "accepted", category),
            )
    found = still.diagnostics()
    assert {each["category"]: each["count"] for each in found["retries"]} == {"timeout": 1, "rate_limit": 1}
    assert found["connection"]["statistics"]["retries"] == 2


def test_each_side_reads_of_its_own_webhook(still: Still) -> None:
    now = still.clock.now()
    runs = (
        ("a", 1001, 5, now - 25 * HOUR),
        ("b", 1001, 6, now - 24 * HOUR),
        ("c", 1001, 7, now - HOUR),
        ("d", 2002, 8, now - 2 * HOUR),
    )
    with psycopg.connect(still.database_url, autocommit=True) as connection:
        for guid, repository, run, at in runs:
            connection.execute(
                """INSERT INTO events (guid, repository_id, repository, run_id, run_attempt, workflow_name, head_sha,
                       event, actor, html_url, received_at) VALUES (%s, %s, '', %s, 1, '', '', '', '', '', %s)""",
                (guid, repository, run, at),
            )
        for guid, at in (("c", now - 3 * HOUR), ("x", now - 24 * HOUR), ("y", now - 24 * HOUR - MOMENT)):
            connection.execute(
                """INSERT INTO lost_webhooks (guid, hook_id, delivery_id, repository_id, delivered_at)
                   VALUES (%s, 0, 1, 1001, %s)""",
                (guid, at),
            )
    provider = {
        "end": "provider",
        "repository": "shop-team/orders",
        "newestAt": (now - HOUR).isoformat(),
        "received": 2,
        "missed": 2,
        "owed": 1,
        "successRate": 66.66,
        "capped": False,
    }
    consumer = {**provider, "end": "consumer", "repository": "infra-team/platform", "received": 1}
    consumer |= {"newestAt": (now - 2 * HOUR).isoformat(), "missed": 0, "owed": 0, "successRate": 100}
    assert still.diagnostics()["webhooks"] == [provider, consumer]
    shop, infra = still.diagnostics(still.token("shop-team")), still.diagnostics(still.token("infra-team"))
    assert (shop["webhooks"], infra["webhooks"]) == ([provider], [consumer])
    assert [each["about"] for each in shop["recommendations"]] == ["webhook"]
    assert infra["recommendations"] == []
    assert "shop-team/orders" not in str(infra["webhooks"])


@pytest.mark.parametrize(
    ("status", "category", "cause", "text"),
    [
        (422, "invalid", "invalid", "invalid: "),
        (404, "not_found", "not_found", "not_found: "),
        (401, "auth", "auth", "auth: "),
        (503, "unavailable", "unavailable", "given up after 4 tries: unavailable: "),
    ],
)
def test_a_real_failure_is_told_in_full(start: Any, status: int, category: str, cause: str, text: str) -> None:
    zekt = start(durable=False, work=status != 503)
    zekt.github.faults.add(where="dispatch", kind="status", status=status, times=None)
    run = zekt.start_run()
    zekt.send(run)
    zekt.github.finish_run(run)
    if status == 503:
        zekt.until_sql("SELECT 1 FROM deliveries")
        zekt.sql("UPDATE deliveries SET tries = 3")
        zekt.also_work()
    (delivery,) = zekt.deliveries()
    delivery = zekt.until(delivery["deliveryId"], "failed")
    (connection,) = zekt.get("/api/connections")["connections"]
    assert (connection["state"], connection["statistics"]["successRate"]) == ("critical", 0)
    found = zekt.get(f"/api/connections/{connection['id']}/diagnostics")
    (told,) = found["failures"]["newest"]
    last = delivery["attemptList"][-1]
    assert told["detail"].startswith(text)
    assert told["detail"] == delivery["history"][-1]["detail"]
    assert (
        told.items()
        >= {
            "deliveryId": delivery["deliveryId"],
            "correlationId": str(run.id),
            "category": category,
            "cause": cause,
            "advice": delivery["advice"],
            "httpStatus": status,
            "githubRequestId": last["githubRequestId"],
            "attempts": len(delivery["attemptList"]),
            "createdAt": delivery["createdAt"],
            "failedAt": delivery["completedAt"],
        }.items()
    )
    assert last["githubRequestId"]
    (remedy,) = found["recommendations"]
    assert (remedy["about"], remedy["fix"]["text"]) == (category, delivery["advice"])
    assert f"zekt replay {delivery['deliveryId']}" in remedy["fix"]["commands"]


def test_a_replay_that_succeeds_counts_by_itself_and_leaves_the_failure_as_it_was(start: Any) -> None:
    zekt = start(durable=False)
    zekt.github.faults.add(where="dispatch", kind="status", status=422, times=1)
    run = zekt.start_run()
    zekt.send(run)
    zekt.github.finish_run(run)
    (delivery,) = zekt.deliveries()
    zekt.until(delivery["deliveryId"], "failed")
    again = zekt.post(f"/api/replay/{delivery['deliveryId']}", ADMIN_TOKEN, {}).json()["deliveryId"]
    zekt.until(again, "dispatched")
    (connection,) = zekt.get("/api/connections")["connections"]
    figures = connection["statistics"]
    assert (figures["succeeded"], figures["failed"], figures["successRate"]) == (1, 1, 50)
    (told,) = zekt.get(f"/api/connections/{connection['id']}/diagnostics")["failures"]["newest"]
    assert told["replayedAs"] == [again]
