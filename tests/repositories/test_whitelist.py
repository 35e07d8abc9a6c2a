"""The whitelist: what GitHub lists, what is allowed, and what becomes of the rest."""

import asyncio
import json
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from repositories.conftest import Desk
from zekt_backend.errors import ZektError
from zekt_backend.github.turnstile import Turnstile
from zekt_backend.store import events
from zekt_backend.store.database import one_connection
from zekt_testing.broker import ADMIN_TOKEN, ORDER, SECRET

ORDERS = "shop-team/orders"
DYNAMIC = "dynamic/dependabot/dependabot-updates"


@pytest.fixture
def shop(desk: Any) -> Any:
    """The desk, with one repository that is enabled as a provider and has two workflow files."""
    desk.add(ORDERS)
    desk.put(ORDERS, "provider")
    for name, state in (("order.yml", "active"), ("stock.yaml", "disabled_manually")):
        desk.zekt.github.add_workflow(ORDERS, f".github/workflows/{name}", "on: push", state=state)
    return desk


def listed(desk: Any) -> dict[str, tuple[Any, ...]]:
    answer = desk.ask("GET", "/1001/workflows").json()
    assert (answer["repository"], answer["leftOut"]) == (ORDERS, 0)
    return {each["path"]: (each["state"], each["whitelisted"], each["services"]) for each in answer["workflows"]}


def used(desk: Any) -> dict[str, int]:
    total: dict[str, int] = desk.zekt.get("/api/usage")["total"]
    return total


def test_workflows_are_listed_as_github_has_them_with_our_whitelist_and_services(shop: Any) -> None:
    shop.zekt.github.start_run(ORDERS, workflow=DYNAMIC)
    shop.put(ORDERS, "workflows/order.yml")
    shop.put(ORDERS, "workflows/planned.yml", {"force": True})
    service = {"repository": ORDERS, "workflow": ORDER, "slug": "orders", "eventType": "order"}
    answer = shop.zekt.post("/api/services", ADMIN_TOKEN, service)
    assert answer.status_code == 201, answer.text
    assert listed(shop) == {
        ORDER: ("active", True, ["orders"]),
        ".github/workflows/planned.yml": (None, True, []),
        ".github/workflows/stock.yaml": ("disabled_manually", False, []),
    }


def test_all_pages_are_read(shop: Any) -> None:
    for number in range(120):
        shop.zekt.github.add_workflow(ORDERS, f".github/workflows/more-{number:03}.yml", "on: push")
    assert len(listed(shop)) == 122


def test_a_workflow_is_allowed_and_taken_off_once_and_again(shop: Any) -> None:
    first = shop.put(ORDERS, "workflows/order.yml")
    trail = shop.audit()
    assert (trail[-1]["action"], trail[-1]["subject"]) == ("workflow.allow", f"{ORDERS}/{ORDER}")
    assert shop.put(ORDERS, "workflows/order.yml") == first
    off = shop.delete(ORDERS, "workflows/order.yml")
    assert (off["whitelisted"], off["version"]) == (False, first["version"] + 1)
    assert shop.delete(ORDERS, "workflows/order.yml") == off
    assert [line["action"] for line in shop.audit()[len(trail) :]] == ["workflow.disallow"]
    assert shop.put(ORDERS, "workflows/order.yml")["whitelisted"]
    never = shop.delete(ORDERS, "workflows/never.yml")
    assert never == {"path": ".github/workflows/never.yml", "whitelisted": False, "services": [], "version": None}


def test_a_workflow_that_github_does_not_have_is_refused_unless_it_is_forced(shop: Any) -> None:
    code, detail = shop.refused("PUT", "/1001/workflows/oder.yml")
    assert code == "conflict"
    assert "misspelt" in detail
    assert "--force" in detail
    shop.zekt.github.faults.add(where="rest", kind="status", status=503, times=None)
    assert shop.refused("PUT", "/1001/workflows/order.yml")[0] == "github_unavailable"
    assert shop.put(ORDERS, "workflows/oder.yml", {"force": True})["whitelisted"]
    assert shop.delete(ORDERS, "workflows/oder.yml")["whitelisted"] is False


@pytest.mark.parametrize("file", ["release", "x.json", ".yml", "%0a.yml", "a" * 300 + ".yml"])
def test_what_is_no_workflow_file_is_refused(shop: Any, file: str) -> None:
    assert shop.refused("PUT", f"/1001/workflows/{file}", {"force": True})[0] in ("body_invalid", "conflict")


def test_only_a_provider_whitelists(shop: Any) -> None:
    shop.zekt.sql("UPDATE accounts SET provider = false")
    code, detail = shop.refused("PUT", "/1001/workflows/order.yml")
    assert (code, "is no provider yet" in detail) == ("conflict", True)


def test_a_change_that_rests_on_an_old_version_is_refused(shop: Any) -> None:
    path = "/1001/workflows/order.yml"
    seen = shop.ask("PUT", path).headers["etag"]
    assert shop.ask("DELETE", path, If_Match=seen).status_code == 200
    assert shop.ask("PUT", path, If_Match=seen).json()["code"] == "version_stale"
    assert shop.ask("PUT", "/1001/workflows/stock.yaml", If_Match='"0"').json()["code"] == "version_stale"


