"""From nothing to a delivery that its consumer's run ends, over HTTP alone and by commands alone."""

import json
from typing import Any

from zekt_testing import setup
from zekt_testing.broker import ORDER
from zekt_testing.deliveries import ids

ORDERS, PLATFORM = "shop-team/orders", "infra-team/platform"


def subscribe(desk: Any) -> None:
    service = {"slug": "infrastructure-orders", "event-type": "order-finished"}
    workflows = [{"path": ORDER, "service": service}]
    repository = {"name": "orders", "id": 1001, "installation-id": 51, "provider": True, "workflows": workflows}
    subscription = {"service": "infrastructure-orders", "consumer": PLATFORM, "status": "approved", "durable": True}
    wanted = {"accounts": [{"login": "shop-team", "repositories": [repository]}], "subscriptions": [subscription]}
    setup.apply(desk.zekt.database_url, wanted)


def deliver_and_lose_the_runner(desk: Any) -> dict[str, Any]:
    """A delivery that its run confirms and never completes: the end of the run ends it, by the hook that was placed."""
    zekt = desk.zekt
    (told,) = zekt.github.finish_run(zekt.start_run())
    assert (told.status_code, told.outcome.body) == (202, '{"success":true,"outcome":"delivered","deliveries":1}')
    (dispatch,) = zekt.dispatched()
    run = zekt.github.start_run_for(dispatch)
    delivery_id = dispatch.client_payload["zekt"]["deliveryId"]
    assert zekt.confirm(run, **ids(zekt, delivery_id)).json()["status"] == "confirmed"
    assert [line.status_code for line in zekt.github.finish_run(run, "cancelled")] == [202]
    found: dict[str, Any] = zekt.delivery(delivery_id)
    return found


def test_over_http_alone(desk: Any) -> None:
    desk.zekt.github.add_workflow(ORDERS, ORDER, "on: push")
    desk.add(ORDERS, PLATFORM)
    assert desk.put(ORDERS, "workflows/order.yml")["whitelisted"]
    assert desk.put(ORDERS, "provider")["provider"]
    desk.put(PLATFORM, "consumer")
    found = desk.put(PLATFORM, "completion-tracking")
    assert (found["consumer"], found["completionTracking"], found["warning"]) == (True, True, None)
    for name in (ORDERS, PLATFORM):
        (hook,) = desk.hooks(name)
        assert (hook.url, hook.events, hook.active) == (
            f"{desk.zekt.url}/api/github/webhooks", ("workflow_run",), True,
        )  # fmt: skip
        assert desk.ask("GET", f"/{hook.repository.id}").json()["hookId"] == hook.id
    subscribe(desk)
    ended = deliver_and_lose_the_runner(desk)
    assert (ended["status"], ended["conclusion"]) == ("failed", "cancelled")


def test_by_commands_alone(desk: Any) -> None:
    desk.zekt.github.add_workflow(ORDERS, ORDER, "on: push")
    assert f"{ORDERS} is known." in desk.command("repositories", "add", ORDERS).stderr
    assert f"{ORDERS} is known already." in desk.command("repositories", "add", ORDERS).stderr
    desk.command("repositories", "add", PLATFORM)
    assert "is enabled: provider." in desk.command("repositories", "enable", ORDERS, "--provider").stderr
    told = desk.command("repositories", "enable", PLATFORM, "--consumer", "--completion-tracking", "--json").stdout
    assert json.loads(told)["completionTracking"] is True
    assert f"{ORDER} is whitelisted." in desk.command("workflows", "allow", ORDERS, ORDER).stderr
    listed = json.loads(desk.command("workflows", "list", ORDERS, "--json").stdout)["workflows"]
    assert [(each["path"], each["whitelisted"], each["state"]) for each in listed] == [(ORDER, True, "active")]
    assert ORDER in desk.command("workflows", "list", ORDERS).stdout
    assert PLATFORM in desk.command("repositories", "list").stdout
    names = [each["fullName"] for each in json.loads(desk.command("repositories", "list", "--json").stdout)]
    assert names == [PLATFORM, ORDERS]
    subscribe(desk)
    ended = deliver_and_lose_the_runner(desk)
    assert (ended["status"], ended["conclusion"]) == ("failed", "cancelled")
    assert "has a new secret" in desk.command("repositories", "rotate", ORDERS, PLATFORM).stderr
    assert "whitelisted any more" in desk.command("workflows", "disallow", ORDERS, "order.yml").stderr
    desk.command("repositories", "disable", PLATFORM, "--completion-tracking")
    assert f"{PLATFORM} is disabled." in desk.command("repositories", "disable", PLATFORM, "--consumer").stderr
    assert desk.hooks(PLATFORM) == []
    assert json.loads(desk.command("repositories", "show", PLATFORM).stdout)["hookId"] is None
    assert {line["actor"] for line in desk.audit()} == {"operator"}
