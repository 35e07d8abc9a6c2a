"""What is older than it is kept is let go: bytes first, rows long after, nothing that is open, and nobody waits."""

import asyncio
import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import psycopg
import pytest
import requests
from typer.testing import CliRunner

from zekt_backend.cli import app
from zekt_backend.flows.close_days import close_days
from zekt_backend.flows.retain import Kept, retain
from zekt_backend.store.database import Database
from zekt_backend.store.retention import Gone
from zekt_testing.broker import ADMIN_TOKEN
from zekt_testing.clock import ManualClock
from zekt_testing.deliveries import decision_of, dispatched, ids

Start = Callable[..., Any]
LARGE = json.dumps("x" * 100_000).encode()
DAY = timedelta(days=1)


def later(zekt: Any, days: float, **how: Any) -> Gone:
    """A round, so many days from now."""
    clock = ManualClock()
    clock.at += days * DAY
    kept = Kept.of(zekt.settings)

    async def main() -> Gone:
        db = await Database(zekt.database_url, size=2).open()
        try:
            for _ in range(20):
                await close_days(db=db, clock=clock)
            return await retain(kept, db=db, clock=clock, **how)
        finally:
            await db.close()

    return asyncio.run(main())


def delivered(zekt: Any, raw: bytes = LARGE, status: str = "dispatched") -> tuple[Any, str]:
    """(the provider's run, the id of its delivery)."""
    before = len(zekt.deliveries())
    run = zekt.start_run()
    assert zekt.send(run, raw=raw, messageId=f"m-{run.id}").ok
    zekt.github.finish_run(run)
    zekt.until_sql(f"SELECT 1 FROM deliveries HAVING count(*) = {before + 1}")
    delivery_id = str(zekt.deliveries()[-1]["deliveryId"])
    zekt.until(delivery_id, status)
    return run, delivery_id


def fetched(zekt: Any, delivery_id: str) -> requests.Response:
    token = zekt.github.start_run("infra-team/platform").token()
    path = f"{zekt.url}/api/event-delivery/{delivery_id}/payload"
    return requests.get(path, headers={"Authorization": f"Bearer {token}"}, timeout=30)


def replayed(zekt: Any, delivery_id: str) -> requests.Response:
    headers = {"Authorization": f"Bearer {ADMIN_TOKEN}"}
    return requests.post(f"{zekt.url}/api/replay/{delivery_id}", headers=headers, timeout=30)


def test_a_fire_and_forget_message_can_be_fetched_until_it_says_and_not_for_much_longer(start: Start) -> None:
    zekt = start(durable=False)
    _, delivery_id = delivered(zekt)
    (dispatch,) = zekt.dispatched()
    ((left,),) = zekt.sql(
        "SELECT %s::timestamptz - dispatched_at FROM deliveries",
        dispatch.client_payload["zekt"]["payloadRef"]["expiresAt"],
    )
    assert timedelta(hours=23.9) < left <= timedelta(hours=24)
    assert later(zekt, 0.99) == Gone()
    assert fetched(zekt, delivery_id).content == LARGE
    assert later(zekt, 1.01) == Gone(payloads_dispatched=1, payload_bytes=len(LARGE))
    assert later(zekt, 1.02) == Gone()
    for answer in (fetched(zekt, delivery_id), replayed(zekt, delivery_id)):
        assert (answer.status_code, answer.json()["code"]) == (410, "payload_expired")
        assert "ZEKT_FLUSH_AFTER" in answer.json()["detail"]
    shown = zekt.delivery(delivery_id)
    assert (shown["payloadGone"], shown["payloadBytes"]) == ("dispatched", len(LARGE))
    assert zekt.sql("SELECT octet_length(payload), length(payload_sha256) FROM messages") == [(0, 64)]
    assert zekt.get("/api/usage")["usage"][0]["bytes"] == len(LARGE)


