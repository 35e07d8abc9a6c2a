"""`GET /api/events` and `zekt events`: whose ends of runs are listed, and which; and listings page by page."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from zekt_testing.broker import Zekt


@pytest.fixture
def zekt(start: Callable[..., Zekt]) -> Zekt:
    return start(work=False, branches=["main"])


@pytest.fixture
def runs(zekt: Zekt) -> list[Any]:
    """Three, in order; the second is of a branch that nobody takes."""
    found = []
    for branch in ("main", "dev", "main"):
        run = zekt.start_run(ref=f"refs/heads/{branch}")
        assert zekt.send(run).ok
        zekt.github.finish_run(run)
        found.append(run)
    zekt.until_sql("SELECT 1 FROM events HAVING count(*) = 3")
    return found


def ids(answer: dict[str, Any]) -> list[str]:
    return [event["runId"] for event in answer["events"]]


def test_a_provider_finds_a_blocked_event_and_asks_why(runs: list[Any], ask: Any, make: Callable[..., str]) -> None:
    token = make("shop-team")
    (found,) = ask(token, "/api/events?outcome=blocked").json()["events"]
    assert found == {
        "guid": found["guid"],
        "repository": "shop-team/orders",
        "runId": str(runs[1].id),
        "runAttempt": 1,
        "workflowPath": ".github/workflows/order.yml",
        "conclusion": "success",
        "headBranch": "dev",
        "receivedAt": found["receivedAt"],
        "outcome": "blocked",
    }
    told = ask(token, f"/api/events/{found['guid']}/decision").json()
    assert (told["runId"], told["decisions"][0]["outcome"]) == (found["runId"], "blocked")


def test_an_event_is_listed_to_its_provider_alone(runs: list[Any], ask: Any, make: Callable[..., str]) -> None:
    assert ask(make("infra-team"), "/api/events").json() == {"events": [], "next": None}
    newest = [str(run.id) for run in reversed(runs)]
    assert ids(ask(make("shop-team"), "/api/events").json()) == newest
    assert ids(ask(None, "/api/events").json()) == newest


def test_the_filters_and_the_cursor(runs: list[Any], ask: Any) -> None:
    first, second, third = (str(run.id) for run in runs)
    for query, wanted in (
        (f"runId={second}", [second]),
        ("outcome=delivered", [third, first]),
        ("repository=Shop-Team/Orders&limit=3", [third, second, first]),
        ("repository=shop-team/other", []),
    ):
        answer = ask(None, f"/api/events?{query}").json()
        assert (ids(answer), answer["next"]) == (wanted, None), query
    page = ask(None, "/api/events?outcome=delivered&limit=1").json()
    assert ids(page) == [third]
    assert ids(ask(None, f"/api/events?outcome=delivered&limit=1&before={page['next']}").json()) == [first]
    for query in ("runId=0", "outcome=lost", "before=x", "else=1"):
        assert ask(None, f"/api/events?{query}").json()["code"] == "body_invalid", query


def test_an_event_with_a_late_message_is_listed_once(zekt: Zekt, runs: list[Any], ask: Any) -> None:
    assert zekt.send(runs[0], messageId="late").ok
    assert zekt.sql("SELECT count(*) FROM decisions WHERE event_id IS NOT NULL") == [(1,)]
    assert len(ids(ask(None, "/api/events").json())) == 3


def test_the_command_prints_the_same_and_tells_how_to_go_on(runs: list[Any], ask: Any, zekt_command: Any) -> None:
    shown = zekt_command("events", "--outcome", "delivered", "--limit", "1", "--json")
    page = ask(None, "/api/events?outcome=delivered&limit=1").json()
    assert json.loads(shown.stdout) == page["events"]
    assert shown.stderr == f"More: --before {page['next']}\n"
    last = zekt_command(
        "events", "--outcome", "delivered", "--before", str(page["next"]), "--account", "shop-team", "--json"
    )
    assert [event["runId"] for event in json.loads(last.stdout)] == [str(runs[0].id)]
    assert last.stderr == ""
    assert page["events"][0]["guid"] in zekt_command("events").stdout


LISTINGS = {
    ("accounts", "list"): "login",
    ("audit",): "id",
    ("deliveries",): "deliveryId",
    ("repositories", "list"): "fullName",
}


@pytest.mark.usefixtures("runs")
@pytest.mark.parametrize("command", LISTINGS, ids=" ".join)
def test_every_listing_goes_on_where_the_page_before_ended(zekt_command: Any, command: tuple[str, ...]) -> None:
    whole = [row[LISTINGS[command]] for row in json.loads(zekt_command(*command, "--json").stdout)]
    assert len(whole) > 1
    found: list[Any] = []
    options: list[str] = []
    for _ in whole:
        page = zekt_command(*command, "--json", "--limit", "1", *options)
        found += [row[LISTINGS[command]] for row in json.loads(page.stdout)]
        options = page.stderr.removeprefix("More: ").split()
    assert found == whole
    assert options == []
