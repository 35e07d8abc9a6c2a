"""`zekt explain RUN_ID` and `GET /api/events/{id}/decision`: why it did, or did not, arrive."""

import json
from collections.abc import Callable
from typing import Any

import pytest
import requests
from typer.testing import CliRunner

from zekt_backend.cli import app
from zekt_testing import setup
from zekt_testing.broker import ADMIN_TOKEN

Start = Callable[..., Any]


@pytest.fixture
def explain(monkeypatch: pytest.MonkeyPatch) -> Callable[..., Any]:
    """(zekt, run id) → (exit code, the JSON, the text)."""

    def run(zekt: Any, run_id: int) -> tuple[int, Any, str]:
        monkeypatch.setenv("ZEKT_DATABASE_URL", zekt.database_url)
        told = CliRunner().invoke(app, ["explain", str(run_id), "--json"], catch_exceptions=False)
        text = CliRunner().invoke(app, ["explain", str(run_id)], catch_exceptions=False)
        assert told.exit_code == text.exit_code
        return told.exit_code, json.loads(told.stdout), text.stdout

    return run


def test_of_a_run_nobody_told_of_it_says_what_to_check(start: Start, explain: Any) -> None:
    code, told, text = explain(start(work=False), 4711)
    assert (code, told["attempts"]) == (1, [])
    for hint in ("still be running", "zekt reconcile", "zekt doctor", "zekt setup apply"):
        assert hint in text
        assert hint in " ".join(told["advice"])


def test_a_message_without_its_event_waits_and_says_for_what(start: Start, explain: Any) -> None:
    zekt = start(work=False)
    run = zekt.start_run()
    event_id = zekt.send(run).json()["eventId"]
    code, told, text = explain(zekt, run.id)
    (attempt,) = told["attempts"]
    assert (code, attempt["event"], attempt["decisions"]) == (0, None, [])
    assert f"Message {event_id} waits for the end of its run" in text
    assert "zekt reconcile" in text
    zekt.sql("UPDATE messages SET closed_at = now(), closed_why = 'GitHub does not know the run.'")
    assert "waits no more" in explain(zekt, run.id)[2]
    assert zekt.get(f"/api/events/{event_id}/decision")["event"] is None


def test_what_arrived_is_followed_to_its_end(start: Start, explain: Any) -> None:
    zekt = start()
    run = zekt.start_run()
    zekt.send(run)
    zekt.github.finish_run(run)
    (dispatch,) = zekt.dispatched()
    delivery_id = dispatch.client_payload["zekt"]["deliveryId"]
    zekt.until(delivery_id, "dispatched")

    def answer() -> str:
        _, told, text = explain(zekt, run.id)
        (consumer,) = told["attempts"][0]["decisions"][0]["consumers"]
        assert all(rule["passed"] for rule in consumer["rules"])
        assert consumer["answer"] in text
        assert consumer["deliveries"][0]["deliveryId"] == delivery_id
        return str(consumer["answer"])

    assert "no run has confirmed it by now" in answer()
    assert "zekt doctor infrastructure-orders@infra-team/platform" in answer()
    consumer = zekt.github.start_run_for(dispatch)
    zekt.confirm(consumer, correlationId=str(run.id), deliveryId=delivery_id)
    assert f"Run {consumer.id} confirmed it" in answer()
    zekt.complete(consumer, correlationId=str(run.id), deliveryId=delivery_id)
    assert f"Run {consumer.id} completed it" in answer()
    zekt.github.finish_run(consumer)
    assert f"This run confirmed {delivery_id}, as its consumer." in explain(zekt, consumer.id)[2]


def test_every_rule_that_blocks_is_named_for_each_consumer(start: Start, explain: Any, directory: Any) -> None:
    wanted = directory(**{"event-types": ["ready"]})
    wanted["accounts"][0]["repositories"].append({"name": "tools", "id": 1002, "installation-id": 51})
    wanted["subscriptions"].append(
        {"service": "infrastructure-orders", "consumer": "shop-team/tools", "status": "denied", "branches": ["dev"]}
    )
    wanted["accounts"][0]["repositories"].append({"name": "other", "id": 1003, "installation-id": 51})
    wanted["subscriptions"].append(
        {
            "service": "infrastructure-orders",
            "consumer": "shop-team/other",
            "status": "approved",
            "branches": ["dev"],
            "conclusions": ["failure"],
        }
    )
    zekt = start(wanted=wanted, work=False)
    run = zekt.start_run()
    for event_type in ("draft", "ready"):
        zekt.send(run, eventType=event_type)
    zekt.github.finish_run(run)
    _, told, text = explain(zekt, run.id)
    choosy, denied, other = told["attempts"][0]["decisions"][0]["consumers"]
    assert [d["eventType"] for d in choosy["deliveries"]] == ["ready"]
    assert "The event type is draft; wanted: ready." in choosy["answer"]
    assert "waits for its turn" in choosy["answer"]
    assert {rule["name"] for rule in denied["rules"] if not rule["passed"]} == {"approved"}
    assert {rule["name"] for rule in other["rules"] if not rule["passed"]} == {"branch", "conclusion"}
    assert denied["answer"].startswith("Nothing was sent. The subscription of shop-team/tools is denied.")
    assert "BLOCKED branch" in text


