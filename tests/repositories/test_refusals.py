"""Each step that GitHub, or the state of things, refuses: nothing is enabled, and what to do is said."""

from collections.abc import Callable
from typing import Any

import pytest
import requests

from zekt_testing.broker import ADMIN_TOKEN

ORDERS = "shop-team/orders"
HOOKS = {"actions": "read", "contents": "write", "metadata": "read", "repository_hooks": "write"}


def lacking(name: str, level: str | None = None) -> Callable[[Any], None]:
    held = {key: value for key, value in HOOKS.items() if key != name} | ({name: level} if level else {})
    return lambda desk: desk.zekt.github.set_installation(ORDERS, permissions=held)


def full(desk: Any) -> None:
    for number in range(20):
        desk.zekt.github.add_hook(ORDERS, url=f"http://127.0.0.1:9/{number}")


def replaced(desk: Any) -> None:
    """Deleted, and another one made under its name."""
    desk.zekt.github.world.repositories.remove(ORDERS)
    desk.zekt.github.add_repository(ORDERS, id=7007, installation_id=51)


def _change(**fields: Any) -> Callable[[Any], None]:
    return lambda desk: desk.zekt.github.change_repository(ORDERS, **fields)


def _fault(**fields: Any) -> Callable[[Any], None]:
    return lambda desk: desk.zekt.github.faults.add(where="rest", repository=ORDERS, times=None, **fields)


STEPS: dict[str, tuple[str, Callable[[Any], Any], str, str]] = {
    "no webhooks": ("provider", lacking("repository_hooks", "read"), "conflict", "'Review request'"),
    "no webhooks at all": ("provider", lacking("repository_hooks"), "conflict", "Webhooks: Read and write on shop-t"),
    "no actions": ("completion-tracking", lacking("actions"), "conflict", "permission Actions: Read on shop-team"),
    "no contents": ("consumer", lacking("contents", "read"), "conflict", "Contents: Read and write"),
    "archived": ("provider", _change(archived=True), "conflict", "Unarchive this repository"),
    "blocked": ("consumer", _change(disabled=True), "conflict", "GitHub Support"),
    "replaced": ("consumer", replaced, "conflict", "`zekt repositories add shop-team/orders`"),
    "suspended": (
        "provider", lambda d: d.zekt.github.set_installation(ORDERS, suspended=True), "conflict", "> Unsuspend",
    ),
    "uninstalled": (
        "provider", lambda d: d.zekt.github.world.repositories.uninstall(51), "conflict",
        "https://github.com/apps/zekt-sandbox/installations/new",
    ),
    "twenty others": ("provider", full, "github_refused", "cannot have more than 20 hooks"),
    "down": ("provider", _fault(kind="status", status=503), "github_unavailable", "503"),
    "cut": ("provider", _fault(kind="cut"), "github_unavailable", "did not answer"),
    "refused to place": ("provider", _fault(kind="status", status=403, method="POST"), "github_refused", "Webhooks: "),
    "not to be seen": ("provider", _fault(kind="status", status=404, method="POST"), "github_refused", "access and at"),
    "no provider": (
        "provider", lambda d: d.zekt.sql("UPDATE accounts SET provider = false"), "conflict",
        "`zekt accounts upgrade shop-team --provider`",
    ),
    "no consumer": (
        "completion-tracking", lambda d: d.zekt.sql("UPDATE accounts SET consumer = false"), "conflict",
        "`zekt accounts upgrade shop-team --consumer`",
    ),
}  # fmt: skip


@pytest.mark.parametrize("step", STEPS)
def test_each_step_says_what_to_do_and_enables_nothing(desk: Any, step: str) -> None:
    role, happens, code, says = STEPS[step]
    desk.add(ORDERS)
    happens(desk)
    shown, hooks = desk.ask("GET", "/1001").json(), desk.hooks(ORDERS)
    told = desk.refused("PUT", f"/1001/{role}")
    assert told[0] == code
    assert says in told[1]
    assert desk.ask("GET", "/1001").json() == shown
    assert desk.hooks(ORDERS) == hooks


def test_without_a_webhook_secret_none_is_placed(start: Any, accounts: Any) -> None:
    zekt = start(wanted=accounts, settings={"webhook_secret": None})
    assert zekt.post("/api/repositories", ADMIN_TOKEN, {"repository": ORDERS}).status_code == 201
    where, headers = f"{zekt.url}/api/repositories/1001", {"Authorization": f"Bearer {ADMIN_TOKEN}"}
    assert requests.put(f"{where}/provider", headers=headers, timeout=30).json()["code"] == "webhooks_off"
    assert requests.put(f"{where}/consumer", headers=headers, timeout=30).status_code == 200
    assert [hook.url for hook in zekt.github.world.hooks.all()] == [hook.url for hook in zekt.hooks]


