"""A token of a run is good for one request: whoever copies it can do nothing new with it."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import requests

from zekt_backend.flows.tidy import tidy
from zekt_backend.rules.records import SignedClaims
from zekt_backend.store import tokens
from zekt_backend.store.database import Database, one
from zekt_testing.deliveries import dispatched, ids

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
CLAIMS = SignedClaims(
    issuer="https://issuer.example",
    repository="shop-team/orders",
    repository_id=1001,
    run_id=7,
    run_attempt=1,
    workflow_path=".github/workflows/order.yml",
    ref="refs/heads/main",
    sha="0" * 40,
    event_name="push",
    actor="octocat",
    token_id="9f3a",
    expires_at=NOW + timedelta(seconds=300),
)
ONE, OTHER = b"1" * 32, b"2" * 32


def message(number: int) -> bytes:
    return json.dumps({"eventType": "order", "payload": number}).encode()


def code(answer: requests.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["code"]


def fetch(zekt: Any, delivery_id: str, token: str) -> requests.Response:
    url = f"{zekt.url}/api/event-delivery/{delivery_id}/payload"
    return requests.get(url, headers={"Authorization": f"Bearer {token}"}, timeout=10)


def test_a_token_that_brought_one_message_brings_no_other(zekt: Any) -> None:
    token = zekt.start_run().token()
    assert zekt.post("/api/events/receive", token, message(1)).status_code == 202
    answer = zekt.post("/api/events/receive", token, message(2))
    assert code(answer) == (401, "token_replayed")
    assert "fresh" in answer.json()["detail"]
    assert zekt.sql("SELECT payload FROM messages") == [(b"1",)]


def test_the_very_same_request_again_is_a_retry(zekt: Any) -> None:
    token = zekt.start_run().token()
    first, second = (zekt.post("/api/events/receive", token, message(1)) for _ in range(2))
    assert (first.status_code, second.status_code) == (202, 200)
    assert first.json()["eventId"] == second.json()["eventId"]


def test_a_token_that_confirmed_may_neither_complete_nor_fetch(zekt: Any) -> None:
    run, delivery_id = dispatched(zekt)
    token, body = run.token(), ids(zekt, delivery_id)
    for _ in range(2):
        assert zekt.post("/api/event-delivery/confirm", token, body).status_code == 200
    completing = zekt.post("/api/event-delivery/complete", token, {**body, "success": False})
    assert code(completing) == (401, "token_replayed")
    assert code(fetch(zekt, delivery_id, token)) == (401, "token_replayed")
    assert zekt.delivery(delivery_id)["status"] == "confirmed"


def test_a_token_that_fetched_one_message_fetches_no_other_and_confirms_nothing(zekt: Any) -> None:
    (run, first), (_, second) = dispatched(zekt), dispatched(zekt)
    token = run.token()
    for _ in range(2):
        assert fetch(zekt, first, token).status_code == 200
    assert code(fetch(zekt, second, token)) == (401, "token_replayed")
    confirming = zekt.post("/api/event-delivery/confirm", token, ids(zekt, first))
    assert code(confirming) == (401, "token_replayed")
    assert zekt.delivery(first)["status"] == "dispatched"


def test_a_refused_request_does_not_use_its_token_up(zekt: Any) -> None:
    run = zekt.start_run()
    token = run.token()
    wrong = json.dumps({"eventType": "order", "payload": 1, "workflowRunId": "1"}).encode()
    assert code(zekt.post("/api/events/receive", token, wrong)) == (403, "claims_mismatch")
    nowhere = {"correlationId": "1", "deliveryId": "delivery-of-nobody"}
    assert code(zekt.post("/api/event-delivery/confirm", token, nowhere)) == (403, "not_yours")
    assert zekt.sql("SELECT * FROM used_tokens") == []
    assert zekt.post("/api/events/receive", token, message(1)).status_code == 202


def test_the_tokens_of_strangers_are_not_kept(zekt: Any) -> None:
    token = zekt.start_run().token(repository_id="999999")
    assert code(zekt.post("/api/events/receive", token, message(1))) == (403, "not_yours")
    assert zekt.sql("SELECT * FROM used_tokens") == []


@pytest.mark.parametrize("jti", [None, "", 7, ["x"], "x" * 2_001])
def test_a_token_without_an_id_is_refused(zekt: Any, jti: Any) -> None:
    answer = zekt.post("/api/events/receive", zekt.start_run().token(jti=jti), message(1))
    assert code(answer) == (401, "token_claims")
    assert "jti" in answer.json()["detail"]


def test_of_many_uses_at_the_same_moment_one_wins(zekt: Any) -> None:
    run = zekt.start_run()
    for _ in range(3):
        before = len(zekt.sql("SELECT FROM messages"))
        token = run.token()
        with ThreadPoolExecutor(6) as pool:
            answers = list(pool.map(lambda n, t=token: zekt.post("/api/events/receive", t, message(n)), range(6)))
        assert sorted(answer.status_code for answer in answers) in ([202] + [401] * 5, [200] + [401] * 5)
        assert len(zekt.sql("SELECT FROM messages")) <= before + 1


class _RegretError(Exception):
    """Rolls a transaction back."""


class _Frozen:
    def now(self) -> datetime:
        return NOW


@pytest.fixture
async def db(new_database: Callable[[], str]) -> AsyncIterator[Database]:
    opened = await Database(new_database(), size=4).open()
    yield opened
    await opened.close()


async def _until_blocked(db: Database) -> None:
    """Somebody waits for somebody else's transaction; asked 50 times a second."""
    for _ in range(500):
        async with db.reading() as connection:
            if await one(connection, "SELECT 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock'"):
                return
        await asyncio.sleep(0.02)
    raise AssertionError("nobody waits")


@pytest.mark.parametrize(
    ("committed", "purpose", "passes"), [(True, OTHER, False), (True, ONE, True), (False, OTHER, True)]
)
async def test_a_second_use_waits_for_the_first_and_follows_its_end(
    db: Database, committed: bool, purpose: bytes, passes: bool
) -> None:
    async with db.transaction() as second:
        with suppress(_RegretError):
            async with db.transaction() as first:
                assert await tokens.use(first, CLAIMS, ONE)
                waiting = asyncio.create_task(tokens.use(second, CLAIMS, purpose))
                await _until_blocked(db)
                if not committed:
                    raise _RegretError
        assert await waiting is passes


async def test_an_id_is_its_issuers_own(db: Database) -> None:
    async with db.transaction() as tx:
        assert await tokens.use(tx, CLAIMS, ONE)
        assert await tokens.use(tx, replace(CLAIMS, issuer="https://issuer.example/enterprise"), OTHER)
        assert await tokens.use(tx, replace(CLAIMS, token_id="9f3b"), OTHER)
        assert not await tokens.use(tx, CLAIMS, OTHER)


async def test_tidying_forgets_tokens_that_expired_and_no_others(db: Database) -> None:
    expiries = {"long ago": -86_400, "a while ago": -61, "within the leeway": -5, "now": 0, "valid": 300}
    async with db.transaction() as tx:
        for name, seconds in expiries.items():
            token = replace(CLAIMS, token_id=name, expires_at=NOW + timedelta(seconds=seconds))
            assert await tokens.use(tx, token, ONE)
    assert await tidy(db=db, clock=_Frozen()) == 2
    async with db.transaction() as tx:
        forgotten = {name for name in expiries if await tokens.use(tx, replace(CLAIMS, token_id=name), OTHER)}
    assert forgotten == {"long ago", "a while ago"}
