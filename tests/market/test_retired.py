"""A retired service delivers nothing more, says why, and takes up again where it is published again."""

from collections.abc import Callable
from typing import Any

from market.town import SERVICE, three
from zekt_testing import setup
from zekt_testing.broker import ORDER, Zekt
from zekt_testing.deliveries import dispatched, ids


def decision(zekt: Zekt, run: Any) -> dict[str, Any]:
    ((guid,),) = zekt.sql("SELECT guid FROM events WHERE run_id = %s", run.id)
    (found,) = zekt.get(f"/api/events/{guid}/decision")["decisions"]
    return dict(found)


def test_the_next_event_is_blocked_with_the_reason(zekt: Zekt, ask: Any, shop: str) -> None:
    ask(shop, SERVICE, "DELETE")
    run = zekt.start_run()
    assert zekt.send(run).json()["consumersNotified"] == 0
    zekt.github.finish_run(run)
    found = decision(zekt, run)
    detail = "The service infrastructure-orders is retired."
    assert found["outcome"] == "blocked"
    assert {"name": "service", "passed": False, "detail": detail} in found["provider"]
    assert found["consumers"][0]["answer"].startswith(f"Nothing was sent. {detail}")
    assert zekt.deliveries() == []


def test_another_service_of_the_same_workflow_goes_on(zekt: Zekt, ask: Any, shop: str) -> None:
    wanted = three()
    workflows = wanted["accounts"][0]["repositories"][0]["workflows"]
    workflows.append({"path": ORDER, "service": {"slug": "other-orders", "event-type": "other"}})
    wanted["subscriptions"].append({"service": "other-orders", "consumer": "rival-team/tools", "status": "approved"})
    setup.apply(zekt.database_url, wanted)
    ask(shop, SERVICE, "DELETE")
    run = zekt.start_run()
    zekt.github.finish_run(run)
    (delivery,) = (zekt.until(found["deliveryId"], "dispatched") for found in zekt.deliveries())
    assert (delivery["service"], delivery["consumer"]) == ("other-orders", "rival-team/tools")
    rules = {consumer["service"]: consumer["rules"] for consumer in decision(zekt, run)["consumers"]}
    retired = {"name": "service", "passed": False, "detail": "The service infrastructure-orders is retired."}
    assert retired in rules["infrastructure-orders"]
    assert {rule["passed"] for rule in rules["other-orders"]} == {True}


def test_a_delivery_under_way_ends_with_the_reason(start: Callable[..., Zekt]) -> None:
    zekt = start(wanted=three(), work=False)
    zekt.github.finish_run(zekt.start_run())
    (waiting,) = zekt.deliveries()
    zekt.sql("UPDATE services SET retired_at = now()")
    zekt.also_work()
    ended = zekt.until(waiting["deliveryId"], "failed")
    assert (ended["failure"], ended["attempts"]) == ("retired", 0)
    assert "The service is retired, so nothing was sent." in ended["history"][-1]["detail"]
    assert zekt.github.dispatches("infra-team/platform") == []


def test_published_again_it_delivers_again_and_a_replay_waits_until_then(zekt: Zekt, ask: Any, shop: str) -> None:
    _, old = dispatched(zekt)
    ask(shop, SERVICE, "DELETE")
    refused = ask(shop, f"/api/replay/{old}", "POST")
    assert (refused.status_code, refused.json()["code"]) == (409, "replay_refused")
    assert "infrastructure-orders is retired" in refused.json()["detail"]
    ask(shop, SERVICE, "PATCH", {"retired": False})
    new = ask(shop, f"/api/replay/{old}", "POST")
    assert new.status_code == 202, new.text
    zekt.until(new.json()["deliveryId"], "dispatched")


def test_what_a_run_has_confirmed_goes_on_to_its_end(zekt: Zekt, ask: Any, shop: str) -> None:
    run, delivery_id = dispatched(zekt)
    assert zekt.confirm(run, **ids(zekt, delivery_id)).status_code == 200
    ask(shop, SERVICE, "DELETE")
    assert zekt.complete(run, **ids(zekt, delivery_id)).status_code == 200
    assert zekt.delivery(delivery_id)["status"] == "completed"
