"""Event and message meet, in whatever order they come."""

import hmac
import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import requests

from zekt_sandbox import events
from zekt_testing.broker import SECRET
from zekt_testing.deliveries import decision_of

Start = Callable[..., Any]


def test_a_message_waits_for_its_run_and_then_both_arrive_as_one(zekt: Any) -> None:
    run = zekt.start_run()
    answer = zekt.send(run, {"size": "large"})
    assert answer.status_code == 202
    receipt = answer.json()
    assert (receipt["success"], receipt["consumersNotified"]) == (True, 1)
    assert receipt["correlationId"] == str(run.id)
    assert zekt.deliveries() == []

    (delivered,) = zekt.github.finish_run(run)
    assert delivered.status_code == 202
    (dispatch,) = zekt.dispatched()
    envelope = dispatch.client_payload["zekt"]
    assert dispatch.event_type == "infrastructure-order"
    assert envelope["payload"] == {"size": "large"}
    assert envelope["correlationId"] == str(run.id)
    assert envelope["provider"]["conclusion"] == "success"
    assert envelope["attempt"] == 1


def test_an_event_without_a_message_is_delivered_with_the_services_own_event_type(zekt: Any) -> None:
    run = zekt.start_run()
    zekt.github.finish_run(run, "failure")
    (dispatch,) = zekt.dispatched()
    assert dispatch.event_type == "order-finished"
    assert dispatch.client_payload["zekt"]["payload"] is None
    assert dispatch.client_payload["zekt"]["provider"]["conclusion"] == "failure"


def test_a_message_after_its_event_is_delivered_at_once_and_marked_late(zekt: Any) -> None:
    run = zekt.start_run()
    zekt.github.finish_run(run)
    zekt.dispatched()
    answer = zekt.send(run, {"late": True})
    assert answer.status_code == 202
    assert "delivered at once" in answer.json()["message"]
    dispatches = zekt.dispatched(2)
    assert dispatches[1].client_payload["zekt"]["payload"] == {"late": True}
    assert [d["late"] for d in zekt.deliveries()] == [False, True]
    assert len(decision_of(zekt, run)) == 2


def test_each_message_of_a_run_is_a_delivery_of_its_own_in_order(zekt: Any) -> None:
    run = zekt.start_run()
    for number in range(5):
        assert zekt.send(run, {"number": number}, step=f"step-{number}").status_code == 202
    zekt.github.finish_run(run)
    zekt.dispatched(5)
    shas = [d["payloadSha256"] for d in zekt.deliveries()]
    stored = [sha for (sha,) in zekt.sql("SELECT payload_sha256 FROM messages ORDER BY seq")]
    assert shas == stored


def test_the_same_message_again_is_the_same_event(zekt: Any) -> None:
    run = zekt.start_run()
    first, again = zekt.send(run, messageId="m-1"), zekt.send(run, messageId="m-1")
    assert (first.status_code, again.status_code) == (202, 200)
    assert first.json()["eventId"] == again.json()["eventId"]
    zekt.github.finish_run(run)
    zekt.dispatched()
    third = zekt.send(run, messageId="m-1")
    assert (third.status_code, third.json()["eventId"]) == (200, first.json()["eventId"])
    assert len(zekt.deliveries()) == 1


def test_a_message_id_used_twice_by_mistake_loses_nothing(zekt: Any) -> None:
    run = zekt.start_run()
    first, second = zekt.send(run, 1, messageId="m-1"), zekt.send(run, 2, messageId="m-1")
    assert (first.status_code, second.status_code) == (202, 202)
    assert first.json()["eventId"] != second.json()["eventId"]


def test_the_legs_of_a_matrix_are_told_apart(zekt: Any) -> None:
    run = zekt.start_run()
    body = json.dumps({"eventType": "order", "messageId": "m-1", "payload": {}}).encode()
    for leg in ("a", "b"):
        assert zekt.post("/api/events/receive", run.token(leg=leg), body).status_code == 202
    zekt.github.finish_run(run)
    zekt.dispatched(2)


def test_a_rerun_is_a_new_event_with_messages_of_its_own(zekt: Any) -> None:
    first = zekt.start_run()
    zekt.send(first, {"attempt": 1})
    zekt.github.finish_run(first, "failure")
    zekt.dispatched(1)
    second = zekt.github.rerun(first)
    assert (second.id, second.attempt) == (first.id, 2)
    zekt.send(second, {"attempt": 2})
    zekt.github.finish_run(second)
    envelopes = [d.client_payload["zekt"] for d in zekt.dispatched(2)]
    assert [(e["payload"]["attempt"], e["provider"]["runAttempt"]) for e in envelopes] == [(1, 1), (2, 2)]


def test_rerunning_only_what_failed_loses_no_message_of_what_had_not(start: Start) -> None:
    zekt = start(conclusions=["success"])
    first = zekt.start_run()
    zekt.send(first, {"from": "build"}, job="build", step="send")
    zekt.send(first, {"from": "deploy", "attempt": 1}, job="deploy", step="send")
    zekt.github.finish_run(first, "failure")
    second = zekt.github.rerun(first)
    zekt.send(second, {"from": "deploy", "attempt": 2}, job="deploy", step="send")
    zekt.github.finish_run(second)
    payloads = [d.client_payload["zekt"]["payload"] for d in zekt.dispatched(2)]
    assert sorted(payloads, key=str) == [{"from": "build"}, {"from": "deploy", "attempt": 2}]
    assert len(zekt.deliveries()) == 2


