"""What was delivered before is delivered once more, as a delivery of its own."""

import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import psycopg
import pytest
import requests
from typer.testing import CliRunner

from zekt_backend.cli import app
from zekt_testing.broker import ADMIN_TOKEN
from zekt_testing.deliveries import assert_legal, dispatched, ids

Start = Callable[..., Any]

# Its bytes are no other writer's: order, spelling of numbers, white space.
RAW = b'{ "b": 1.50, "a": "\\u00e9" }'


def replay(zekt: Any, delivery_id: str, token: str = ADMIN_TOKEN) -> requests.Response:
    headers = {"Authorization": f"Bearer {token}"}
    return requests.post(f"{zekt.url}/api/replay/{delivery_id}", headers=headers, timeout=30)


def delivered(zekt: Any, **message: Any) -> str:
    """The id of a delivery that was dispatched."""
    run = zekt.start_run()
    zekt.send(run, **message)
    zekt.github.finish_run(run)
    delivery_id = str(zekt.deliveries()[-1]["deliveryId"])
    zekt.until(delivery_id, "dispatched", "failed")
    return delivery_id


def test_a_replay_is_a_new_delivery_of_the_same_bytes_under_the_same_correlation(zekt: Any) -> None:
    old_id = delivered(zekt, raw=RAW)
    answer = replay(zekt, old_id)
    assert answer.status_code == 202, answer.text
    receipt = answer.json()
    new_id = receipt.pop("deliveryId")
    assert receipt == {"success": True, "replayOf": old_id, "message": "Queued as a delivery of its own."}
    first, second = (dispatch.client_payload["zekt"] for dispatch in zekt.dispatched(2))
    assert second == {**first, "deliveryId": new_id, "isReplay": True, "traceparent": second["traceparent"]}
    assert (first["isReplay"], first["attempt"], second["payload"]) == (False, 1, {"b": 1.5, "a": "é"})

    old, new = zekt.delivery(old_id), zekt.until(new_id, "dispatched")
    assert (old["isReplay"], old["replayOf"], old["replayedAs"]) == (False, None, [new_id])
    assert (new["isReplay"], new["replayOf"], new["replayedAs"]) == (True, old_id, [])
    assert new["history"][0]["detail"] == f"replay of {old_id}"
    assert old["status"] == "dispatched"
    assert (new["correlationId"], new["decision"]) == (old["correlationId"], old["decision"])
    assert_legal(new)


def test_the_claim_check_of_a_replay_gives_the_archived_bytes(zekt: Any) -> None:
    raw = json.dumps("x" * 100_000).encode()
    new_id = replay(zekt, delivered(zekt, raw=raw)).json()["deliveryId"]
    reference = zekt.dispatched(2)[1].client_payload["zekt"]["payloadRef"]
    assert reference["url"].endswith(f"/api/event-delivery/{new_id}/payload")
    token = zekt.github.start_run("infra-team/platform").token()
    found = requests.get(reference["url"], headers={"Authorization": f"Bearer {token}"}, timeout=30)
    assert found.content == raw


def test_a_replay_is_confirmed_by_a_run_of_its_own_and_is_nobodys_duplicate(zekt: Any) -> None:
    run, old_id = dispatched(zekt)
    zekt.complete(run, **ids(zekt, old_id))
    new_id = replay(zekt, old_id).json()["deliveryId"]
    zekt.until(new_id, "dispatched")
    again = zekt.github.start_run_for(zekt.dispatched(2)[1])
    answer = zekt.confirm(again, **ids(zekt, new_id)).json()
    assert (answer["deliveryId"], answer["duplicate"], answer["changed"]) == (new_id, False, True)
    assert zekt.complete(again, **ids(zekt, new_id)).json()["status"] == "completed"
    assert [d["consumerRunId"] for d in zekt.deliveries()] == [run.id, again.id]