@pytest.mark.parametrize("status", ["failed", "pending"])
def test_a_message_that_somebody_has_not_got_stays(start: Start, status: str) -> None:
    zekt = start(durable=False)
    _, delivery_id = delivered(zekt)
    zekt.sql("UPDATE deliveries SET status = %s", status)
    assert later(zekt, 30).payloads_dispatched == 0
    zekt.sql("UPDATE deliveries SET status = 'failed', due_at = NULL")
    assert replayed(zekt, delivery_id).status_code == 202


def test_a_durable_message_stays_as_long_as_payloads_do_and_while_it_is_open(start: Start) -> None:
    zekt = start()
    run, delivery_id = dispatched(zekt)
    assert later(zekt, 89) == Gone()
    assert later(zekt, 91) == Gone()
    zekt.confirm(run, **ids(zekt, delivery_id))
    zekt.complete(run, **ids(zekt, delivery_id))
    assert later(zekt, 89) == Gone()
    assert later(zekt, 91).payloads_expired == 1
    answer = replayed(zekt, delivery_id)
    assert (answer.status_code, answer.json()["code"]) == (410, "payload_expired")
    assert "90 days" in answer.json()["detail"]
    assert zekt.delivery(delivery_id)["payloadGone"] == "retention"


def test_an_emptied_message_is_given_to_nobody_and_the_decision_says_why(start: Start) -> None:
    """Whoever subscribes later is owed it by a re-run of what failed."""
    zekt = start(durable=False)
    run, _ = delivered(zekt, raw=b'{"n": 1}')
    assert later(zekt, 2).payloads_dispatched == 1
    zekt.sql("UPDATE deliveries SET subscription_id = subscription_id")
    zekt.github.add_repository("infra-team/late", id=2099, installation_id=52)
    zekt.sql(
        """INSERT INTO repositories (id, account_id, installation_id, full_name, consumer)
           SELECT 2099, account_id, installation_id, 'infra-team/late', true FROM repositories WHERE id = 2002"""
    )
    zekt.sql("INSERT INTO subscriptions (service_id, repository_id, status) SELECT id, 2099, 'approved' FROM services")
    rerun = zekt.github.rerun(run)
    zekt.github.finish_run(rerun)
    zekt.until_sql("SELECT 1 FROM events HAVING count(*) = 2")
    ((_, reasons),) = decision_of(zekt, rerun)
    (late,) = [verdict for verdict in reasons["consumers"] if verdict["consumer"] == "infra-team/late"]
    ((message,),) = [late["messages"]]
    assert [(rule["name"], rule["passed"]) for rule in message["rules"]] == [("payload_expired", False)]
    assert zekt.deliveries(consumer="infra-team/late") == []


def test_a_delivery_whose_message_was_emptied_is_not_sent_without_it(start: Start) -> None:
    zekt = start(work=False)
    run = zekt.start_run()
    zekt.send(run, {"n": 1})
    zekt.github.finish_run(run)
    zekt.until_sql("SELECT 1 FROM deliveries")
    zekt.sql("UPDATE messages SET payload = '', flushed_at = now(), flushed_why = 'retention'")
    (waiting,) = zekt.deliveries()
    zekt.also_work()
    ended = zekt.until(waiting["deliveryId"], "failed")
    assert (ended["failure"], ended["attempts"]) == ("payload_expired", 0)
    assert zekt.github.dispatches() == []