def test_a_message_is_explained_alone_and_an_event_whole(start: Start) -> None:
    zekt = start(work=False, **{"event-types": ["ready"]})
    run = zekt.start_run()
    draft, ready = (zekt.send(run, eventType=kind).json()["eventId"] for kind in ("draft", "ready"))
    zekt.github.finish_run(run)
    late = zekt.send(run, eventType="ready", messageId="late").json()["eventId"]
    of_draft, of_ready, of_late = (zekt.get(f"/api/events/{name}/decision") for name in (draft, ready, late))
    ((guid,),) = zekt.sql("SELECT guid FROM events")
    whole = zekt.get(f"/api/events/{guid}/decision")
    assert [m["eventId"] for m in whole["messages"]] == [draft, ready, late]
    assert len(whole["decisions"]) == 2
    assert [m["eventId"] for m in of_draft["messages"]] == [draft]
    (refused,) = of_draft["decisions"][0]["consumers"]
    assert (refused["deliveries"], refused["answer"]) == (
        [],
        "Nothing was sent. The event type is draft; wanted: ready.",
    )
    assert [d["eventId"] for d in of_ready["decisions"][0]["consumers"][0]["deliveries"]] == [ready]
    (alone,) = of_late["decisions"]
    assert (alone["eventId"], len(alone["consumers"][0]["deliveries"])) == (late, 1)


def test_a_message_is_explained_with_every_attempt_that_delivered_it(start: Start, directory: Any) -> None:
    wanted = directory()
    wanted["accounts"][0]["repositories"].append({"name": "tools", "id": 1002, "installation-id": 51})
    wanted["subscriptions"].append(
        {"service": "infrastructure-orders", "consumer": "shop-team/tools", "status": "approved"}
        | {"conclusions": ["success"]}
    )
    zekt = start(wanted=wanted, work=False)
    run = zekt.start_run()
    event_id = zekt.send(run).json()["eventId"]
    zekt.github.finish_run(run, "failure")
    zekt.github.finish_run(zekt.github.rerun(run))
    told = zekt.get(f"/api/events/{event_id}/decision")
    assert [decision["runAttempt"] for decision in told["decisions"]] == [1, 2]
    given = [
        [[delivery["eventId"] for delivery in consumer["deliveries"]] for consumer in decision["consumers"]]
        for decision in told["decisions"]
    ]
    # With the second attempt the first consumer, who has the message, is told of the run's end alone.
    assert given == [[[event_id], []], [[None], [event_id]]]


def test_a_run_that_nobody_may_hear_of_says_why_and_each_attempt_is_told(start: Start, explain: Any) -> None:
    zekt = start(work=False)
    run = zekt.github.start_run("shop-team/orders", workflow=".github/workflows/other.yml")
    zekt.github.finish_run(run, "failure")
    again = zekt.github.rerun(run)
    zekt.github.finish_run(again)
    _, told, text = explain(zekt, run.id)
    assert [(a["runAttempt"], a["event"]["conclusion"]) for a in told["attempts"]] == [(1, "failure"), (2, "success")]
    assert "The event is blocked. .github/workflows/other.yml is not whitelisted." in text


def test_a_delivery_that_failed_comes_with_its_advice(start: Start, explain: Any) -> None:
    zekt = start()
    zekt.github.faults.add(where="dispatch", kind="status", status=404)
    run = zekt.start_run()
    zekt.github.finish_run(run)
    (delivery,) = zekt.deliveries()
    failed = zekt.until(delivery["deliveryId"], "failed")
    assert failed["advice"] in explain(zekt, run.id)[2].replace("\n", " ")


def test_strangers_words_cannot_steer_the_terminal(start: Start, explain: Any) -> None:
    zekt = start(work=False)
    run = zekt.start_run(ref="refs/heads/[red]x")
    zekt.github.finish_run(run)
    zekt.sql("UPDATE events SET head_branch = %s", "\x1b[2J[red]x")
    text = explain(zekt, run.id)[2]
    assert "\x1b" not in text
    assert "[red]x" in text


def test_decisions_of_the_version_before_are_explained_too(start: Start, explain: Any) -> None:
    """They have no subscription's id, and no messages."""
    zekt = start(work=False)
    run = zekt.start_run()
    zekt.github.finish_run(run)
    zekt.sql(
        """UPDATE decisions SET reasons = jsonb_set(reasons, '{consumers}',
               jsonb_build_array((reasons->'consumers'->0) - 'subscription' - 'messages'))"""
    )
    (consumer,) = explain(zekt, run.id)[1]["attempts"][0]["decisions"][0]["consumers"]
    assert len(consumer["deliveries"]) == 1


def test_whoever_manages_the_broker_is_told_that_there_is_no_such_event(start: Start) -> None:
    zekt = start(work=False)
    setup.apply(zekt.database_url, setup.directory())
    answer = requests.get(
        f"{zekt.url}/api/events/none/decision", headers={"Authorization": f"Bearer {ADMIN_TOKEN}"}, timeout=10
    )
    assert (answer.status_code, answer.json()["code"]) == (404, "not_found")
