"""Enable and disable: twice, at once, there and back, and with a crash in between."""

import hashlib
import hmac
import json
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import requests

from zekt_backend.github.webhook import hook_secret
from zekt_sandbox import events
from zekt_testing.broker import ADMIN_TOKEN, SECRET

ORDERS, PLATFORM = "shop-team/orders", "infra-team/platform"
ROLES = ("provider", "consumer", "completion-tracking")


def outcome(desk: Any, secret: str) -> str:
    """What becomes of the end of a run that is signed so: an outcome, or a refusal's code."""
    run = desk.zekt.start_run()
    run.status, run.conclusion = "completed", "success"
    body = json.dumps(events.workflow_run_event(run, "completed")).encode()
    headers = {
        "X-GitHub-Event": "workflow_run",
        "X-GitHub-Delivery": f"guid-{run.id}",
        "X-GitHub-Hook-Installation-Target-Type": "repository",
        "X-GitHub-Hook-Installation-Target-ID": "1001",
        "X-Hub-Signature-256": "sha256=" + hmac.new(secret.encode(), body, hashlib.sha256).hexdigest(),
    }
    told = requests.post(f"{desk.zekt.url}/api/github/webhooks", data=body, headers=headers, timeout=10).json()
    return str(told.get("outcome") or told["code"])


@pytest.fixture
def ready(desk: Any) -> Any:
    """The desk, with both repositories known."""
    desk.add(ORDERS, PLATFORM)
    return desk


def test_a_repository_is_made_known_once_and_enabled_as_nothing(desk: Any) -> None:
    first = desk.ask("POST", "", {"repository": ORDERS})
    again = desk.ask("POST", "", {"repository": "Shop-Team/Orders"})
    assert (first.status_code, again.status_code) == (201, 200)
    assert first.json() == again.json()
    assert first.json() == {
        "id": 1001, "fullName": ORDERS, "account": "shop-team", "installationId": 51, "enabled": True,
        "provider": False, "consumer": False, "completionTracking": False, "hookId": None, "removedAt": None,
        "removedWhy": None, "barrier": None, "version": 1,
    }  # fmt: skip
    assert (first.headers["etag"], desk.hooks(ORDERS)) == ('"1"', [])
    assert [line["action"] for line in desk.audit()][-1] == "repository.create"


def test_an_account_sees_its_own_and_no_other(ready: Any) -> None:
    made = ready.zekt.post("/api/tokens", ADMIN_TOKEN, {"account": "shop-team", "name": "x"})
    token = made.json()["token"]
    assert [each["fullName"] for each in ready.ask("GET", "", token=token).json()["repositories"]] == [ORDERS]
    assert ready.ask("GET", "/1001", token=token).status_code == 200
    for path in ("/2002", "/9009", "/x"):
        assert ready.ask("GET", path, token=token).json()["code"] == "not_yours"
    assert ready.ask("PUT", "/1001/provider", token=token).json()["code"] == "not_yours"
    assert ready.ask("GET", "?limit=1").json()["next"] == 2002


@pytest.mark.parametrize("role", ROLES)
def test_the_same_again_changes_nothing_here_and_repairs_at_github(ready: Any, role: str) -> None:
    first = ready.put(PLATFORM, role)
    hooks, trail = ready.hooks(PLATFORM), ready.audit()
    assert ready.put(PLATFORM, role) == first
    assert (ready.hooks(PLATFORM), ready.audit()) == (hooks, trail)
    assert len(hooks) == (0 if role == "consumer" else 1)
    off = ready.delete(PLATFORM, role)
    trail = ready.audit()
    assert ready.delete(PLATFORM, role) == off
    assert (ready.hooks(PLATFORM), ready.audit()) == ([], trail)


def test_many_at_once_place_one_webhook(ready: Any) -> None:
    with ThreadPoolExecutor(6) as pool:
        answers = list(pool.map(lambda role: ready.ask("PUT", f"/1001/{role}"), ROLES * 2))
    told = {answer.status_code for answer in answers}
    assert told <= {200, 409}
    for role in ROLES:
        ready.put(ORDERS, role)
    (hook,) = ready.hooks(ORDERS)
    found = ready.ask("GET", "/1001").json()
    assert (found["provider"], found["consumer"], found["completionTracking"], found["hookId"]) == (
        True, True, True, hook.id,
    )  # fmt: skip
    assert hook.secret == hook_secret(SECRET.encode(), 1001, 0)


