"""What this process has seen: counted once, when it is committed, and not before."""

import asyncio
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from zekt_backend.insight.metrics import OUTCOMES
from zekt_backend.rules import answers, backoff
from zekt_backend.rules.happenings import Happening, Made
from zekt_backend.store.database import Database, Tx
from zekt_testing.broker import Running

Start = Callable[..., Any]


@pytest.fixture(autouse=True)
def steep_ladder(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(backoff, "LADDER", (timedelta(seconds=0.1),) * 8)


def test_a_delivery_that_goes_all_the_way_is_counted_at_each_step(zekt: Any, scrape: Any, deliver: Any) -> None:
    zekt.github.faults.add(where="dispatch", kind="status", status=502, times=2)
    delivery_id = deliver(zekt)
    (dispatch,) = zekt.dispatched()
    run = zekt.github.start_run_for(dispatch)
    zekt.until(delivery_id, "dispatched")
    ids = {"correlationId": dispatch.client_payload["zekt"]["correlationId"], "deliveryId": delivery_id}
    assert zekt.confirm(run, **ids).ok
    assert zekt.complete(run, **ids).ok
    page = scrape(zekt)
    assert page.all("zekt_attempts_total", "outcome") == {"unavailable": 2, "accepted": 1}
    assert page.all("zekt_deliveries_total", "status") == {
        "pending": 1, "dispatched": 1, "confirmed": 1, "completed": 1,
    }  # fmt: skip
    assert page("zekt_github_answer_seconds_count") == 3
    assert page("zekt_dispatch_seconds_count") == 1
    assert page("zekt_pacing_wait_seconds_count") == 1
    assert page.all("zekt_webhook_seconds_count", "outcome") == {"delivered": 1}
    assert page.all("zekt_message_seconds_count", "outcome") == {"stored": 1}


def test_a_delivery_that_fails_is_counted_with_why(zekt: Any, scrape: Any, deliver: Any) -> None:
    zekt.github.faults.add(where="dispatch", kind="status", status=404, times=None)
    zekt.until(deliver(zekt), "failed")
    page = scrape(zekt)
    assert page.all("zekt_delivery_failures_total", "failure") == {"not_found": 1}
    assert page.all("zekt_attempts_total", "outcome") == {"not_found": 1}
    assert page("zekt_deliveries_total", status="failed") == 1
    assert page("zekt_dispatch_seconds_count") == 0


def test_a_connection_that_breaks_is_an_attempt_with_an_outcome(zekt: Any, scrape: Any, deliver: Any) -> None:
    zekt.github.faults.add(where="dispatch", kind="cut")
    zekt.until(deliver(zekt), "dispatched")
    assert scrape(zekt).all("zekt_attempts_total", "outcome") == {"network": 1, "accepted": 1}


def test_messages_and_webhooks_are_counted_by_what_became_of_them(start: Start, scrape: Any) -> None:
    zekt = start(work=False)
    run = zekt.start_run()
    assert zekt.send(run, messageId="m").status_code == 202
    assert zekt.send(run, messageId="m").status_code == 200
    assert zekt.send(run, eventType="").status_code == 400
    zekt.github.finish_run(run)
    assert zekt.send(run, messageId="late").status_code == 202
    zekt.github.send_event("workflow_run", {"action": "requested"}, "shop-team/orders")
    zekt.post("/api/github/webhooks", "x", {})
    page = scrape(zekt)
    assert page.all("zekt_message_seconds_count", "outcome") == {"stored": 1, "duplicate": 1, "refused": 1, "late": 1}
    assert page.all("zekt_webhook_seconds_count", "outcome") == {"delivered": 1, "ignored": 1, "refused": 1}
    assert page.all("zekt_refusals_total", "code") == {"event_type_invalid": 1, "webhook_headers_missing": 1}


def test_a_bug_is_counted_as_failed_and_not_as_refused(start: Start, scrape: Any) -> None:
    zekt = start(work=False)
    zekt.sql("ALTER TABLE messages ADD CONSTRAINT never CHECK (false) NOT VALID")
    assert zekt.send(zekt.start_run()).status_code == 500
    page = scrape(zekt)
    assert page.all("zekt_message_seconds_count", "outcome") == {"failed": 1}
    assert page.all("zekt_refusals_total", "code") == {"internal": 1}


def test_two_brokers_in_one_process_count_for_themselves(start: Start, scrape: Any) -> None:
    zekt = start(work=False)
    other = Running(zekt.settings, zekt.database_url, work=False)
    assert other.broker is not None
    try:
        assert zekt.send(zekt.start_run()).status_code == 202
        assert scrape(zekt)("zekt_message_seconds_count", outcome="stored") == 1
        assert scrape(other.broker.settings.address)("zekt_message_seconds_count", outcome="stored") == 0
    finally:
        other.stop()


def test_what_is_rolled_back_is_told_to_nobody(new_database: Callable[[], str]) -> None:
    heard: list[Happening] = []

    async def make(tx: Tx) -> None:
        tx.happenings.append(Made(1))

    async def fail(tx: Tx) -> None:
        await make(tx)
        raise RuntimeError

    async def go_back(tx: Tx) -> None:
        tx.happenings.append(Made(2))
        with pytest.raises(RuntimeError):
            async with tx.transaction():
                await fail(tx)
        async with tx.transaction():
            tx.happenings.append(Made(3))

    async def check() -> None:
        db = await Database(new_database(), size=2, tell=heard.append).open()
        try:
            with pytest.raises(RuntimeError):
                await db.run(fail)
            await db.run(make, undo=True)
            assert heard == []
            await db.run(make)
            assert heard == [Made(1)]
            await db.run(go_back)
            assert heard == [Made(1), Made(2), Made(3)]
        finally:
            await db.close()

    asyncio.run(check())


def test_every_outcome_is_there_from_the_start() -> None:
    tables = [vars(answers)[name] for name in ("_BY_STATUS", "_FAILURES")]
    meanings = [m for table in tables for m in table.values()]
    meanings += [m for m in vars(answers).values() if isinstance(m, type(meanings[0]))]
    assert {m.category for m in meanings} == set(OUTCOMES)
