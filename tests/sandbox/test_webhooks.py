"""Webhooks: signed as GitHub signs, sent once, logged, and sent again only when somebody asks."""

import json
import time
from pathlib import Path
from typing import Any

import jwt
import pytest

from zekt_sandbox.letters import signature
from zekt_sandbox.server import SandboxServer

ORDERS = "shop-team/orders"
PLATFORM = "infra-team/platform"


def _app(gh: SandboxServer) -> dict[str, str]:
    now = int(time.time())
    token = jwt.encode({"iat": now, "exp": now + 60, "iss": gh.app_id}, gh.app_private_key, "RS256")
    return {"Authorization": f"Bearer {token}"}


def test_the_signature_is_githubs_published_vector() -> None:
    """https://docs.github.com/webhooks/using-webhooks/validating-webhook-deliveries gives it."""
    assert signature("It's a Secret to Everybody", b"Hello, World!") == (
        "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17"
    )


def test_a_finished_run_is_told_signed_and_whole(gh: SandboxServer, listener: Any) -> None:
    gh.add_hook(ORDERS, url=listener.url, secret="s3cret")
    run = gh.start_run(ORDERS, workflow=".github/workflows/order.yml", name="Order", actor="mona", ref="refs/heads/x")
    (line,) = gh.finish_run(run, "cancelled")
    (heard,) = listener.heard
    assert (line.status, line.status_code, line.guid) == ("OK", 202, heard.headers["X-GitHub-Delivery"])
    assert heard.headers["X-Hub-Signature-256"] == signature("s3cret", heard.body)
    assert heard.headers["X-GitHub-Event"] == "workflow_run"
    assert heard.headers["User-Agent"].startswith("GitHub-Hookshot/")
    said = heard.payload["workflow_run"]
    assert heard.payload["action"] == "completed"
    assert (said["id"], said["path"], said["conclusion"]) == (run.id, ".github/workflows/order.yml", "cancelled")
    assert (said["head_branch"], said["head_sha"], said["run_attempt"]) == ("x", run.sha, 1)
    assert (said["actor"]["login"], said["repository"]["id"]) == ("mona", 1001)
    assert heard.payload["installation"] == {"id": 51}
    assert heard.payload["workflow"]["id"] == said["workflow_id"]


def test_one_event_has_one_guid_for_every_hook(gh: SandboxServer, listener: Any) -> None:
    gh.add_hook(ORDERS, url=listener.url, secret="one")
    gh.set_app_hook(url=listener.url, secret="two")
    gh.add_hook(PLATFORM, url=listener.url)
    lines = gh.finish_run(gh.start_run(ORDERS))
    assert len(lines) == len(listener.heard) == 2
    assert len({heard.headers["X-GitHub-Delivery"] for heard in listener.heard}) == 1
    kinds = [heard.headers["X-GitHub-Hook-Installation-Target-Type"] for heard in listener.heard]
    assert kinds == ["repository", "integration"]


def test_a_started_run_is_announced_only_when_asked(gh: SandboxServer, listener: Any) -> None:
    gh.set_app_hook(url=listener.url)
    gh.start_run(ORDERS)
    assert listener.heard == []
    gh.start_run(ORDERS, announce=True)
    assert [heard.payload["action"] for heard in listener.heard] == ["requested", "in_progress"]


def test_a_hook_without_a_secret_is_not_signed(gh: SandboxServer, listener: Any) -> None:
    line = gh.ping(gh.set_app_hook(url=listener.url))
    assert line.event == "ping"
    assert "X-Hub-Signature-256" not in listener.heard[0].headers


def test_a_failure_is_logged_and_never_sent_again_by_itself(gh: SandboxServer, listener: Any) -> None:
    gh.set_app_hook(url=listener.url)
    listener.answers = [500]
    (line,) = gh.finish_run(gh.start_run(ORDERS))
    assert (line.ok, line.status, line.status_code) == (False, "Invalid HTTP Response: 500", 500)
    assert len(listener.heard) == 1


def test_a_hook_that_does_not_answer_in_time_is_logged_without_a_status_code(gh: SandboxServer, listener: Any) -> None:
    gh.world.hooks.answer_seconds = 0.2
    gh.set_app_hook(url=listener.url)
    listener.open.clear()
    (line,) = gh.finish_run(gh.start_run(ORDERS))
    assert (line.status, line.status_code) == ("timed out", 0)


