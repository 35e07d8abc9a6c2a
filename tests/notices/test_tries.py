"""Once a day and connection, at least once each, along a ladder: the flows, one step at a time."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from zekt_backend.broker import Broker
from zekt_backend.flows.gather_notices import gather
from zekt_backend.flows.notify import notify
from zekt_backend.flows.tidy import tidy
from zekt_backend.rules import backoff
from zekt_backend.rules.notices import Answered
from zekt_testing.broker import Zekt
from zekt_testing.clock import ManualClock


@pytest.fixture
def zekt(start: Callable[..., Zekt]) -> Zekt:
    """It does no jobs: the test does them."""
    return start(durable=False, work=False)


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
async def broker(zekt: Zekt, clock: ManualClock) -> AsyncIterator[Broker]:
    """On the same database, without jobs of its own, and with a clock that the test moves."""
    made = Broker.build(zekt.settings, zekt.database_url, clock=clock)
    await made.open()
    yield made
    await made.close()


def failed(zekt: Zekt, url: str, times: int = 1) -> None:
    """As if deliveries of one connection had failed, of which the consumer wants to be told."""
    zekt.sql(
        """INSERT INTO notice_settings (account_id, url) SELECT id, %s FROM accounts WHERE login = 'infra-team'
           ON CONFLICT DO NOTHING""",
        url,
    )
    if not zekt.deliveries():
        zekt.github.finish_run(zekt.start_run())
        zekt.sql("UPDATE deliveries SET status = 'failed', failure = 'not_found'")
    zekt.sql("INSERT INTO failures (delivery_id, at) SELECT id, now() FROM deliveries, generate_series(1, %s)", times)


async def test_whoever_gathers_at_the_same_moment_makes_one_notice_of_all(zekt: Zekt, broker: Broker) -> None:
    failed(zekt, "https://hooks.example/", times=1_200)
    db = broker.work_db
    made = await asyncio.gather(
        *(gather(db=db, now=broker.clock.now, base_url="https://zekt.example", slots=1) for _ in range(4))
    )
    assert sum(made) == 1
    assert zekt.sql("SELECT times FROM notices") == [(1_200,)]
    assert zekt.sql("SELECT count(*) FROM failures") == [(0,)]


async def test_the_next_day_it_is_told_again(zekt: Zekt, broker: Broker) -> None:
    failed(zekt, "https://hooks.example/")
    await broker.notifier.gather()
    failed(zekt, "https://hooks.example/")
    zekt.sql("UPDATE failures SET at = at + interval '1 day'")
    await broker.notifier.gather()
    assert zekt.sql("SELECT times FROM notices ORDER BY day") == [(1,), (1,)]


async def test_who_dies_between_sending_and_writing_is_followed_by_who_sends_the_same_again(
    zekt: Zekt, broker: Broker, clock: ManualClock, receiver: Any
) -> None:
    failed(zekt, receiver.url)
    await broker.notifier.gather()
    means = broker.notifier.means

    async def die(url: str, headers: Mapping[str, str], body: bytes) -> Answered:
        await means.post(url, headers, body)
        raise asyncio.CancelledError

    with pytest.raises(asyncio.CancelledError):
        await notify(replace(means, post=die))
    # Whoever has it is not dead yet, for all that anybody knows.
    assert await notify(means) is None
    clock.at += timedelta(minutes=2)
    assert await notify(means) == timedelta(0)
    first, again = receiver.letters
    assert first.headers["webhook-id"] == again.headers["webhook-id"]
    assert first.body == again.body
    assert zekt.sql("SELECT status, tries FROM notices") == [("sent", 1)]


async def test_what_is_not_taken_is_tried_along_the_ladder_and_given_up_at_its_end(
    zekt: Zekt, broker: Broker, clock: ManualClock, receiver: Any
) -> None:
    receiver.status = 500
    failed(zekt, receiver.url)
    await broker.notifier.gather()
    means = replace(broker.notifier.means, dice=lambda: 0.5)
    for rung in backoff.LADDER:
        assert await notify(means) == timedelta(0)
        assert await notify(means) is None
        clock.at += rung
    assert await notify(means) == timedelta(0)
    ((status, tries, answer),) = zekt.sql("SELECT status, tries, answer FROM notices")
    assert (status, tries, answer) == ("failed", len(backoff.LADDER) + 1, "Given up. HTTP 500")
    assert len({letter.headers["webhook-id"] for letter in receiver.letters}) == 1
    assert zekt.sql("SELECT failing FROM notice_settings") == [(len(backoff.LADDER) + 1,)]


async def test_a_receiver_that_asks_for_time_is_given_it(
    zekt: Zekt, broker: Broker, clock: ManualClock, receiver: Any
) -> None:
    receiver.answers, receiver.headers = [429], {"Retry-After": "600"}
    failed(zekt, receiver.url)
    await broker.notifier.gather()
    assert await broker.notifier.notify() == timedelta(0)
    clock.at += timedelta(seconds=599)
    assert await broker.notifier.notify() is None
    clock.at += timedelta(seconds=1)
    assert await broker.notifier.notify() == timedelta(0)
    assert zekt.sql("SELECT status FROM notices") == [("sent",)]
    assert zekt.sql("SELECT failing FROM notice_settings") == [(0,)]


async def test_a_receiver_that_is_gone_is_told_nothing_more_until_it_is_set_anew(
    zekt: Zekt, broker: Broker, receiver: Any, ask: Any, choose: Any
) -> None:
    receiver.answers = [410]
    failed(zekt, receiver.url)
    await broker.notifier.gather()
    await broker.notifier.notify()
    assert zekt.sql("SELECT status FROM notices") == [("failed",)]
    shown = ask("GET", "/api/accounts/infra-team/notices").json()
    assert shown["stoppedAt"] is not None
    line = ask("GET", "/api/audit?limit=1").json()["audit"][0]
    assert (line["action"], line["actor"], line["account"]) == ("notice.stop", "receiver", "infra-team")
    failed(zekt, receiver.url)
    zekt.sql("UPDATE failures SET at = at + interval '1 day'")
    await broker.notifier.gather()
    assert await broker.notifier.notify() is None
    assert len(receiver.letters) == 1
    assert choose("infra-team", url=receiver.url)["stoppedAt"] is None


async def test_an_account_that_is_both_sides_is_told_once_and_everything(
    zekt: Zekt, broker: Broker, receiver: Any
) -> None:
    zekt.sql("UPDATE services SET hide_provider = true")
    failed(zekt, receiver.url)
    zekt.sql("UPDATE repositories SET account_id = (SELECT account_id FROM repositories WHERE id = 2002)")
    assert await broker.notifier.gather() == 1
    await broker.notifier.notify()
    (letter,) = receiver.letters
    told = json.loads(letter.body)["data"]
    assert (told["side"], told["connection"]["provider"]) == ("provider", "shop-team/orders")


async def test_the_write_of_an_issue_takes_its_turn_among_the_installation_s(
    zekt: Zekt, broker: Broker, clock: ManualClock
) -> None:
    zekt.github.set_permissions("infra-team/platform", metadata="read", issues="write")
    failed(zekt, "https://hooks.example/")
    zekt.sql("UPDATE notice_settings SET url = NULL, issues_repository_id = 2002")
    await broker.notifier.gather()
    means = replace(broker.notifier.means, pace=replace(broker.pace, spacing=timedelta(seconds=1)))
    zekt.sql("UPDATE installations SET next_write_at = %s WHERE id = 52", clock.at + timedelta(seconds=5))
    assert await notify(means) == timedelta(0)
    assert await notify(means) is None
    clock.at += timedelta(seconds=5)
    zekt.sql("UPDATE installations SET busy_until = %s, busy_with = 'another'", clock.at + timedelta(seconds=30))
    assert await notify(means) == timedelta(0)
    assert zekt.github.issues("infra-team/platform") == []
    zekt.sql("UPDATE installations SET busy_until = '-infinity', busy_with = NULL")
    clock.at += timedelta(seconds=2)
    assert await notify(means) == timedelta(0)
    assert len(zekt.github.issues("infra-team/platform")) == 1
    assert zekt.sql("SELECT installation_id, at FROM writes") == [(52, clock.at)]


async def test_notices_are_forgotten_after_90_days(zekt: Zekt, broker: Broker, clock: ManualClock) -> None:
    failed(zekt, "https://hooks.example/")
    await broker.notifier.gather()
    clock.at += timedelta(days=89)
    await tidy(db=broker.work_db, clock=clock)
    assert zekt.sql("SELECT count(*) FROM notices") == [(1,)]
    clock.at += timedelta(days=2)
    await tidy(db=broker.work_db, clock=clock)
    assert zekt.sql("SELECT count(*) FROM notices") == [(0,)]