@pytest.mark.parametrize(
    ("name", "code", "says"),
    [
        ("shop-team/nothing", "conflict", "/installations/new"),
        ("nobody-here/orders", "not_found", ""),
        ("shop-team", "body_invalid", "repository"),
        ("shop-team/..", "conflict", "write owner/name"),
        ("shop-team/a b", "body_invalid", "repository"),
    ],
)
def test_what_cannot_be_made_known_is_refused(desk: Any, name: str, code: str, says: str) -> None:
    told = desk.refused("POST", "", {"repository": name})
    assert told[0] == code
    assert says in told[1]
    assert desk.ask("GET", "").json()["repositories"] == []


def test_the_new_one_under_an_old_name_is_made_known_and_the_old_one_switched_off(desk: Any) -> None:
    desk.add(ORDERS)
    replaced(desk)
    desk.add(ORDERS)
    old, new = (desk.ask("GET", f"/{number}").json() for number in (1001, 7007))
    assert (old["fullName"], old["enabled"], new["fullName"], new["enabled"]) == (
        "shop-team/orders#1001", False, ORDERS, True,
    )  # fmt: skip
    changes = [(line["action"], line["subject"]) for line in desk.audit()[-2:]]
    assert changes == [("repository.change", "shop-team/orders#1001"), ("repository.create", ORDERS)]


FORMER = "UPDATE accounts SET github_id = 42 WHERE login = 'shop-team'"


def test_who_took_a_login_over_adds_and_enables_nothing_for_the_account_of_who_had_it(desk: Any) -> None:
    desk.zekt.sql(FORMER)
    code, says = desk.refused("POST", "", {"repository": ORDERS})
    assert code == "conflict"
    assert "shop-team is somebody else at GitHub now" in says
    assert desk.ask("GET", "").json()["repositories"] == []
    desk.zekt.sql("UPDATE accounts SET github_id = NULL")
    desk.add(ORDERS)
    desk.zekt.sql(FORMER)
    assert "somebody else at GitHub" in desk.refused("PUT", "/1001/provider")[1]
    assert desk.hooks(ORDERS) == []


def test_whose_account_it_is_is_learned_once_and_stands_in_the_trail(desk: Any) -> None:
    desk.add(ORDERS)
    owner = desk.zekt.github.world.repositories.get(ORDERS).owner_id
    assert desk.zekt.sql("SELECT github_id FROM accounts WHERE login = 'shop-team'") == [(owner,)]
    (line,) = [line for line in desk.audit() if line["action"] == "account.change"]
    assert (line["account"], line["after"]) == ("shop-team", {"githubId": owner})
    desk.put(ORDERS, "provider")
    assert len([line for line in desk.audit() if line["action"] == "account.change"]) == 1


def test_an_owner_who_has_an_account_under_another_login_gets_no_second_one(desk: Any) -> None:
    owner = desk.zekt.github.world.repositories.get(ORDERS).owner_id
    desk.zekt.sql("UPDATE accounts SET github_id = %s WHERE login = 'infra-team'", owner)
    code, says = desk.refused("POST", "", {"repository": ORDERS})
    assert code == "conflict"
    assert "has another account here already" in says


@pytest.mark.parametrize(("method", "path"), [("POST", "/1001/hook"), ("DELETE", "/1001/provider")])
def test_no_webhook_of_another_repository_under_the_old_name_is_touched(desk: Any, method: str, path: str) -> None:
    desk.add(ORDERS)
    desk.put(ORDERS, "provider")
    replaced(desk)
    before = len(desk.zekt.github.visits())
    answer = desk.ask(method, path).json()
    assert "is another repository now" in answer.get("detail", "") + str(answer.get("warning"))
    assert not [visit for visit in desk.zekt.github.visits()[before:] if "/hooks" in visit.path]


@pytest.mark.parametrize("how", ["down", "uninstalled", "archived"])
def test_disabling_holds_at_once_whatever_github_says(desk: Any, how: str) -> None:
    desk.add(ORDERS)
    desk.put(ORDERS, "provider")
    STEPS[how][1](desk)
    found = desk.delete(ORDERS, "provider")
    assert found["provider"] is False
    assert found["hookId"] is not None
    assert "see to it by hand: Settings > Webhooks" in found["warning"]


def test_a_webhook_that_could_not_be_taken_away_is_taken_away_by_the_same_again(desk: Any) -> None:
    desk.add(ORDERS)
    desk.put(ORDERS, "provider")
    fault = desk.zekt.github.faults.add(where="rest", kind="status", status=502, repository=ORDERS, method="DELETE")
    assert "502" in desk.delete(ORDERS, "provider")["warning"]
    assert fault.used == 1
    again = desk.delete(ORDERS, "provider")
    assert (again["hookId"], again["warning"], desk.hooks(ORDERS)) == (None, None, [])