def test_without_a_delivery_id_each_run_still_speaks_of_what_it_confirmed(zekt: Any) -> None:
    run, old_id = dispatched(zekt)
    correlation = zekt.delivery(old_id)["correlationId"]
    zekt.confirm(run, correlationId=correlation)
    new_id = replay(zekt, old_id).json()["deliveryId"]
    zekt.until(new_id, "dispatched")
    again = zekt.github.start_run("infra-team/platform")
    assert zekt.confirm(again, correlationId=correlation).json()["deliveryId"] == new_id
    assert zekt.complete(run, correlationId=correlation).json()["deliveryId"] == old_id
    assert zekt.complete(again, correlationId=correlation).json()["deliveryId"] == new_id


def test_a_replay_can_be_replayed_and_so_can_a_delivery_without_a_message(zekt: Any) -> None:
    zekt.github.finish_run(zekt.start_run())
    zekt.dispatched()
    (old,) = zekt.deliveries()
    second = replay(zekt, old["deliveryId"]).json()["deliveryId"]
    third = replay(zekt, second).json()["deliveryId"]
    fourth = replay(zekt, second).json()["deliveryId"]
    assert [d.client_payload["zekt"]["payload"] for d in zekt.dispatched(4)] == [None] * 4
    assert zekt.delivery(second)["replayOf"] == old["deliveryId"]
    assert zekt.delivery(second)["replayedAs"] == [third, fourth]


def test_a_delivery_that_failed_is_replayed_once_the_setup_was_put_right(start: Start) -> None:
    zekt = start(durable=False)
    zekt.sql("UPDATE repositories SET full_name = 'infra-team/old-name' WHERE id = 2002")
    old_id = delivered(zekt)
    assert zekt.delivery(old_id)["failure"] == "not_found"
    zekt.sql("UPDATE repositories SET full_name = 'infra-team/platform' WHERE id = 2002")
    new_id = replay(zekt, old_id).json()["deliveryId"]
    assert zekt.until(new_id, "dispatched", "failed")["status"] == "dispatched"
    assert zekt.delivery(old_id)["status"] == "failed"


def test_the_event_and_its_messages_are_counted_as_before(zekt: Any) -> None:
    """A re-run takes along what no delivery carries: a replay makes nothing carried, and nothing uncarried."""
    run = zekt.start_run()
    zekt.send(run, {"n": 1}, messageId="m-1")
    (event,) = zekt.github.finish_run(run, "failure")
    zekt.dispatched()
    replay(zekt, zekt.deliveries()[0]["deliveryId"])
    zekt.dispatched(2)
    assert zekt.send(run, {"n": 1}, messageId="m-1").status_code == 200
    zekt.github.redeliver(event)
    assert len(zekt.deliveries()) == 2
    zekt.github.finish_run(zekt.github.rerun(run))
    assert [d.client_payload["zekt"]["payload"] for d in zekt.dispatched(3)] == [{"n": 1}, {"n": 1}, None]


def test_a_replay_and_a_try_of_the_same_delivery_do_not_wait_for_each_other(start: Start) -> None:
    """A try holds the delivery and then takes its installation's slot, so a replay must not hold that slot before."""
    zekt = start(work=False)
    zekt.github.finish_run(zekt.start_run())
    (old,) = zekt.deliveries()
    with psycopg.connect(zekt.database_url) as trying, ThreadPoolExecutor(1) as pool:
        trying.execute("SELECT 1 FROM deliveries FOR UPDATE")
        replaying = pool.submit(replay, zekt, old["deliveryId"])
        zekt.until_sql("SELECT 1 FROM pg_locks WHERE NOT granted AND pid <> pg_backend_pid()")
        trying.execute("SET LOCAL lock_timeout = '5s'")
        trying.execute("UPDATE installations SET last_write_at = now()")
        trying.commit()
        assert replaying.result().status_code == 202


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ("UPDATE subscriptions SET status = 'revoked'", "The subscription of infra-team/platform is revoked."),
        ("UPDATE repositories SET enabled = false WHERE id = 1001", "The repository is switched off."),
        ("UPDATE repositories SET enabled = false WHERE id = 2002", "infra-team/platform is switched off."),
        ("UPDATE repositories SET installation_id = NULL WHERE id = 2002", "The app is not installed"),
        ("UPDATE workflows SET whitelisted = false", "is not whitelisted."),
    ],
)
def test_who_would_get_nothing_new_gets_nothing_old_either(zekt: Any, change: str, why: str) -> None:
    old_id = delivered(zekt)
    zekt.sql(change)
    answer = replay(zekt, old_id)
    assert (answer.status_code, answer.json()["code"]) == (409, "replay_refused")
    assert why in answer.json()["detail"]
    # Whoever reads it may have the console, the API, or the setup file.
    assert "(in the console, by the API, or in the setup file and `zekt setup apply`)" in answer.json()["detail"]
    assert len(zekt.deliveries()) == 1


