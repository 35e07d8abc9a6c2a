"""Many deliveries are delivered once more: each once, in order, at a rate, and whoever dies meanwhile."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any

import psycopg
import pytest
import requests
from typer.testing import CliRunner

from zekt_backend.broker import Broker
from zekt_backend.cli import app
from zekt_backend.clock import SystemClock
from zekt_backend.flows.replay import Terms
from zekt_backend.flows.replay_many import go_on, rearm
from zekt_backend.flows.sweep import sweep
from zekt_backend.flows.tidy import REPLAYS_KEPT, tidy
from zekt_backend.ids import new_delivery_id
from zekt_backend.store import replays
from zekt_testing import described
from zekt_testing.broker import ADMIN_TOKEN
from zekt_testing.clock import ManualClock

Start = Callable[..., Any]
FAILED = "UPDATE deliveries SET status = 'failed', due_at = NULL, failure = 'not_found', completed_at = now()"


def ask(zekt: Any, path: str, method: str = "POST", body: Any = None, token: str = ADMIN_TOKEN) -> requests.Response:
    headers = {"Authorization": f"Bearer {token}"}
    hooks = {"response": described.check}
    return requests.request(
        method, f"{zekt.url}/api/replays{path}", json=body, headers=headers, timeout=30, hooks=hooks
    )


def failed(zekt: Any, number: int) -> list[str]:
    """The ids of so many deliveries that failed, the oldest first."""
    for n in range(number):
        run = zekt.start_run()
        assert zekt.send(run, {"n": n}).ok
        zekt.github.finish_run(run)
    zekt.until_sql(f"SELECT 1 FROM deliveries HAVING count(*) = {number}")
    zekt.sql("DELETE FROM pgqueuer")
    zekt.sql(FAILED)
    return [delivery_id for (delivery_id,) in zekt.sql("SELECT id FROM deliveries ORDER BY seq")]


def on(zekt: Any, work: Callable[[Broker], Awaitable[Any]]) -> Any:
    """Done as a worker of the test's own would."""

    async def main() -> Any:
        broker = Broker.build(zekt.settings, zekt.database_url, clock=ManualClock())
        await broker.open()
        try:
            return await work(broker)
        finally:
            await broker.close()

    return asyncio.run(main())


def step(broker: Broker, replay_id: int) -> Awaitable[timedelta | None]:
    terms = Terms(broker.timings, broker.settings.payload_retention)
    return go_on(
        replay_id,
        db=broker.work_db,
        clock=broker.clock,
        new_id=new_delivery_id,
        terms=terms,
        ask=broker.ask_role,
    )


def replayed(zekt: Any) -> list[tuple[str, int]]:
    """Every delivery that was replayed, and how often."""
    return zekt.sql("SELECT replay_of, count(*) FROM deliveries WHERE is_replay GROUP BY 1 ORDER BY min(seq)")  # type: ignore[no-any-return]


def test_what_failed_of_a_connection_is_replayed_in_order_and_each_once(start: Start) -> None:
    zekt = start(work=False)
    ids = failed(zekt, 3)
    wanted = {"connection": "infrastructure-orders@infra-team/platform", "perMinute": 1000}
    dry = ask(zekt, "", body={**wanted, "dryRun": True})
    assert (dry.status_code, dry.json()["id"], dry.json()["total"], dry.json()["minutes"]) == (200, None, 3, 1)
    assert replayed(zekt) == []
    begun = ask(zekt, "", body=wanted)
    assert begun.status_code == 202, begun.text
    number = begun.json()["id"]
    second = ask(zekt, "", body=wanted)
    assert (second.status_code, second.json()["code"]) == (409, "conflict")
    zekt.also_work()
    zekt.until_sql("SELECT 1 FROM replays WHERE ended_at IS NOT NULL")
    assert replayed(zekt) == [(delivery_id, 1) for delivery_id in ids]
    told = ask(zekt, f"/{number}", "GET").json()
    assert (told["total"], told["made"], told["refused"], told["left"], told["stopped"]) == (3, 3, 0, 0, False)
    assert {d.client_payload["zekt"]["payload"]["n"] for d in zekt.dispatched(3)} == {0, 1, 2}
    # What has been replayed is left out the next time, unless it is wanted again.
    assert ask(zekt, "", body={**wanted, "dryRun": True}).json()["total"] == 0
    assert ask(zekt, "", body={**wanted, "dryRun": True, "again": True}).json()["total"] == 3
    actions = [line["action"] for line in zekt.get("/api/audit")["audit"]]
    assert actions.count("delivery.replay") == 3
    assert actions.count("delivery.replay_many") == 1


