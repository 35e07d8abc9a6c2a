"""Two organisations that the broker has never heard of, and what each has at GitHub."""

from collections.abc import Callable
from typing import Any

import pytest

from onboarding import recipe
from zekt_sandbox.app_stage import EVENTS
from zekt_testing.broker import ORDER, SECRET, Zekt

SHOP, INFRA = "shop-team/orders", "infra-team/platform"


@pytest.fixture
def zekt(start: Callable[..., Zekt]) -> Zekt:
    """The App has just been installed on both repositories; nobody has signed in, and no webhook is placed."""
    zekt = start(wanted={"accounts": []})
    for hook in zekt.hooks:
        zekt.github.world.hooks.remove(hook.id)
    url = f"{zekt.url}/api/github/webhooks"
    zekt.github.set_app_hook(url=url, secret=SECRET, events=tuple(set(EVENTS) - {"workflow_run"}))
    zekt.github.app.install(SHOP, installation_id=51)
    zekt.github.app.install(INFRA, installation_id=52)
    zekt.until_sql("SELECT 1 FROM repositories HAVING count(*) = 2")
    zekt.github.add_workflow(SHOP, ORDER, "on: push\njobs: {}\n")
    listens = recipe.file("Write the workflow that listens")
    zekt.github.add_workflow(INFRA, ".github/workflows/receive.yml", listens)
    zekt.github.set_person("alice", organizations={"shop-team": "admin"})
    zekt.github.set_person("bob", organizations={"infra-team": "admin"})
    return zekt


@pytest.fixture
def first_event(zekt: Zekt) -> Callable[[], dict[str, Any]]:
    """A run of the provider's sends a message and ends; gives what the consumer's repository was sent."""

    def happen() -> dict[str, Any]:
        run = zekt.start_run()
        assert zekt.send(run, {"resourceType": "webServer"}).status_code == 202
        (answer,) = zekt.github.finish_run(run)
        assert answer.status_code == 202, "GitHub has one webhook to tell, and the broker takes it"
        (dispatch,) = zekt.dispatched()
        assert (str(dispatch.repository), dispatch.event_type) == (INFRA, "infrastructure-order")
        told: dict[str, Any] = dispatch.client_payload["zekt"]
        assert told["correlationId"] == str(run.id)
        zekt.until(told["deliveryId"], "dispatched")
        return told

    return happen