def test_rerunning_one_leg_of_a_matrix_loses_no_message_of_the_others(start: Start) -> None:
    zekt = start(conclusions=["success"])
    first = zekt.start_run()
    for leg in ("linux", "macos"):
        assert _of_leg(zekt, first, leg) == 202
    zekt.github.finish_run(first, "failure")
    second = zekt.github.rerun(first)
    assert _of_leg(zekt, second, "windows") == 202
    assert _of_leg(zekt, second, "macos") == 202
    zekt.github.finish_run(second)
    payloads = [d.client_payload["zekt"]["payload"] for d in zekt.dispatched(3)]
    assert sorted(payloads) == ["linux 1", "macos 2", "windows 2"]


def _of_leg(zekt: Any, run: Any, leg: str) -> int:
    head = {"eventType": "order", "job": "build", "step": "send", "leg": leg}
    body = json.dumps({**head, "payload": f"{leg} {run.attempt}"}).encode()
    return int(zekt.post("/api/events/receive", run.token(leg=leg), body).status_code)


def test_the_same_webhook_a_hundred_times_at_once_has_one_effect(zekt: Any) -> None:
    run = zekt.start_run()
    zekt.send(run)
    (first,) = zekt.github.finish_run(run)
    with ThreadPoolExecutor(16) as pool:
        again = list(pool.map(lambda _: zekt.github.redeliver(first), range(100)))
    assert {delivery.status_code for delivery in again} == {202}
    assert len(zekt.deliveries()) == 1
    assert len(decision_of(zekt, run)) == 1


def test_a_hundred_webhooks_that_arrive_together_store_one_event(zekt: Any) -> None:
    run = zekt.start_run()
    zekt.send(run)
    body = json.dumps(_workflow_run(run)).encode()
    signature = "sha256=" + hmac.new(SECRET.encode(), body, "sha256").hexdigest()

    def post(number: int) -> int:
        # Half of them under another hook's guid: it is still the same attempt of the same run.
        headers = {
            "X-GitHub-Event": "workflow_run",
            "X-GitHub-Delivery": f"guid-{number % 2}",
            "X-Hub-Signature-256": signature,
        }
        return requests.post(f"{zekt.url}/api/github/webhooks", data=body, headers=headers, timeout=30).status_code

    with ThreadPoolExecutor(25) as pool:
        assert set(pool.map(post, range(100))) == {202}
    assert zekt.sql("SELECT count(*) FROM events") == [(1,)]
    assert len(zekt.deliveries()) == 1


def test_one_attempt_of_a_run_may_send_256_messages(zekt: Any) -> None:
    run = zekt.start_run()
    with ThreadPoolExecutor(8) as pool:
        statuses = list(pool.map(lambda number: zekt.send(run, number).status_code, range(260)))
    assert (statuses.count(202), statuses.count(422)) == (256, 4)
    assert zekt.sql("SELECT count(*) FROM messages") == [(256,)]


def test_messages_and_event_that_race_lose_nothing(zekt: Any) -> None:
    run = zekt.start_run()

    def act(number: int) -> int:
        if number == 5:
            return int(zekt.github.finish_run(run)[0].status_code)
        return int(zekt.send(run, {"n": number}, messageId=f"m-{number}").status_code)

    with ThreadPoolExecutor(11) as pool:
        assert set(pool.map(act, range(11))) == {202}
    with_message = [d for d in zekt.deliveries() if d["payloadSha256"]]
    assert len(with_message) == 10
    # When the event was first of all, it was delivered alone, before its messages.
    assert len(zekt.deliveries()) - len(with_message) in (0, 1)


def test_an_old_style_webhook_without_a_path_is_placed_by_its_messages(zekt: Any) -> None:
    run = zekt.start_run()
    zekt.send(run, {"old": "style"})
    payload = _workflow_run(run)
    del payload["workflow_run"]["path"], payload["workflow"]["path"]
    zekt.github.send_event("workflow_run", payload, run.repository)
    (dispatch,) = zekt.dispatched()
    assert dispatch.client_payload["zekt"]["payload"] == {"old": "style"}


def test_an_old_style_webhook_without_path_or_messages_is_blocked_with_that_reason(zekt: Any) -> None:
    run = zekt.start_run()
    payload = _workflow_run(run)
    del payload["workflow_run"]["path"], payload["workflow"]["path"]
    zekt.github.send_event("workflow_run", payload, run.repository)
    ((outcome, reasons),) = decision_of(zekt, run)
    assert outcome == "blocked"
    assert any("names no workflow file" in rule["detail"] for rule in reasons["provider"])


def _workflow_run(run: Any) -> dict[str, Any]:
    run.status, run.conclusion = "completed", "success"
    return events.workflow_run_event(run, "completed")
