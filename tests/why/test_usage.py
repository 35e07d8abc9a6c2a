"""`GET /api/usage` and `zekt usage`: what was used, by whom, and what it would cost."""

import asyncio
import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
import requests
from typer.testing import CliRunner

from zekt_backend.cli import app
from zekt_backend.errors import ZektError
from zekt_backend.flows.close_days import close_days
from zekt_backend.settings import Settings
from zekt_backend.store.database import Database
from zekt_testing.broker import ADMIN_TOKEN, ORDER
from zekt_testing.clock import ManualClock

Start = Callable[..., Any]
COUNTS = ("messages", "events", "blocked", "dispatches", "retries", "confirms", "completes", "bytes")


def used(zekt: Any, query: str = "") -> dict[str, tuple[int, ...]]:
    """Per account, all days together."""
    found: dict[str, tuple[int, ...]] = {}
    for row in zekt.get(f"/api/usage?{query}")["usage"]:
        counts = [row[name] for name in COUNTS]
        found[row["account"]] = tuple(map(sum, zip(found.get(row["account"], [0] * 8), counts, strict=True)))
    return found


def age(zekt: Any, days: int) -> None:
    """What happened, happened so many days before."""
    for table, column in (("messages", "received_at"), ("events", "received_at"), ("attempts", "started_at")):
        zekt.sql(f"UPDATE {table} SET {column} = {column} - make_interval(days => %s)", days)
    zekt.sql("UPDATE history SET at = at - make_interval(days => %s)", days)


def close(zekt: Any, clock: ManualClock) -> int:
    async def main() -> int:
        db = await Database(zekt.database_url, size=2).open()
        try:
            return await close_days(db=db, clock=clock)
        finally:
            await db.close()

    return asyncio.run(main())


def day(ago: int) -> str:
    return (datetime.now(UTC) - timedelta(days=ago)).date().isoformat()


def order(zekt: Any, payload: Any = None) -> Any:
    run = zekt.start_run()
    zekt.send(run, payload)
    zekt.github.finish_run(run)
    return run


def test_everything_is_counted_for_the_account_whose_workflow_caused_it(start: Start) -> None:
    zekt = start()
    zekt.github.faults.add(where="dispatch", kind="status", status=503)
    run = order(zekt, {"size": "large"})
    (dispatch,) = zekt.dispatched()
    delivery_id = dispatch.client_payload["zekt"]["deliveryId"]
    zekt.until(delivery_id, "dispatched")
    consumer = zekt.github.start_run_for(dispatch)
    zekt.confirm(consumer, correlationId=str(run.id), deliveryId=delivery_id)
    zekt.complete(consumer, correlationId=str(run.id), deliveryId=delivery_id)
    zekt.github.finish_run(consumer)
    zekt.github.finish_run(zekt.github.start_run("shop-team/orders", workflow=".github/workflows/other.yml"))
    bytes_ = len(json.dumps({"size": "large"}))
    assert used(zekt) == {
        "shop-team": (1, 2, 1, 1, 1, 1, 1, bytes_),
        # The end of the consumer's own run, which nobody has subscribed to.
        "infra-team": (0, 1, 1, 0, 0, 0, 0, 0),
    }
    by_workflow = zekt.get("/api/usage?by=workflow&account=Shop-Team")["usage"]
    assert [(row["repository"], row["workflowPath"], row["blocked"]) for row in by_workflow] == [
        ("shop-team/orders", ORDER, 0),
        ("shop-team/orders", ".github/workflows/other.yml", 1),
    ]


def test_it_costs_what_the_price_list_says_also_what_was_blocked(start: Start) -> None:
    prices = {
        "message": Decimal("0.5"),
        "event": Decimal("0.1"),
        "blocked": Decimal("0.003"),
        "gigabyte": Decimal(1000),
    }
    zekt = start(work=False, settings={"prices": prices, "currency": "CHF"})
    order(zekt, "x" * 98)
    zekt.github.finish_run(zekt.github.start_run("shop-team/orders", workflow=".github/workflows/other.yml"))
    told = zekt.get("/api/usage")
    assert told["currency"] == "CHF"
    (row,) = told["usage"]
    assert (row["cost"], row["blockedCost"]) == ("0.603100", "0.003000")
    assert told["total"]["cost"] == row["cost"]


def test_an_account_sees_what_it_used_itself(start: Start) -> None:
    zekt = start(work=False)
    order(zekt)
    for account, seen in (("shop-team", ["shop-team"]), ("infra-team", [])):
        made = zekt.post("/api/tokens", ADMIN_TOKEN, {"account": account, "name": "bill", "scope": "read"}).json()
        headers = {"Authorization": f"Bearer {made['token']}"}
        answer = requests.get(f"{zekt.url}/api/usage", headers=headers, timeout=10).json()
        assert [row["account"] for row in answer["usage"]] == seen
        for other in ({"shop-team", "infra-team"} - {account}) | {"nobody"}:
            refused = requests.get(f"{zekt.url}/api/usage?account={other}", headers=headers, timeout=10)
            assert (refused.status_code, refused.json()["code"]) == (403, "not_yours")


