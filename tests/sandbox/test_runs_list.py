"""Runs as GitHub lists them: filtered, newest first, at most 1,000 of a search; and webhooks of hours ago."""

import time
from datetime import UTC, datetime, timedelta
from typing import Any

import jwt
import pytest

from zekt_sandbox.server import SandboxServer

ORDERS = "shop-team/orders"
RUNS = f"/repos/{ORDERS}/actions/runs"


def _ago(hours: float) -> str:
    return (datetime.now(UTC) - timedelta(hours=hours)).strftime("%Y-%m-%dT%H:%M:%SZ")


def _listed(orders: Any, **query: str) -> list[int]:
    return [run["id"] for run in orders.call("GET", RUNS, params=query).json()["workflow_runs"]]


def test_runs_are_found_by_when_they_were_created(gh: SandboxServer, orders: Any) -> None:
    made = []
    for hours in (5, 3, 1):
        gh.backdate(timedelta(hours=hours))
        made.append(gh.start_run(ORDERS).id)
    oldest, middle, newest = made
    assert _listed(orders) == [newest, middle, oldest]
    assert _listed(orders, created=f">={_ago(4)}") == [newest, middle]
    assert _listed(orders, created=f">{_ago(2)}") == [newest]
    assert _listed(orders, created=f"<={_ago(2)}") == [middle, oldest]
    assert _listed(orders, created=f"<{_ago(4)}") == [oldest]
    assert _listed(orders, created=f"{_ago(4)}..{_ago(2)}") == [middle]


def test_a_completed_run_is_found_by_status_and_event(gh: SandboxServer, orders: Any) -> None:
    done = gh.start_run(ORDERS)
    gh.finish_run(done, "failure")
    going = gh.start_run(ORDERS, event="repository_dispatch")
    assert _listed(orders, status="completed") == [done.id]
    assert _listed(orders, status="failure") == [done.id]
    assert _listed(orders, event="repository_dispatch") == [going.id]


@pytest.mark.parametrize("created", ["yesterday", ">=", "..", "2026-01-01..", "a..b"])
def test_a_time_that_is_none_is_refused(orders: Any, created: str) -> None:
    assert orders.call("GET", RUNS, params={"created": created}).status_code == 422


def test_pages_are_linked_until_the_last(gh: SandboxServer, orders: Any) -> None:
    made = [gh.start_run(ORDERS).id for _ in range(5)]
    seen: list[int] = []
    answer = orders.call("GET", RUNS, params={"per_page": "2"})
    for _ in range(5):
        assert answer.json()["total_count"] == 5
        seen += [run["id"] for run in answer.json()["workflow_runs"]]
        if "next" not in answer.links:
            break
        answer = orders.session.get(answer.links["next"]["url"], timeout=10)
    assert seen == made[::-1]


def test_a_search_shows_a_thousand_and_counts_all(gh: SandboxServer, orders: Any) -> None:
    for _ in range(1_002):
        gh.start_run(ORDERS)
    last = {"created": f">={_ago(1)}", "per_page": "100", "page": "10"}
    answer = orders.call("GET", RUNS, params=last)
    assert (answer.json()["total_count"], len(answer.json()["workflow_runs"])) == (1_002, 100)
    assert "next" not in answer.links
    assert len(_listed(orders, **{**last, "page": "11"})) == 0
    assert len(_listed(orders, per_page="100", page="11")) == 2


def test_a_deleted_run_is_not_there_any_more(gh: SandboxServer, orders: Any) -> None:
    run = gh.start_run(ORDERS)
    gh.rerun(run)
    gh.set_permissions(ORDERS, actions="read", metadata="read")
    assert orders.call("DELETE", f"{RUNS}/{run.id}").status_code == 403
    gh.delete_run(run)
    for path in (f"{RUNS}/{run.id}", f"{RUNS}/{run.id}/attempts/1", f"{RUNS}/{run.id}/attempts/2"):
        assert orders.call("GET", path).status_code == 404
    assert _listed(orders) == []


def test_whoever_may_write_actions_deletes_a_run(gh: SandboxServer, anonymous: Any) -> None:
    gh.set_permissions(ORDERS, actions="write", metadata="read")
    token, _ = gh.world.credentials.issue(51)
    run = gh.start_run(ORDERS)
    bearer = {"Authorization": f"Bearer {token}"}
    assert anonymous.call("DELETE", f"{RUNS}/{run.id}", headers=bearer).status_code == 204
    assert anonymous.call("DELETE", f"{RUNS}/{run.id}", headers=bearer).status_code == 404


def test_an_attempt_is_shown_as_it_ended_when_the_next_one_runs(gh: SandboxServer, orders: Any) -> None:
    run = gh.start_run(ORDERS)
    gh.finish_run(run, "failure")
    gh.rerun(run)
    first = orders.call("GET", f"{RUNS}/{run.id}/attempts/1").json()
    second = orders.call("GET", f"{RUNS}/{run.id}").json()
    assert (first["run_attempt"], first["status"], first["conclusion"]) == (1, "completed", "failure")
    assert (second["run_attempt"], second["status"], second["conclusion"]) == (2, "in_progress", None)


def test_the_log_of_webhooks_forgets_after_three_days(gh: SandboxServer, listener: Any, anonymous: Any) -> None:
    gh.set_app_hook(url=listener.url)
    lines = []
    for hours in (73, 71):
        gh.backdate(timedelta(hours=hours))
        lines += gh.finish_run(gh.start_run(ORDERS))
    now = int(time.time())
    token = jwt.encode({"iat": now, "exp": now + 60, "iss": gh.app_id}, gh.app_private_key, "RS256")
    bearer = {"Authorization": f"Bearer {token}"}
    shown = anonymous.call("GET", "/app/hook/deliveries", headers=bearer).json()
    assert [line["id"] for line in shown] == [lines[1].id]
    for line, status in zip(lines, (404, 200), strict=True):
        assert anonymous.call("GET", f"/app/hook/deliveries/{line.id}", headers=bearer).status_code == status


def test_the_clock_is_set_over_http_too(anonymous: Any) -> None:
    assert anonymous.call("PUT", "/_sandbox/clock", json={"behind_seconds": 7200}).status_code == 204
    run = anonymous.call("POST", "/_sandbox/runs", json={"repository": ORDERS}).json()
    created = datetime.fromisoformat(run["workflow_run"]["created_at"])
    assert timedelta(minutes=119) < datetime.now(UTC) - created < timedelta(minutes=121)
    assert anonymous.call("DELETE", f"/_sandbox/runs/{run['id']}").status_code == 204
    assert anonymous.call("GET", f"/_sandbox/runs/{run['id']}").status_code == 404