def test_enabling_and_disabling_at_once_ends_as_the_row_says(ready: Any) -> None:
    with ThreadPoolExecutor(6) as pool:
        list(pool.map(lambda method: ready.ask(method, "/1001/provider"), ["PUT", "DELETE"] * 4))
    found, hooks = ready.ask("GET", "/1001").json(), ready.hooks(ORDERS)
    assert [hook.id for hook in hooks] == ([found["hookId"]] if found["provider"] else [])
    if hooks:
        ((generation,),) = ready.zekt.sql("SELECT hook_generation FROM repositories WHERE id = 1001")
        assert hooks[0].secret == hook_secret(SECRET.encode(), 1001, generation)


def test_what_is_disabled_is_enabled_again_with_another_secret(ready: Any) -> None:
    ready.put(ORDERS, "provider")
    (hook,) = ready.hooks(ORDERS)
    assert outcome(ready, hook.secret) == "blocked"
    assert ready.delete(ORDERS, "provider")["hookId"] is None
    assert outcome(ready, hook.secret) == "webhook_signature_wrong"
    ready.put(ORDERS, "provider")
    (new,) = ready.hooks(ORDERS)
    assert outcome(ready, new.secret) == "blocked"
    assert outcome(ready, hook.secret) == "webhook_signature_wrong"


def test_a_webhook_stays_as_long_as_anything_needs_it(ready: Any) -> None:
    for role in ("provider", "completion-tracking"):
        ready.put(ORDERS, role)
    (hook,) = ready.hooks(ORDERS)
    ready.delete(ORDERS, "provider")
    assert ready.hooks(ORDERS) == [hook]
    ready.delete(ORDERS, "completion-tracking")
    assert ready.hooks(ORDERS) == []


@pytest.mark.parametrize("kind", ["accept_then_cut", "accept_then_status"])
def test_an_answer_that_was_lost_leaves_no_second_webhook(ready: Any, kind: str) -> None:
    """As if we had died between GitHub's answer and our commit."""
    ready.zekt.github.faults.add(where="rest", kind=kind, repository=ORDERS, method="POST", status=502)
    assert ready.refused("PUT", "/1001/provider")[0] == "github_unavailable"
    assert len(ready.hooks(ORDERS)) == 1
    assert ready.ask("GET", "/1001").json()["provider"] is False
    assert ready.put(ORDERS, "provider")["hookId"] == ready.hooks(ORDERS)[0].id
    assert len(ready.hooks(ORDERS)) == 1


def test_a_webhook_of_ours_that_stands_there_is_taken_over(ready: Any) -> None:
    by_hand = ready.zekt.github.add_hook(
        ORDERS, url=f"{ready.zekt.url}/api/github/webhooks/", secret=SECRET, events=("push",), active=False
    )
    other = ready.zekt.github.add_hook(ORDERS, url="http://127.0.0.1:9/else", secret="x")
    assert ready.put(ORDERS, "provider")["hookId"] == by_hand.id
    taken, still = ready.hooks(ORDERS)
    assert (taken.events, taken.active, still) == (("workflow_run",), True, other)
    assert outcome(ready, taken.secret) == "blocked"
    ready.delete(ORDERS, "provider")
    assert ready.hooks(ORDERS) == [other]


def test_a_webhook_that_was_changed_or_deleted_by_hand_is_put_right(ready: Any) -> None:
    ready.put(ORDERS, "provider")
    (placed,) = ready.hooks(ORDERS)
    ready.zekt.github.world.hooks.change(placed, url="http://127.0.0.1:9/else", secret="another", active=False)
    ready.put(ORDERS, "provider")
    assert ready.hooks(ORDERS) == [placed]
    ready.zekt.github.world.hooks.remove(placed.id)
    new = ready.put(ORDERS, "provider")["hookId"]
    assert [hook.id for hook in ready.hooks(ORDERS)] == [new]
    ready.zekt.github.world.hooks.remove(new)
    assert ready.delete(ORDERS, "provider")["hookId"] is None


def test_a_new_secret_is_githubs_first_and_the_one_before_opens_nothing(ready: Any) -> None:
    assert "no webhook of ours" in ready.refused("POST", "/1001/hook")[1]
    ready.put(ORDERS, "provider")
    (old,) = ready.hooks(ORDERS)
    answer = ready.ask("POST", "/1001/hook", If_Match=ready.ask("GET", "/1001").headers["etag"])
    assert answer.status_code == 200
    (new,) = ready.hooks(ORDERS)
    assert (new.id, new.secret == old.secret) == (old.id, False)
    assert (outcome(ready, new.secret), outcome(ready, old.secret)) == ("blocked", "webhook_signature_wrong")
    line = ready.audit()[-1]
    assert (line["action"], line["before"], line["after"]) == (
        "repository.rotate", {"hookGeneration": 0}, {"hookGeneration": 1},
    )  # fmt: skip
    assert SECRET not in json.dumps(ready.audit())
    assert new.secret not in json.dumps([ready.audit(), answer.json()])