def test_an_event_of_a_workflow_that_is_not_whitelisted_is_blocked_recorded_and_metered(shop: Any) -> None:
    """And its messages with it; once it is whitelisted, the next ones are not, at once."""
    run = shop.zekt.start_run()
    assert shop.zekt.send(run).json()["consumersNotified"] == 0
    (told,) = shop.zekt.github.finish_run(run)
    assert told.outcome.body == '{"success":true,"outcome":"blocked","deliveries":0}'
    ((outcome, why),) = shop.decided()
    assert (outcome, why["whitelist"]) == ("blocked", f"{ORDER} is not whitelisted.")
    assert (used(shop)["events"], used(shop)["blocked"], used(shop)["messages"]) == (1, 1, 1)
    shop.put(ORDERS, "workflows/order.yml")
    shop.zekt.github.finish_run(shop.zekt.start_run())
    assert "whitelist" not in shop.decided()[-1][1]
    shop.delete(ORDERS, "workflows/order.yml")
    shop.zekt.github.finish_run(shop.zekt.start_run())
    assert shop.decided()[-1][1]["whitelist"] == f"{ORDER} is not whitelisted."
    assert used(shop)["blocked"] == 3


def test_an_event_of_a_disabled_provider_is_blocked_recorded_and_metered(shop: Any) -> None:
    """Its webhook is gone; the app's own still tells."""
    shop.put(ORDERS, "workflows/order.yml")
    shop.delete(ORDERS, "provider")
    assert shop.zekt.github.finish_run(shop.zekt.start_run()) == []
    shop.zekt.github.set_app_hook(url=f"{shop.zekt.url}/api/github/webhooks", secret=SECRET)
    shop.zekt.github.finish_run(shop.zekt.start_run())
    assert shop.decided()[-1][1]["repository"] == f"{ORDERS} is not enabled as a provider."
    assert used(shop)["blocked"] == 1


def test_who_lists_workflows_again_and_again_holds_up_no_message(shop: Any) -> None:
    """As many hang at GitHub as asyncio has threads, of which the first message needs one, for the issuer's keys."""
    shop.put(ORDERS, "workflows/order.yml")
    shop.zekt.github.faults.add(where="rest", kind="hang", times=None, seconds=8)
    with ThreadPoolExecutor(40) as threads:
        answers = [threads.submit(shop.ask, "GET", "/1001/workflows") for _ in range(40)]
        shop.zekt.wait_for_visit("/actions/workflows")
        for _ in range(5):
            assert shop.zekt.send(shop.zekt.start_run()).ok
        assert not any(answer.done() for answer in answers)
        at_github = [visit for visit in shop.zekt.github.visits() if visit.path.endswith("/actions/workflows")]
        assert len(at_github) <= 4
        shop.zekt.github.faults.clear()
        found = [answer.result() for answer in answers]
    assert {answer.status_code for answer in found} <= {200, 503}


def test_who_finds_no_place_before_long_is_told_to_come_again() -> None:
    async def rush(threads: ThreadPoolExecutor, go_on: threading.Event) -> ZektError:
        ask = Turnstile(threads, 1, "people", patience=0.01)
        first = asyncio.create_task(ask(go_on.wait))
        with pytest.raises(ZektError) as refused:
            await asyncio.gather(first, ask(dict))
        go_on.set()
        assert await first
        assert await ask(dict) == {}
        return refused.value

    with ThreadPoolExecutor(2) as threads:
        error = asyncio.run(rush(threads, threading.Event()))
    assert (error.code, error.retry_after) == ("github_unavailable", 10)


def test_what_was_blocked_is_counted_beside_each_workflow_with_its_reason(
    start: Any, accounts: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    prices = {"blocked": Decimal("0.002"), "event": Decimal("0.001")}
    desk = Desk(start(wanted=accounts, work=False, settings={"prices": prices, "currency": "CHF"}), monkeypatch)
    github = desk.zekt.github
    desk.add(ORDERS)
    desk.put(ORDERS, "provider")
    desk.put(ORDERS, "workflows/order.yml", {"force": True})
    for path, times in ((ORDER, 1), (".github/workflows/stock.yml", 2), (DYNAMIC, 1)):
        for _ in range(times):
            github.finish_run(github.start_run(ORDERS, workflow=path))
    old = github.start_run(ORDERS, workflow=".github/workflows/stock.yml")
    github.finish_run(old)
    desk.zekt.sql("UPDATE events SET received_at = received_at - interval '31 days' WHERE run_id = %s", old.id)
    answer = desk.zekt.get("/api/repositories/1001/workflows")
    assert (answer["complete"], answer["currency"]) == (True, "CHF")
    told = {
        each["path"]: (each["blocked"], each["notWhitelisted"], each["blockedCost"], each["lastBlocked"]["why"])
        for each in answer["workflows"]
    }
    nobody = "No service is published from this workflow. Nobody has subscribed."
    assert told == {
        ORDER: (1, 0, "0.002000", nobody),
        ".github/workflows/stock.yml": (2, 2, "0.004000", f".github/workflows/stock.yml is not whitelisted. {nobody}"),
        DYNAMIC: (1, 1, "0.002000", f"{DYNAMIC} is not whitelisted. {nobody}"),
    }
    listed = desk.command("workflows", "list", ORDERS, "--json")
    shown = {each["path"]: (each["blocked"], each["blockedCost"]) for each in json.loads(listed.stdout)["workflows"]}
    assert shown[DYNAMIC] == (1, "0.000000")
    assert shown[".github/workflows/stock.yml"][0] == 2


def test_more_runs_than_are_looked_at_are_said_to_be_more(shop: Any) -> None:
    github, db = shop.zekt.github, shop.zekt.database_url
    for _ in range(3):
        github.finish_run(github.start_run(ORDERS, workflow=ORDER))

    async def counted(most: int) -> tuple[int, bool]:
        async with one_connection(db) as tx:
            found, complete = await events.blocked(tx, 1001, since=datetime.now(UTC) - timedelta(days=1), most=most)
        return found[ORDER]["blocked"], complete

    assert asyncio.run(counted(2)) == (2, False)
    assert asyncio.run(counted(4)) == (3, True)
