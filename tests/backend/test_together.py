"""Deliveries whose jobs wake at the same moment share transactions, and none of them the others' trouble."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import pytest

from zekt_backend.broker import Broker
from zekt_backend.flows.deliver import Deliverer
from zekt_backend.rules import answers
from zekt_backend.rules.pace import Pace
from zekt_backend.rules.records import Answer
from zekt_backend.store import tries
from zekt_backend.store.database import many
from zekt_testing.clock import ManualClock, deliverer
from zekt_testing.crowd import add_to, crowd


@pytest.fixture
def zekt(start: Any) -> Any:
    """A broker without a worker; the apps 0, 2 and 4 are of installation 60, and 1, 3 and 5 of 61."""
    wanted = crowd(6, installations=2)
    zekt = start(work=False, wanted=wanted)
    add_to(zekt.github, wanted)
    return zekt


class Accepting:
    """GitHub accepts everything, once so many have asked that they must have gone out together."""

    def __init__(self, together: int) -> None:
        self._together, self._all_there = together, asyncio.Event()
        self.asked: list[str] = []

    async def __call__(self, _installation: int, repository: str, _body: dict[str, Any]) -> Answer:
        self.asked.append(repository)
        if len(self.asked) >= self._together:
            self._all_there.set()
        async with asyncio.timeout(20):
            await self._all_there.wait()
        return answers.from_response(204, {}, "", now=ManualClock().at)


def fan_out(zekt: Any) -> list[str]:
    zekt.github.finish_run(zekt.start_run())
    zekt.sql("UPDATE deliveries SET due_at = created_at - interval '1 hour'")
    return [str(id_) for (id_,) in zekt.sql("SELECT id FROM deliveries ORDER BY consumer_id")]


async def all_of(made: Deliverer, ids: list[str]) -> list[Any]:
    return await asyncio.gather(*(made.deliver(id_, job) for job, id_ in enumerate(ids, 1)), return_exceptions=True)


def statuses(zekt: Any) -> list[str]:
    return [status for (status,) in zekt.sql("SELECT status FROM deliveries ORDER BY consumer_id")]


async def test_all_are_dispatched_each_with_its_attempt_and_its_history(zekt: Any, broker: Broker) -> None:
    ids = fan_out(zekt)
    assert await all_of(deliverer(broker, send=Accepting(6)), ids) == [None] * 6
    assert statuses(zekt) == ["dispatched"] * 6
    assert zekt.sql("SELECT job_id FROM attempts WHERE accepted ORDER BY job_id") == [(n,) for n in range(1, 7)]
    for id_ in ids:
        facts = [line["fact"] for line in zekt.delivery(id_)["history"]]
        assert facts == ["created", "accepted"]


async def test_one_that_somebody_holds_keeps_none_of_the_others_waiting(zekt: Any, broker: Broker) -> None:
    ids = fan_out(zekt)
    with psycopg.connect(zekt.database_url) as other:
        other.execute("SELECT FROM deliveries WHERE id = %s FOR UPDATE", (ids[2],))
        made = deliverer(broker, send=Accepting(5))
        held = asyncio.create_task(made.deliver(ids[2], 7))
        assert await all_of(made, ids[:2] + ids[3:]) == [None] * 5
        assert not held.done()
    assert await held is None
    assert statuses(zekt) == ["dispatched"] * 6


async def test_one_that_may_not_go_is_refused_and_the_others_go(zekt: Any, broker: Broker) -> None:
    ids = fan_out(zekt)
    zekt.sql("UPDATE subscriptions SET status = 'revoked' WHERE repository_id = 5003")
    assert await all_of(deliverer(broker, send=Accepting(5)), ids) == [None] * 6
    assert statuses(zekt) == [*["dispatched"] * 3, "failed", *["dispatched"] * 2]


async def test_one_that_cannot_be_made_fails_alone(zekt: Any, broker: Broker) -> None:
    ids = fan_out(zekt)
    zekt.sql("ALTER TABLE deliveries DROP CONSTRAINT deliveries_event_id_fkey")
    zekt.sql("UPDATE deliveries SET event_id = 'event-nobody-knows' WHERE id = %s", ids[0])
    failed, *others = await all_of(deliverer(broker, send=Accepting(5)), ids)
    assert isinstance(failed, LookupError)
    assert others == [None] * 5
    assert statuses(zekt) == ["pending", *["dispatched"] * 5]


async def test_with_a_pace_one_of_each_installation_goes_at_once(zekt: Any, broker: Broker) -> None:
    ids, send = fan_out(zekt), Accepting(2)
    waits = await all_of(deliverer(broker, clock=ManualClock(), send=send, spacing=timedelta(seconds=1)), ids)
    assert len(send.asked) == 2
    assert sorted(wait for wait in waits if wait is not None) == [timedelta(seconds=n) for n in (1, 1, 2, 2)]
    busy = zekt.sql("SELECT busy_with, last_write_at > '-infinity' FROM installations WHERE id IN (60, 61)")
    assert busy == [(None, True)] * 2
    assert zekt.sql("SELECT installation_id FROM writes ORDER BY 1") == [(60,), (61,)]


async def test_two_jobs_that_wake_for_one_delivery_make_one_try(zekt: Any, broker: Broker) -> None:
    delivery_id, *_ = fan_out(zekt)
    send = Accepting(1)
    made = deliverer(broker, send=send)
    first, second = await asyncio.gather(made.deliver(delivery_id, 1), made.deliver(delivery_id, 2))
    assert None in (first, second)
    assert len(send.asked) == 1
    assert zekt.sql("SELECT count(*) FROM attempts") == [(1,)]


async def test_no_attempt_is_claimed_that_would_wait_for_its_way_to_github(zekt: Any, broker: Broker) -> None:
    ids, begun = fan_out(zekt), []

    async def send(*_: Any) -> Answer:
        begun.append(zekt.sql("SELECT count(*) FROM attempts WHERE finished_at IS NULL")[0][0])
        return answers.from_response(204, {}, "", now=ManualClock().at)

    assert await all_of(deliverer(broker, send=send, at_once=2), ids) == [None] * 6
    assert len(begun) == 6
    assert max(begun) <= 2 + 2, "those that are being written down have been answered"


async def test_no_table_is_read_from_end_to_end_although_all_were_empty_a_moment_ago(zekt: Any, broker: Broker) -> None:
    """The first plan is kept: of an empty table it would be to read it all, whatever is in it by then."""
    ids, pace, now = fan_out(zekt), Pace(timedelta(minutes=1), timedelta(0)), datetime.now(UTC)
    async with broker.work_db.transaction(undo=True) as tx:
        found = await tries.candidates(tx, ids, now=now, early=timedelta(0), pace=pace)
        assert len(found) == len(ids)
        await tries.start(tx, [tries.Start(id_, 1, None, 60, "turn") for id_ in ids], now, pace)
        answer = answers.from_response(204, {}, "", now=now)
        heard = [tries.Heard(id_, 1, 60, "turn", answer, "") for id_ in ids]
        assert len(await tries.accept(tx, heard, now, pace)) == len(ids)
        read = await many(tx, "SELECT relname, seq_scan FROM pg_stat_xact_user_tables WHERE seq_scan > 0")
    assert read == []