def test_a_closed_day_stays_as_it_was_whatever_is_deleted(start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    zekt = start(work=False)
    clock = ManualClock()
    clock.at = clock.at.replace(hour=12)
    order(zekt)
    age(zekt, 2)
    order(zekt)
    period = f"from={day(9)}"
    before = used(zekt, period)
    assert before["shop-team"][:2] == (2, 2)
    assert close(zekt, clock) == 2
    assert zekt.sql("SELECT count(*) FROM usage_closed") == [(2,)]
    assert used(zekt, period) == before
    assert close(zekt, clock) == 0
    # What of the open day is older than an hour was counted, too, where this runs in the morning.
    zekt.sql("TRUNCATE deliveries, decisions, messages, events, usage_open CASCADE")
    assert used(zekt, period)["shop-team"][:2] == (1, 1)
    (row,) = zekt.get(f"/api/usage?{period}")["usage"]
    assert row["day"] == day(2)
    monkeypatch.setenv("ZEKT_DATABASE_URL", zekt.database_url)
    shown = CliRunner().invoke(app, ["usage", "--from", day(9), "--json"], catch_exceptions=False)
    assert json.loads(shown.stdout)["usage"] == [row]
    table = CliRunner().invoke(app, ["usage", "--from", day(9), "--by", "workflow"], catch_exceptions=False).stdout
    assert "shop-team/orders" in table


def test_a_day_is_not_closed_before_its_last_answers_are_in(start: Start) -> None:
    zekt = start(work=False)
    order(zekt)
    clock = ManualClock()
    midnight = (clock.at + timedelta(days=1)).replace(hour=0, minute=0, second=0, microsecond=0)
    clock.at = midnight + timedelta(minutes=59)
    assert close(zekt, clock) == 0
    clock.at = midnight + timedelta(minutes=61)
    assert close(zekt, clock) == 1


def test_only_the_days_that_were_asked_for_count(start: Start) -> None:
    zekt = start(work=False)
    order(zekt)
    age(zekt, 3)
    assert used(zekt, f"from={day(3)}&to={day(3)}")["shop-team"][0] == 1
    assert used(zekt, f"from={day(2)}&to={day(0)}") == {}
    assert used(zekt, f"from={day(9)}&to={day(4)}") == {}


@pytest.mark.parametrize(
    ("query", "status", "code"),
    [
        ("from=2026-02-02&to=2026-02-01", 400, "body_invalid"),
        ("from=2020-01-01&to=2026-01-01", 400, "body_invalid"),
        ("from=0001-01-01", 400, "body_invalid"),
        ("to=yesterday", 400, "body_invalid"),
        ("by=hour", 400, "body_invalid"),
        ("since=1", 400, "body_invalid"),
        ("account=nobody", 404, "not_found"),
    ],
)
def test_a_question_that_does_not_fit_is_refused(start: Start, query: str, status: int, code: str) -> None:
    zekt = start(work=False)
    answer = requests.get(
        f"{zekt.url}/api/usage?{query}", headers={"Authorization": f"Bearer {ADMIN_TOKEN}"}, timeout=10
    )
    assert (answer.status_code, answer.json()["code"]) == (status, code)


def test_prices_are_read_exactly_and_refused_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ZEKT_PRICES", '{"message": 0.1, "gigabyte": 2}')
    assert Settings.load().prices == {"message": Decimal("0.1"), "gigabyte": Decimal(2)}
    for wrong in ('{"massage": 1}', '{"message": -1}', "[]", "{", '{"message": NaN}'):
        monkeypatch.setenv("ZEKT_PRICES", wrong)
        with pytest.raises(ZektError, match="ZEKT_PRICES"):
            Settings.load()


def test_a_count_that_takes_too_long_is_ended_and_says_what_to_do(start: Start) -> None:
    zekt = start(work=False)
    order(zekt)
    zekt.sql("ALTER TABLE usage_days RENAME TO usage_kept")
    # Of the days that are closed, each row now takes a minute to read.
    zekt.sql("INSERT INTO usage_closed (day) VALUES (current_date)")
    zekt.sql(
        f"INSERT INTO usage_kept (day, account_id, repository_id, workflow_path, {', '.join(COUNTS)})"
        f" SELECT current_date, account_id, id, ''{', 0' * len(COUNTS)} FROM repositories"
    )
    zekt.sql(
        "CREATE VIEW usage_days AS SELECT usage_kept.* FROM usage_kept,"
        " LATERAL (SELECT pg_sleep(60 + extract(day FROM day)) IS NULL AS woken) AS slow WHERE NOT slow.woken"
    )
    headers = {"Authorization": f"Bearer {ADMIN_TOKEN}"}
    answer = requests.get(f"{zekt.url}/api/usage", headers=headers, timeout=50)
    assert (answer.status_code, answer.json()["code"], answer.headers["retry-after"]) == (503, "query_too_long", "60")