def test_what_cannot_be_replayed_is_told_before_and_what_is_refused_after(start: Start) -> None:
    zekt = start(work=False)
    old, gone, fine = failed(zekt, 3)
    oldest = "SELECT event_id FROM messages ORDER BY seq LIMIT 1"
    zekt.sql(f"UPDATE messages SET received_at = now() - interval '91 days' WHERE event_id = ({oldest})")
    receipt = ask(zekt, "", body={"deliveries": [fine, gone, old], "perMinute": 1000}).json()
    assert receipt["total"] == 2
    (impossible,) = receipt["impossible"]
    assert (impossible["code"], impossible["deliveries"]) == ("payload_expired", [old])
    zekt.sql("DELETE FROM history WHERE delivery_id = %s", gone)
    zekt.sql("DELETE FROM deliveries WHERE id = %s", gone)
    on(zekt, lambda broker: step(broker, receipt["id"]))
    told = ask(zekt, f"/{receipt['id']}", "GET").json()
    assert (told["made"], told["refused"], told["left"]) == (1, 1, 0)
    assert [(each["deliveryId"], each["code"]) for each in told["refusals"]] == [(gone, "not_found")]
    assert replayed(zekt) == [(fine, 1)]


def test_two_workers_at_the_same_replay_make_none_twice(start: Start) -> None:
    zekt = start(work=False)
    ids = failed(zekt, 6)
    number = ask(zekt, "", body={"connection": 1, "perMinute": 1000}).json()["id"]

    async def both(broker: Broker) -> None:
        await asyncio.gather(*(step(broker, number) for _ in range(4)))

    on(zekt, both)
    assert sorted(replayed(zekt)) == sorted((delivery_id, 1) for delivery_id in ids)


def test_so_many_a_minute_and_no_more(start: Start) -> None:
    zekt = start(work=False)
    failed(zekt, 3)
    number = ask(zekt, "", body={"connection": 1, "perMinute": 4}).json()["id"]
    assert on(zekt, lambda broker: step(broker, number)) == timedelta(seconds=15)
    assert len(replayed(zekt)) == 1


def test_a_replay_whose_job_was_lost_goes_on_and_one_that_was_stopped_does_not(start: Start) -> None:
    zekt = start(work=False)
    failed(zekt, 3)
    number = ask(zekt, "", body={"connection": 1, "perMinute": 4}).json()["id"]
    on(zekt, lambda broker: step(broker, number))
    zekt.sql("DELETE FROM pgqueuer WHERE entrypoint = 'replay'")
    on(zekt, lambda broker: sweep(db=broker.work_db, clock=broker.clock))
    assert zekt.sql("SELECT count(*) FROM pgqueuer WHERE entrypoint = 'replay'") == [(1,)]
    stopped = ask(zekt, f"/{number}", "DELETE").json()
    assert (stopped["stopped"], stopped["why"], stopped["made"], stopped["left"]) == (True, None, 1, 2)
    assert on(zekt, lambda broker: step(broker, number)) is None
    assert on(zekt, lambda broker: broker.work_db.run(rearm)) == 0
    assert len(replayed(zekt)) == 1


def test_of_a_replay_that_was_stopped_nothing_stays_that_was_not_done(start: Start) -> None:
    """Whoever begins and stops in a loop leaves one small row each time, and no more."""
    zekt = start(work=False)
    failed(zekt, 3)
    for _ in range(3):
        number = ask(zekt, "", body={"connection": 1, "perMinute": 4}).json()["id"]
        assert ask(zekt, f"/{number}", "DELETE").json()["left"] == 3
    assert zekt.sql("SELECT count(*) FROM replay_items") == [(0,)]