def test_rows_go_when_they_are_old_and_ended_and_the_use_of_their_days_stays(start: Start) -> None:
    zekt = start()
    run, ended = dispatched(zekt)
    zekt.confirm(run, **ids(zekt, ended))
    zekt.complete(run, **ids(zekt, ended))
    assert replayed(zekt, ended).status_code == 202
    zekt.dispatched(2)
    zekt.until_sql("SELECT 1 FROM deliveries WHERE is_replay AND status = 'dispatched'")
    assert later(zekt, 395).deliveries == 0
    ((first,),) = zekt.sql("SELECT min(day)::text FROM usage_days")
    usage = zekt.get(f"/api/usage?from={first}&to={first}")
    gone = later(zekt, 397)
    # The replay waits for its confirmation: it stays, and with it what it refers to.
    assert (gone.deliveries, gone.events, gone.messages) == (1, 0, 0)
    assert zekt.sql("SELECT is_replay, replay_of FROM deliveries") == [(True, None)]
    zekt.sql("UPDATE deliveries SET status = 'failed', completed_at = created_at, due_at = NULL")
    gone = later(zekt, 397)
    assert (gone.deliveries, gone.events, gone.messages) == (1, 1, 1)
    for table in ("deliveries", "history", "attempts", "decisions", "events", "messages"):
        assert zekt.sql(f"SELECT count(*) FROM {table}") == [(0,)], table
    assert zekt.get(f"/api/usage?from={first}&to={first}") == usage
    assert zekt.sql("SELECT count(*) > 0 FROM audit") == [(True,)]


def test_batches_are_small_and_what_was_let_go_is_counted_once(start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    zekt = start(durable=False)
    for _ in range(5):
        delivered(zekt, raw=b"{}")
    monkeypatch.setenv("ZEKT_DATABASE_URL", zekt.database_url)
    due = zekt.get("/api/retention")["due"]
    assert due == {"payloads": 0, "deliveries": 0, "events": 0, "messages": 0}
    assert later(zekt, 2, batch=2) == Gone(payloads_dispatched=5, payload_bytes=10)
    assert later(zekt, 400, batch=2) == Gone(deliveries=5, events=5, messages=5)
    told = zekt.get("/api/retention")
    assert told["total"] == {
        "payloadsExpired": 0, "payloadsDispatched": 5, "payloadBytes": 10, "deliveries": 5, "events": 5, "messages": 5,
    }  # fmt: skip
    assert len(told["days"]) == 2
    shown = CliRunner().invoke(app, ["retention", "--json"], catch_exceptions=False)
    assert json.loads(shown.stdout)["total"] == told["total"]
    assert "Due now: 0 payloads" in CliRunner().invoke(app, ["retention", "--dry-run"], catch_exceptions=False).stdout


def test_nobody_waits_for_it_and_it_waits_for_nobody(start: Start) -> None:
    """A delivery or message that somebody holds is left for the next round; what is new comes in meanwhile."""
    zekt = start(durable=False)
    delivered(zekt, raw=b"{}")
    _, other = delivered(zekt, raw=b"[]")
    with psycopg.connect(zekt.database_url) as holding:
        holding.execute("SELECT 1 FROM messages ORDER BY seq LIMIT 1 FOR SHARE")
        assert later(zekt, 91).payloads_dispatched == 1
        holding.execute("SELECT 1 FROM deliveries WHERE id = %s FOR UPDATE", (other,))
        assert later(zekt, 397).deliveries == 1
        delivered(zekt, raw=b"{}")
    gone = later(zekt, 397)
    assert (gone.deliveries, gone.messages) == (2, 3)


def test_a_round_that_breaks_off_has_lost_nothing_and_the_next_one_goes_on(start: Start) -> None:
    zekt = start(durable=False)
    for _ in range(5):
        delivered(zekt, raw=b"{}")
    zekt.sql(
        """CREATE FUNCTION breaks() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'here'; END $$;
           CREATE TRIGGER breaks BEFORE DELETE ON deliveries FOR EACH ROW WHEN (OLD.seq = 4)
               EXECUTE FUNCTION breaks()"""
    )
    with pytest.raises(psycopg.errors.RaiseException):
        later(zekt, 397, batch=2)
    assert zekt.sql("SELECT min(seq), count(*) FROM deliveries") == [(3, 3)]
    assert zekt.sql("SELECT sum(deliveries), sum(payloads_dispatched) FROM retention_days") == [(2, 5)]
    zekt.sql("DROP TRIGGER breaks ON deliveries")
    assert later(zekt, 397, batch=2) == Gone(deliveries=3, events=5, messages=5)
