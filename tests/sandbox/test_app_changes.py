"""What owners do to the app, as GitHub tells the app's webhook of it, and as it answers afterwards."""

import hmac
import time
from typing import Any

import jwt
import pytest

from zekt_sandbox.app_stage import EVENTS
from zekt_sandbox.server import SandboxServer

ORDERS = "shop-team/orders"
SECRET = "s3cret"


@pytest.fixture
def told(gh: SandboxServer, listener: Any) -> Any:
    """The app's own hook, which a listener of ours answers."""
    gh.set_app_hook(url=listener.url, secret=SECRET, events=EVENTS)
    gh.add_hook(ORDERS, url="http://127.0.0.1:9/x", events=("*",))
    return listener


@pytest.fixture
def app_token(gh: SandboxServer) -> dict[str, str]:
    now = int(time.time())
    token = jwt.encode({"iat": now, "exp": now + 60, "iss": gh.app_id}, gh.app_private_key, "RS256")
    return {"Authorization": f"Bearer {token}"}


def _last(told: Any) -> tuple[str, dict[str, Any]]:
    heard = told.heard[-1]
    headers = {name.lower(): value for name, value in heard.headers.items()}
    assert headers["x-hub-signature-256"] == "sha256=" + hmac.digest(SECRET.encode(), heard.body, "sha256").hex()
    assert headers["x-github-hook-installation-target-type"] == "integration"
    return headers["x-github-event"], heard.payload


@pytest.mark.parametrize(
    ("change", "given", "says"),
    [
        ("suspend", {}, ("installation", "suspend")),
        ("unsuspend", {}, ("installation", "unsuspend")),
        ("uninstall", {}, ("installation", "deleted")),
        ("install", {}, ("installation", "created")),
        ("select", {"installation_id": 51}, ("installation_repositories", "added")),
        ("deselect", {}, ("installation_repositories", "removed")),
        ("rename", {"to": "sales"}, ("repository", "renamed")),
        ("transfer", {"to": "infra-team"}, ("repository", "transferred")),
        ("transfer", {"to": "nobody"}, ("installation_repositories", "removed")),
        ("delete", {}, ("repository", "deleted")),
        ("rename_owner", {"to": "sales-team"}, ("installation_target", "renamed")),
    ],
)
def test_each_change_is_told_to_the_apps_hook_alone(
    gh: SandboxServer, told: Any, change: str, given: dict[str, Any], says: tuple[str, str]
) -> None:
    lines = gh.app.change(change, repository=ORDERS, **given)
    assert {line.hook.url for line in lines} == {told.url}
    name, body = _last(told)
    assert (name, body["action"]) == says
    about = body["repository" if name == "repository" else "installation"]
    assert isinstance(about["id"], int)


def test_a_renamed_owner_keeps_its_id_and_the_next_of_that_name_has_another(gh: SandboxServer, told: Any) -> None:
    before = gh.world.repositories.get(ORDERS).owner_id
    gh.app.rename_owner(ORDERS, "sales-team")
    _, body = _last(told)
    assert (body["account"]["id"], body["changes"]["login"]["from"]) == (before, "shop-team")
    assert gh.world.repositories.get("sales-team/orders").owner_id == before
    assert gh.add_repository("shop-team/other").owner_id != before


def test_an_uninstalled_app_is_not_found_and_reinstalled_it_has_another_id(
    gh: SandboxServer, anonymous: Any, app_token: dict[str, str]
) -> None:
    gh.app.uninstall(ORDERS)
    assert anonymous.call("GET", "/app/installations/51", headers=app_token).status_code == 404
    assert anonymous.call("GET", f"/repos/{ORDERS}/installation", headers=app_token).status_code == 404
    gh.app.install(ORDERS)
    number = anonymous.call("GET", f"/repos/{ORDERS}/installation", headers=app_token).json()["id"]
    assert number != 51
    assert number in {each["id"] for each in anonymous.call("GET", "/app/installations", headers=app_token).json()}


def test_an_installations_repositories_come_in_pages(gh: SandboxServer, orders: Any) -> None:
    for number in range(4):
        gh.add_repository(f"shop-team/r{number}", installation_id=51)
    first, second = (orders.call("GET", f"/installation/repositories?per_page=3&page={page}").json() for page in (1, 2))
    assert [len(page["repositories"]) for page in (first, second)] == [3, 2]
    assert first["total_count"] == 5


def test_another_process_can_do_the_same(told: Any, anonymous: Any) -> None:
    answer = anonymous.call("POST", "/_sandbox/app-changes", json={"change": "suspend", "repository": ORDERS})
    assert [line["action"] for line in answer.json()["deliveries"]] == ["suspend"]
    assert _last(told)[1]["installation"]["suspended_at"] is not None
    answer = anonymous.call("POST", "/_sandbox/app-changes", json={"change": "ping"})
    assert [line["event"] for line in answer.json()["deliveries"]] == ["ping"]


@pytest.mark.parametrize(
    "wrong",
    [
        {"change": "explode", "repository": ORDERS},
        {"change": "suspend"},
        {"change": "rename", "repository": ORDERS},
        {"change": "suspend", "repository": ORDERS, "to": "x"},
        {"change": "suspend", "repository": "no/body"},
    ],
)
def test_what_no_owner_can_do_is_refused(anonymous: Any, wrong: dict[str, str]) -> None:
    assert anonymous.call("POST", "/_sandbox/app-changes", json=wrong).status_code in (404, 422)