def test_redelivery_keeps_guid_and_body(gh: SandboxServer, listener: Any) -> None:
    gh.set_app_hook(url=listener.url, secret="s")
    listener.answers = [503]
    (failed,) = gh.finish_run(gh.start_run(ORDERS))
    again = gh.redeliver(failed)
    first, second = listener.heard
    assert again.redelivery
    assert again.id != failed.id
    assert first.headers["X-GitHub-Delivery"] == second.headers["X-GitHub-Delivery"]
    assert first.body == second.body


def test_the_apps_log_shows_failures_and_takes_redeliveries(gh: SandboxServer, listener: Any, anonymous: Any) -> None:
    gh.set_app_hook(url=listener.url)
    listener.answers = [500]
    gh.finish_run(gh.start_run(ORDERS))
    (line,) = anonymous.call("GET", "/app/hook/deliveries", headers=_app(gh)).json()
    assert (line["status_code"], line["redelivery"], line["event"], line["action"]) == (
        500,
        False,
        "workflow_run",
        "completed",
    )
    assert (line["installation_id"], line["repository_id"]) == (51, 1001)
    again = anonymous.call("POST", f"/app/hook/deliveries/{line['id']}/attempts", headers=_app(gh))
    assert again.status_code == 202
    listener.wait(2)
    detail = anonymous.call("GET", f"/app/hook/deliveries/{line['id']}", headers=_app(gh)).json()
    assert detail["request"]["payload"]["action"] == "completed"
    assert detail["response"]["payload"] == "ok"


def test_the_log_is_paged_by_cursor_newest_first(gh: SandboxServer, listener: Any, anonymous: Any) -> None:
    gh.set_app_hook(url=listener.url)
    for _ in range(5):
        gh.finish_run(gh.start_run(ORDERS))
    seen: list[int] = []
    answer = anonymous.call("GET", "/app/hook/deliveries?per_page=2", headers=_app(gh))
    for _ in range(5):
        seen += [line["id"] for line in answer.json()]
        if "next" not in answer.links:
            break
        answer = anonymous.session.get(answer.links["next"]["url"], headers=_app(gh), timeout=10)
    assert seen == [line.id for line in gh.hook_deliveries()]


def test_githubs_failure_filter_misses_what_got_no_answer(gh: SandboxServer, listener: Any, anonymous: Any) -> None:
    gh.set_app_hook(url=listener.url)
    gh.faults.add(where="webhook", kind="drop")
    gh.finish_run(gh.start_run(ORDERS))
    assert anonymous.call("GET", "/app/hook/deliveries?status=failure", headers=_app(gh)).json() == []
    assert len(anonymous.call("GET", "/app/hook/deliveries", headers=_app(gh)).json()) == 1


def test_the_sandbox_sends_to_this_machine_only(gh: SandboxServer) -> None:
    for url in ("https://example.com/hook", "http://10.0.0.1/", "http://localhost.example.com/", "nonsense"):
        with pytest.raises(ValueError, match="this machine only"):
            gh.set_app_hook(url=url)


def test_an_unknown_conclusion_is_refused(gh: SandboxServer) -> None:
    with pytest.raises(ValueError, match="conclusion must be one of"):
        gh.finish_run(gh.start_run(ORDERS), "fine")


def test_the_consumers_run_finds_the_client_payload_in_its_event_file(
    gh: SandboxServer, orders: Any, tmp_path: Path
) -> None:
    orders.dispatch(ORDERS, "order", client_payload={"zekt": {"attempt": 1}})
    (dispatch,) = gh.wait_for_dispatches(ORDERS)
    run = gh.start_run_for(dispatch, workflow=".github/workflows/receive.yml")
    environment = run.environment(event_path=tmp_path / "event.json")
    event = json.loads((tmp_path / "event.json").read_text())
    assert environment["GITHUB_EVENT_NAME"] == "repository_dispatch"
    assert environment["GITHUB_EVENT_PATH"] == str(tmp_path / "event.json")
    assert (event["action"], event["client_payload"]) == ("order", {"zekt": {"attempt": 1}})
    assert event["repository"]["id"] == 1001
    gh.finish_run(run)
    assert orders.call("GET", f"/repos/{ORDERS}/actions/runs/{run.id}").json()["display_title"] == "order"