def test_replays_are_forgotten_after_90_days_in_small_transactions(
    start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    zekt = start(work=False)
    monkeypatch.setattr("zekt_backend.flows.tidy.BATCH", 2)
    for days in (89, 91):
        zekt.sql(
            """WITH ended AS (INSERT INTO replays (actor, per_minute, total, created_at, ended_at)
                              SELECT 'operator', 4, 5, t, t FROM (SELECT now() - %s * interval '1 day') AS x (t)
                              RETURNING id)
               INSERT INTO replay_items (replay_id, position, delivery_id, done_at, code)
               SELECT id, n, 'delivery', now(), 'not_found' FROM ended, generate_series(1, 5) n""",
            days,
        )
    kept, _ = zekt.sql("SELECT id FROM replays ORDER BY id")

    async def first(broker: Broker) -> int:
        return await broker.work_db.run(lambda tx: replays.forget(tx, SystemClock().now() - REPLAYS_KEPT, 2))

    assert on(zekt, first) == 2
    on(zekt, lambda broker: tidy(db=broker.work_db, clock=SystemClock()))
    assert zekt.sql("SELECT id FROM replays") == [kept]
    assert zekt.sql("SELECT replay_id, count(*) FROM replay_items GROUP BY 1") == [(*kept, 5)]


def test_a_choice_that_takes_too_long_is_given_up(start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    """Among very many that were replayed before, say. Here somebody holds the table that is read for it."""
    zekt = start(work=False)
    failed(zekt, 1)
    monkeypatch.setattr("zekt_backend.flows.replay_many._LONGEST", 0.2)
    with psycopg.connect(zekt.database_url) as holder:
        holder.execute("LOCK TABLE messages IN ACCESS EXCLUSIVE MODE")
        answer = ask(zekt, "", body={"connection": 1})
    assert (answer.status_code, answer.json()["code"]) == (503, "query_too_long")
    assert ask(zekt, "", body={"connection": 1}).status_code == 202


def test_an_account_replays_what_is_its_own_within_the_broker_s_rate(start: Start) -> None:
    zekt = start(work=False, settings={"replays_per_minute": 7})
    (one,) = failed(zekt, 1)

    def token(account: str, scope: str = "manage") -> str:
        made = zekt.post("/api/tokens", ADMIN_TOKEN, {"account": account, "name": "x", "scope": scope})
        return str(made.json()["token"])

    reader, infra, shop = token("infra-team", "read"), token("infra-team"), token("shop-team")
    for body in ({"deliveries": [one]}, {"connection": 1}):
        assert ask(zekt, "", body=body, token=reader).json()["code"] == "not_yours"
    receipt = ask(zekt, "", body={"deliveries": [one], "perMinute": 900}, token=infra).json()
    assert (receipt["total"], receipt["perMinute"]) == (1, 7)
    assert ask(zekt, f"/{receipt['id']}", "GET", token=reader).status_code == 200
    assert ask(zekt, f"/{receipt['id']}", "GET", token=shop).json()["code"] == "not_yours"
    assert ask(zekt, f"/{receipt['id']}", "DELETE", token=reader).json()["code"] == "not_yours"
    assert ask(zekt, f"/{receipt['id']}", "DELETE", token=infra).json()["stopped"]
    zekt.sql("UPDATE subscriptions SET status = 'revoked'")
    refused = ask(zekt, "", body={"connection": 1}, token=infra)
    assert (refused.status_code, refused.json()["code"]) == (409, "replay_refused")


@pytest.mark.parametrize("body", [{}, {"deliveries": ["x"], "connection": 1}, {"connection": 1, "status": ["lost"]}])
def test_what_does_not_fit_is_refused(start: Start, body: dict[str, Any]) -> None:
    assert ask(start(work=False), "", body=body).json()["code"] == "body_invalid"


def test_the_command_tells_replays_and_prints_the_new_ids(start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    zekt = start(work=False)
    monkeypatch.setenv("ZEKT_DATABASE_URL", zekt.database_url)
    failed(zekt, 2)
    told = ["replay", "--connection", "infrastructure-orders@infra-team/platform", "--since", "1d", "--rate", "1000"]
    dry = CliRunner().invoke(app, [*told, "--dry-run"], catch_exceptions=False)
    assert (dry.exit_code, dry.stdout) == (0, "")
    assert "2 to replay, at 1000 a minute" in dry.stderr
    assert CliRunner().invoke(app, told).exit_code == 2
    assert replayed(zekt) == []
    zekt.also_work()
    done = CliRunner().invoke(app, [*told, "--yes"], catch_exceptions=False)
    new = zekt.sql("SELECT id FROM deliveries WHERE is_replay ORDER BY seq")
    assert (done.exit_code, done.stdout.split()) == (0, [delivery_id for (delivery_id,) in new])
    assert len(new) == 2
