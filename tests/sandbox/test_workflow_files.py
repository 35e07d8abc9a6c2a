"""What a doctor asks GitHub about: workflow files and their states, installations, the app's hook."""

import base64
import time
from typing import Any

import jwt
import pytest

from zekt_sandbox.server import SandboxServer

ORDERS = "shop-team/orders"
FOLDER = f"/repos/{ORDERS}/contents/.github/workflows"
RECEIVE = ".github/workflows/receive.yml"
TEXT = "on: {repository_dispatch: {types: [grüße]}}\n" * 5


def _app(gh: SandboxServer) -> dict[str, str]:
    now = int(time.time())
    token = jwt.encode({"iat": now, "exp": now + 60, "iss": gh.app_id}, gh.app_private_key, "RS256")
    return {"Authorization": f"Bearer {token}"}


def test_a_folder_lists_its_files_and_a_file_has_its_content(gh: SandboxServer, orders: Any) -> None:
    gh.add_workflow(ORDERS, RECEIVE, TEXT)
    (entry,) = orders.call("GET", FOLDER).json()
    assert (entry["type"], entry["name"], entry["path"], entry["size"]) == (
        "file", "receive.yml", RECEIVE, len(TEXT.encode()),
    )  # fmt: skip
    assert "content" not in entry
    file = orders.call("GET", f"{FOLDER}/receive.yml").json()
    assert file["encoding"] == "base64"
    assert base64.b64decode(file["content"]).decode() == TEXT
    assert max(map(len, file["content"].splitlines())) == 60


def test_what_is_on_another_branch_is_not_on_the_default_branch(gh: SandboxServer, orders: Any) -> None:
    gh.add_workflow(ORDERS, RECEIVE, TEXT, branch="next")
    assert orders.call("GET", FOLDER).status_code == 404
    assert len(orders.call("GET", f"{FOLDER}?ref=next").json()) == 1
    gh.change_repository(ORDERS, default_branch="next")
    assert len(orders.call("GET", FOLDER).json()) == 1


def test_a_large_file_comes_without_its_content(gh: SandboxServer, orders: Any) -> None:
    gh.add_workflow(ORDERS, RECEIVE, "#" * 1_048_577)
    file = orders.call("GET", f"{FOLDER}/receive.yml").json()
    assert (file["encoding"], file["content"], file["size"]) == ("none", "", 1_048_577)


def test_contents_need_their_permission(gh: SandboxServer, orders: Any) -> None:
    gh.add_workflow(ORDERS, RECEIVE, TEXT)
    gh.set_installation(ORDERS, permissions={"metadata": "read"})
    assert orders.call("GET", FOLDER).status_code == 403


def test_the_workflows_are_those_with_a_file_and_those_that_ran(gh: SandboxServer, orders: Any) -> None:
    gh.add_workflow(ORDERS, RECEIVE, TEXT, state="disabled_inactivity")
    gh.start_run(ORDERS, workflow=".github/workflows/gone.yml")
    listed = orders.call("GET", f"/repos/{ORDERS}/actions/workflows").json()
    assert [(each["path"], each["state"]) for each in listed["workflows"]] == [
        (".github/workflows/gone.yml", "active"),
        (RECEIVE, "disabled_inactivity"),
    ]
    assert listed["total_count"] == 2
    assert len(orders.call("GET", f"/repos/{ORDERS}/actions/workflows?per_page=1&page=2").json()["workflows"]) == 1


def test_whether_actions_is_switched_on_needs_administration(gh: SandboxServer, orders: Any) -> None:
    path = f"/repos/{ORDERS}/actions/permissions"
    assert orders.call("GET", path).status_code == 403
    gh.set_installation(ORDERS, permissions={"administration": "read"})
    token, _ = gh.world.credentials.issue(51)
    gh.change_repository(ORDERS, actions_enabled=False)
    told = orders.call("GET", path, headers={"Authorization": f"Bearer {token}"}).json()
    assert told["enabled"] is False


def test_a_suspended_installation_says_so_and_its_tokens_do_nothing(gh: SandboxServer, orders: Any) -> None:
    gh.set_installation(ORDERS, suspended=True)
    answer = orders.dispatch(ORDERS)
    assert (answer.status_code, answer.json()["message"]) == (403, "This installation has been suspended")
    app = _app(gh)
    assert orders.call("POST", "/app/installations/51/access_tokens", headers=app).status_code == 403
    assert orders.call("GET", f"/repos/{ORDERS}/installation", headers=app).json()["suspended_at"]
    gh.set_installation(ORDERS, suspended=False)
    assert orders.dispatch(ORDERS).status_code == 204
    assert orders.call("GET", "/app/installations/51", headers=app).json()["suspended_at"] is None


@pytest.mark.parametrize("field", ["archived", "disabled"])
def test_a_repository_that_is_shut_says_so_and_refuses_dispatches(gh: SandboxServer, orders: Any, field: str) -> None:
    gh.change_repository(ORDERS, **{field: True})
    assert orders.call("GET", f"/repos/{ORDERS}").json()[field] is True
    assert orders.dispatch(ORDERS).status_code == 403


def test_the_apps_hook_is_told_without_its_secret(gh: SandboxServer, anonymous: Any) -> None:
    app = _app(gh)
    assert anonymous.call("GET", "/app/hook/config", headers=app).status_code == 404
    assert anonymous.call("GET", "/app", headers=app).json()["events"] == []
    gh.set_app_hook(url="http://127.0.0.1:9/x", secret="s3cret", events=("push",))
    config = anonymous.call("GET", "/app/hook/config", headers=app).json()
    assert config == {
        "url": "http://127.0.0.1:9/x", "content_type": "json", "insecure_ssl": "0", "secret": "********",
    }  # fmt: skip
    assert anonymous.call("GET", "/app", headers=app).json()["events"] == ["push"]


def test_a_hook_that_is_switched_off_hears_nothing(gh: SandboxServer, orders: Any) -> None:
    gh.add_hook(ORDERS, url="http://127.0.0.1:9/x", active=False)
    assert gh.finish_run(gh.start_run(ORDERS)) == []
    (hook,) = orders.call("GET", f"/repos/{ORDERS}/hooks").json()
    assert hook["active"] is False


def test_all_of_it_can_be_driven_from_another_process(anonymous: Any, orders: Any) -> None:
    file = {"repository": ORDERS, "path": RECEIVE, "text": TEXT, "branch": "next", "state": "disabled_manually"}
    assert anonymous.call("POST", "/_sandbox/workflows", json=file).status_code == 204
    changed = anonymous.call(
        "PUT", "/_sandbox/repositories", json={"repository": ORDERS, "default_branch": "next", "archived": True}
    )
    assert changed.json()["archived"] is True
    assert len(orders.call("GET", FOLDER).json()) == 1
    rights = {"repository": ORDERS, "suspended": True, "permissions": {"metadata": "read"}}
    assert anonymous.call("PUT", "/_sandbox/installations", json=rights).status_code == 204
    assert orders.call("GET", FOLDER).status_code == 403


@pytest.mark.parametrize(
    "wrong", [{"path": "receive.yml"}, {"path": ".github/workflows/a/b.yml"}, {"state": "off"}, {"repository": "a/b"}]
)
def test_a_file_that_could_not_lie_there_is_refused(anonymous: Any, wrong: dict[str, str]) -> None:
    file = {"repository": ORDERS, "path": RECEIVE, "text": TEXT, **wrong}
    assert anonymous.call("POST", "/_sandbox/workflows", json=file).status_code in (404, 422)
