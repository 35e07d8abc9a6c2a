"""The commands do what the API does, as the operator."""

import json
from typing import Any

import pytest

from zekt_backend.errors import ZektError
from zekt_testing.broker import ORDER


def test_the_commands_publish_change_retire_show_and_list(zekt_command: Any, ask: Any) -> None:
    made = zekt_command(
        *("services", "publish", "orders-2", "shop-team/orders", ORDER, "--event-type", "ordered"),
        *("--tag", "a", "--tag", "b", "--visibility", "public", "--hide-provider"),
    )
    assert f"orders-2 is published from {ORDER} of shop-team/orders." in made.stderr.replace("\n", " ")
    shown = json.loads(zekt_command("services", "show", "orders-2").stdout)
    assert shown == ask(None, "/api/services/orders-2").json()
    assert (shown["tags"], shown["visibility"], shown["hideProvider"]) == (["a", "b"], "public", True)
    changed = zekt_command("services", "change", "orders-2", "--no-tags", "--show-provider", "--alias", "Two", "--json")
    assert json.loads(changed.stdout).items() >= {"tags": [], "hideProvider": False, "alias": "Two"}.items()
    assert json.loads(zekt_command("services", "retire", "orders-2", "--json").stdout)["retiredAt"]
    assert "orders-2 is published again." in zekt_command("services", "retire", "orders-2", "--undo").stderr
    assert "infrastructure-orders" in zekt_command("services", "list").stdout
    assert json.loads(zekt_command("services", "list", "--account", "rival-team", "--json").stdout) == []
    assert ask(None, "/api/audit").json()["audit"][0]["actor"] == "operator"


def test_a_command_with_something_that_cannot_be_says_what(zekt_command: Any) -> None:
    wrong = zekt_command("services", "change", "infrastructure-orders", "--visibility", "secret")
    assert (wrong.exit_code, "visibility" in wrong.stderr) == (2, True)
    for verb in (("show", "nothing"), ("retire", "nothing")):
        with pytest.raises(ZektError):
            zekt_command("services", *verb)


def test_the_commands_ask_decide_change_and_list(zekt_command: Any, ask: Any, rival: str) -> None:
    name = "infrastructure-orders@rival-team/tools"
    said = zekt_command("subscriptions", "request", name, "--note", "Please.", "--durable", "--branch", "main")
    assert f"{name} is requested" in said.stderr
    assert f"{name} is denied." in zekt_command("subscriptions", "deny", name, "--answer", "No.").stderr
    asked = json.loads(zekt_command("subscriptions", "request", name, "--json").stdout)
    assert asked.items() >= {"status": "requested", "durable": True, "branches": ["main"], "note": ""}.items()
    assert f"{name} is approved." in zekt_command("subscriptions", "approve", name).stderr
    changed = zekt_command(
        *("subscriptions", "change", name, "--fire-and-forget", "--confirm-timeout", "60", "--default", "branches"),
        "--json",
    )
    assert json.loads(changed.stdout).items() >= {"durable": False, "confirmTimeout": 60, "branches": None}.items()
    listed = json.loads(zekt_command("subscriptions", "list", "--status", "approved", "--json").stdout)
    assert [row["consumer"] for row in listed] == ["rival-team/tools", "infra-team/platform"]
    assert "infrastructure-orders" in zekt_command("subscriptions", "list", "--account", "rival-team").stdout
    assert f"{name} is revoked." in zekt_command("subscriptions", "revoke", name).stderr
    found = ask(rival, "/api/subscriptions").json()["subscriptions"][0]
    assert (found["status"], found["decidedSide"], found["decidedBy"]) == ("revoked", "operator", "operator")


def test_a_command_about_something_that_cannot_be_says_what(zekt_command: Any) -> None:
    name = "infrastructure-orders@infra-team/platform"
    assert zekt_command("subscriptions", "change", name, "--conclusion", "won").exit_code == 2
    assert zekt_command("subscriptions", "revoke", "infrastructure-orders").exit_code == 2
    for verb, wrong, code in (("approve", name, "conflict"), ("revoke", f"nothing@{name}", "not_found")):
        with pytest.raises(ZektError, match=code):
            zekt_command("subscriptions", verb, wrong)