def test_a_rotation_whose_answer_was_lost_loses_no_webhook(ready: Any) -> None:
    ready.put(ORDERS, "provider")
    ready.zekt.github.faults.add(where="rest", kind="accept_then_cut", repository=ORDERS, method="PATCH")
    assert ready.refused("POST", "/1001/hook")[0] == "github_unavailable"
    (hook,) = ready.hooks(ORDERS)
    assert outcome(ready, hook.secret) == "blocked"
    assert ready.ask("POST", "/1001/hook").status_code == 200
    assert outcome(ready, ready.hooks(ORDERS)[0].secret) == "blocked"


def test_one_that_had_left_the_installation_and_is_back_is_known_again(ready: Any) -> None:
    """Whether or not the app's webhook has told so."""
    ready.zekt.sql("UPDATE repositories SET installation_id = NULL, removed_at = now(), removed_why = 'deselected'")
    assert ready.ask("GET", "/1001").json()["removedWhy"] == "deselected"
    assert ready.ask("POST", "", {"repository": ORDERS}).status_code == 200
    found = ready.put(PLATFORM, "consumer")
    for each in (ready.ask("GET", "/1001").json(), found):
        assert (each["removedAt"], each["removedWhy"], each["installationId"] is None) == (None, None, False)


def test_one_that_was_switched_off_as_a_whole_is_switched_on_by_enabling_it(ready: Any) -> None:
    """Nothing of what it was enabled as before comes back with that but what is asked for."""
    ready.put(ORDERS, "provider")
    ready.zekt.sql("UPDATE repositories SET enabled = false")
    found = ready.put(ORDERS, "consumer")
    assert (found["enabled"], found["provider"], found["consumer"]) == (True, False, True)
    assert (found["hookId"], ready.hooks(ORDERS)) == (None, [])


def test_a_change_that_rests_on_an_old_version_is_refused_before_github_is_asked(ready: Any) -> None:
    seen = ready.ask("GET", "/1001").headers["etag"]
    assert ready.ask("PUT", "/1001/consumer", If_Match=seen).status_code == 200
    before = len(ready.zekt.github.visits())
    for method, path in (("PUT", "provider"), ("DELETE", "consumer")):
        assert ready.ask(method, f"/1001/{path}", If_Match=seen).json()["code"] == "version_stale"
    assert len(ready.zekt.github.visits()) == before


def test_what_ended_while_it_was_disabled_is_not_looked_for_afterwards(ready: Any) -> None:
    ready.put(ORDERS, "provider")
    assert ready.zekt.sql(
        "SELECT count(*) FROM readings WHERE kind = 'runs' AND id = 1001 AND read_until <= now()"
    ) == [(1,)]


def test_what_keeps_the_app_out_is_told_with_the_repository(desk: Any) -> None:
    desk.add(ORDERS)
    desk.zekt.sql("UPDATE installations SET suspended_at = '2026-11-02 10:00+00' WHERE id = 51")
    told = {
        "kind": "suspended",
        "what": f"{ORDERS} has the app's installation suspended, since 2026-11-02 10:00 UTC.",
        "advice": "An owner clicks Settings > GitHub Apps > Configure > Unsuspend.",
    }
    assert desk.ask("GET", "/1001").json()["barrier"] == told
    assert [each["barrier"] for each in desk.ask("GET", "").json()["repositories"]] == [told]


def test_repositories_are_asked_for_by_account_and_by_what_their_account_is_here_for(ready: Any) -> None:
    ready.zekt.sql("UPDATE accounts SET consumer = false WHERE login = 'shop-team'")

    def named(query: str) -> list[str]:
        return [each["fullName"] for each in ready.ask("GET", query).json()["repositories"]]

    assert named("?side=consumer") == [PLATFORM]
    assert named("?side=provider") == [PLATFORM, ORDERS]
    assert named("?side=provider&account=shop-team") == [ORDERS]
    assert ready.refused("GET", "?account=nobody-here")[0] == "not_found"


def test_what_completion_tracking_costs_is_told_before(ready: Any) -> None:
    told = ready.ask("GET", "/2002/completion-tracking").json()
    assert told == {
        "repository": PLATFORM, "enabled": False, "webhookUrl": f"{ready.zekt.url}/api/github/webhooks",
        "webhookEvents": ["workflow_run"], "webhookPlaced": False, "requestsToPlace": 5, "requestsAnHour": 0,
        "requestsAllowedAnHour": 5_000,
    }  # fmt: skip
    ready.put(PLATFORM, "completion-tracking")
    told = ready.ask("GET", "/2002/completion-tracking").json()
    assert (told["enabled"], told["webhookPlaced"]) == (True, True)