def test_a_subscription_that_is_revoked_after_the_replay_was_asked_for_stops_it(start: Start) -> None:
    zekt = start(work=False)
    zekt.github.finish_run(zekt.start_run())
    (old,) = zekt.deliveries()
    new_id = replay(zekt, old["deliveryId"]).json()["deliveryId"]
    zekt.sql("UPDATE subscriptions SET status = 'revoked'")
    zekt.also_work()
    assert zekt.until(new_id, "failed")["failure"] == "revoked"
    assert zekt.github.dispatches() == []


def test_what_a_service_has_come_to_hide_is_hidden_from_replays_too(zekt: Any) -> None:
    old_id = delivered(zekt, payload={"secret": "plan"})
    zekt.sql("UPDATE services SET metadata_only = true, hide_provider = true")
    replay(zekt, old_id)
    dispatch = zekt.dispatched(2)[1]
    assert b"plan" not in dispatch.body
    assert b"shop-team" not in dispatch.body
    assert dispatch.client_payload["zekt"]["isReplay"] is True


def test_a_message_that_is_not_kept_any_more_cannot_be_replayed(start: Start) -> None:
    zekt = start(settings={"payload_retention": timedelta(days=1)})
    old_id = delivered(zekt)
    zekt.sql("UPDATE messages SET received_at = received_at - interval '2 days'")
    answer = replay(zekt, old_id)
    assert (answer.status_code, answer.json()["code"]) == (410, "payload_expired")
    zekt.sql("ALTER TABLE deliveries DROP CONSTRAINT deliveries_event_id_fkey")
    zekt.sql("TRUNCATE messages CASCADE")
    assert replay(zekt, old_id).json()["code"] == "payload_expired"
    assert len(zekt.deliveries()) == 1


def test_only_who_manages_the_broker_may_replay(zekt: Any) -> None:
    run, old_id = dispatched(zekt)
    for token in (run.token(), "not the admin token"):
        assert replay(zekt, old_id, token).json()["code"] == "admin_token_refused"
    assert (replay(zekt, "delivery-none").status_code, len(zekt.deliveries())) == (404, 1)


def test_the_command_replays_what_it_can_and_says_what_it_cannot(zekt: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ZEKT_DATABASE_URL", zekt.database_url)
    old_id = delivered(zekt)
    ran = CliRunner().invoke(app, ["replay", "delivery-none", old_id], catch_exceptions=False)
    (new_id,) = ran.stdout.split()
    assert ran.exit_code == 1
    assert "not_found: 'delivery-none': There is no such delivery." in ran.stderr
    assert zekt.until(new_id, "dispatched")["replayOf"] == old_id
    shown = CliRunner().invoke(app, ["deliveries", old_id]).stdout
    assert f"replayedAs  {new_id}" in shown
    assert "yes" in CliRunner().invoke(app, ["deliveries"]).stdout
    assert CliRunner().invoke(app, ["replay", old_id]).exit_code == 0
