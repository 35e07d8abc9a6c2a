"""A connection that turns critical is told once, until it has recovered; and never twice on a day."""

import json
from collections.abc import AsyncIterator, Callable
from datetime import timedelta
from typing import Any

import pytest

from zekt_backend.broker import Broker
from zekt_testing.broker import Zekt
from zekt_testing.clock import ManualClock


@pytest.fixture
def zekt(start: Callable[..., Zekt]) -> Zekt:
    """It does no jobs: the test does them. One delivery is there, and went well."""
    quiet = start(durable=False, work=False)
    quiet.github.finish_run(quiet.start_run())
    quiet.sql("UPDATE deliveries SET status = 'dispatched', dispatched_at = now()")
    return quiet


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
async def broker(zekt: Zekt, clock: ManualClock, receiver: Any, choose: Any) -> AsyncIterator[Broker]:
    """On the same database; the consumer wants to be told."""
    choose("infra-team", url=receiver.url)
    made = Broker.build(zekt.settings, zekt.database_url, clock=clock)
    await made.open()
    yield made
    await made.close()


def critical(zekt: Zekt, *, well: bool = False) -> None:
    zekt.sql("UPDATE deliveries SET status = %s, failure = 'unavailable'", "dispatched" if well else "failed")


async def test_it_is_told_when_it_turns_and_not_again_while_it_stays_so(
    zekt: Zekt, broker: Broker, clock: ManualClock, receiver: Any
) -> None:
    notifier = broker.notifier
    assert await notifier.tell_critical() == 0
    critical(zekt)
    assert await notifier.tell_critical() == 1
    await notifier.notify()
    (letter,) = receiver.letters
    told = json.loads(letter.body)
    assert (told["type"], told["data"]["connection"]["health"]) == ("connection.critical", "critical")
    assert {name: told["data"]["last24Hours"][name] for name in ("successRate", "total", "failed")} == {
        "successRate": 0.0,
        "total": 1,
        "failed": 1,
    }
    assert await notifier.tell_critical() == 0
    clock.at += timedelta(hours=22)
    assert await notifier.tell_critical() == 0
    assert zekt.sql("SELECT kind, times FROM notices") == [("connection.critical", 1)]


async def test_one_that_has_recovered_is_told_again_when_it_turns_on_another_day(
    zekt: Zekt, broker: Broker, clock: ManualClock
) -> None:
    notifier = broker.notifier
    for well, new in ((False, 1), (True, 0), (False, 0), (True, 0)):
        critical(zekt, well=well)
        assert await notifier.tell_critical() == new
    clock.at += timedelta(days=1)
    zekt.sql("UPDATE deliveries SET created_at = created_at + interval '1 day'")
    critical(zekt)
    assert await notifier.tell_critical() == 1


async def test_where_the_day_s_notice_has_gone_it_is_told_the_next_day_if_it_is_critical_then(
    zekt: Zekt, broker: Broker, clock: ManualClock
) -> None:
    notifier = broker.notifier
    zekt.sql(
        """INSERT INTO notices (id, account_id, channel, subscription_id, day, kind, body, status, created_at)
           SELECT 'notice-1', account_id, 'webhook', 1, %s, 'delivery.failed', '{}', 'sent', now()
           FROM notice_settings""",
        clock.at.date(),
    )
    critical(zekt)
    assert await notifier.tell_critical() == 0
    assert zekt.sql("SELECT times FROM notices") == [(1,)]
    clock.at += timedelta(days=1)
    zekt.sql("UPDATE deliveries SET created_at = created_at + interval '1 day'")
    assert await notifier.tell_critical() == 1


async def test_a_failure_that_told_so_has_told_it(zekt: Zekt, broker: Broker, clock: ManualClock) -> None:
    critical(zekt)
    zekt.sql("INSERT INTO failures (delivery_id, at) SELECT id, %s FROM deliveries", clock.at)
    assert await broker.notifier.gather() == 1
    ((body,),) = zekt.sql("SELECT body FROM notices")
    assert json.loads(body)["data"]["connection"]["health"] == "critical"
    clock.at += timedelta(hours=20)
    assert await broker.notifier.tell_critical() == 0


async def test_a_consumer_learns_nothing_of_a_provider_who_hides(zekt: Zekt, broker: Broker) -> None:
    zekt.sql("UPDATE services SET hide_provider = true")
    critical(zekt)
    assert await broker.notifier.tell_critical() == 1
    ((body,),) = zekt.sql("SELECT body FROM notices")
    assert "shop-team" not in body


async def test_many_are_looked_at_in_batches_wherever_the_round_begins(zekt: Zekt, broker: Broker) -> None:
    zekt.sql(
        """INSERT INTO repositories (id, account_id, full_name, installation_id)
           SELECT 5000 + n, account_id, 'infra-team/r' || n, 52 FROM repositories, generate_series(1, 250) n
           WHERE id = 2002"""
    )
    zekt.sql(
        """INSERT INTO subscriptions (service_id, repository_id, status)
           SELECT s.service_id, 5000 + n, 'approved' FROM subscriptions s, generate_series(1, 250) n"""
    )
    zekt.sql(
        """INSERT INTO deliveries (id, subscription_id, provider_id, provider, consumer_id, consumer, installation_id,
               correlation_id, event_guid, event_type, envelope, late, durable, confirm_timeout, complete_timeout,
               max_dispatches, status, created_at)
           SELECT 'delivery-' || s.id, s.id, d.provider_id, d.provider, s.repository_id, 'x/y', 52, '1', d.event_guid,
               'x', d.envelope, false, false, d.confirm_timeout, d.complete_timeout, 5, 'failed', now()
           FROM subscriptions s, deliveries d WHERE s.id > 1"""
    )
    assert await broker.notifier.tell_critical() == 250
    assert await broker.notifier.tell_critical() == 0
