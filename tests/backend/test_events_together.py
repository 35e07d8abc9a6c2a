"""Events that come at the same time are stored in one transaction, and give what they give one after the other."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from itertools import pairwise
from typing import Any

import psycopg
import pytest

from zekt_backend.broker import Broker
from zekt_backend.flows.receive_event import EventReceipt, receive_event, receive_events, together
from zekt_backend.ids import new_delivery_id
from zekt_backend.store import runs
from zekt_testing.broker import settings_for
from zekt_testing.clock import ManualClock
from zekt_testing.ends import ended

SPACING = timedelta(seconds=1)


@pytest.fixture
def zekt(start: Any) -> Any:
    """A broker whose jobs nobody works off."""
    return start(work=False)


@pytest.fixture
async def broker(zekt: Any) -> AsyncIterator[Broker]:
    made = Broker.build(settings_for(zekt.github, dispatch_spacing=SPACING), zekt.database_url, clock=ManualClock())
    await made.open()
    yield made
    await made.close()


@pytest.fixture
def means(broker: Broker) -> dict[str, Any]:
    return {"db": broker.db, "clock": broker.clock, "new_id": new_delivery_id, "timings": broker.timings}


def outcomes(zekt: Any) -> Any:
    return zekt.sql(
        """SELECT e.guid, d.outcome, d.reasons, array(
               SELECT (x.event_id, x.installation_id, x.consumer, x.status, x.envelope - 'deliveryId', h.fact, h.detail,
                       x.due_at - x.created_at, j.execute_after IS NOT NULL)::text
               FROM deliveries x JOIN history h ON h.delivery_id = x.id
               JOIN pgqueuer j ON j.payload = convert_to(x.id, 'UTF8')
               WHERE x.event_guid = e.guid ORDER BY x.seq)
           FROM events e JOIN decisions d ON d.event_guid = e.guid ORDER BY e.run_id"""
    )


async def test_together_they_give_what_they_give_one_after_the_other(zekt: Any, means: dict[str, Any]) -> None:
    runs = [zekt.start_run() for _ in range(4)]
    zekt.send(runs[1], {"of": "one"}, messageId="a")
    zekt.send(runs[1], {"of": "two"}, messageId="b")
    elsewhere = zekt.github.start_run("shop-team/orders", workflow=".github/workflows/other.yml")
    ends = [ended(run) for run in (*runs, elsewhere)]
    ends[2] = replace(ends[2], workflow_path=None)

    alone = [await receive_event(end, **means) for end in ends]
    one_by_one = outcomes(zekt)
    zekt.sql("TRUNCATE events, deliveries, decisions, history, pgqueuer CASCADE")
    zekt.sql("UPDATE installations SET next_write_at = '-infinity'")

    assert await receive_events(ends, **means) == alone
    assert outcomes(zekt) == one_by_one
    assert [receipt.deliveries for receipt in alone] == [1, 2, 0, 1, 0]
    slots = [row[0] for row in zekt.sql("SELECT due_at FROM deliveries ORDER BY seq")]
    assert [later - earlier for earlier, later in pairwise(slots)] == [SPACING] * 3


async def test_what_was_stored_before_is_a_duplicate_among_new_ones(zekt: Any, means: dict[str, Any]) -> None:
    ends = [ended(zekt.start_run()) for _ in range(3)]
    await receive_event(ends[1], **means)
    assert [receipt.duplicate for receipt in await receive_events(ends, **means)] == [False, True, False]
    assert [receipt.duplicate for receipt in await receive_events(ends, **means)] == [True] * 3
    assert zekt.sql("SELECT count(*) FROM deliveries") == [(3,)]


async def test_an_event_and_its_twin_and_its_next_attempt_at_once_give_one_delivery_each(
    zekt: Any, means: dict[str, Any]
) -> None:
    run = zekt.start_run()
    zekt.send(run, {"of": "the first attempt"}, messageId="a")
    first = ended(run)
    second = replace(first, guid="the-second", key=replace(first.key, run_attempt=2))
    ask = together(**means)
    *twins, later = await asyncio.gather(
        ask(first), ask(first), ask(replace(first, guid="by-another-hook")), ask(second)
    )
    # Which of them comes first is nobody's promise.
    assert sorted(receipt.duplicate for receipt in twins) == [False, True, True]
    assert (sum(receipt.deliveries for receipt in twins), later.deliveries, later.duplicate) == (1, 1, False)
    # The second attempt sent nothing new: what is given with one of them is not given with the other.
    carried = zekt.sql("SELECT event_id IS NOT NULL FROM deliveries")
    assert sorted(carried) == [(False,), (True,)]


async def test_each_of_several_ends_what_its_own_run_confirmed(zekt: Any, means: dict[str, Any]) -> None:
    for _ in range(2):
        zekt.github.finish_run(zekt.start_run())
    found = [row[0] for row in zekt.sql("SELECT id FROM deliveries ORDER BY seq")]
    runs = [zekt.github.start_run("infra-team/platform") for _ in found]
    for delivery_id, run in zip(found, runs, strict=True):
        zekt.sql(
            """UPDATE deliveries SET status = 'confirmed', attempt = 1, consumer_run_id = %s, consumer_run_attempt = 1
               WHERE id = %s""",
            run.id,
            delivery_id,
        )
    ends = [ended(runs[0]), ended(zekt.start_run()), ended(runs[1], "failure")]
    assert [receipt.ended for receipt in await receive_events(ends, **means)] == [1, 0, 1]
    assert [zekt.delivery(id_)["status"] for id_ in found] == ["completed", "failed"]


async def test_one_that_cannot_be_stored_spoils_nothing_for_its_neighbours(zekt: Any, means: dict[str, Any]) -> None:
    ends = [ended(zekt.start_run()) for _ in range(3)]
    ends[1] = replace(ends[1], head_sha="no column holds a \0")
    ask = together(**means)
    one, two, three = await asyncio.gather(*map(ask, ends), return_exceptions=True)
    assert isinstance(two, psycopg.DataError)
    assert isinstance(one, EventReceipt)
    assert isinstance(three, EventReceipt)
    assert zekt.sql("SELECT guid FROM events ORDER BY run_id") == [(ends[0].guid,), (ends[2].guid,)]


async def test_one_that_somebody_holds_up_does_not_hold_up_its_neighbours(zekt: Any, means: dict[str, Any]) -> None:
    ends = [ended(zekt.start_run()) for _ in range(3)]
    ask = together(**means)
    async with await psycopg.AsyncConnection.connect(zekt.database_url) as holding:
        await holding.execute(
            "SELECT pg_advisory_lock(hashtextextended(%s, 0))",
            (f"run:{ends[1].key.repository_id}:{ends[1].key.run_id}",),
        )
        one, two, three = (asyncio.create_task(ask(end)) for end in ends)
        assert (await one).deliveries == (await three).deliveries == 1
        assert not two.done()
    assert (await two).deliveries == 1


async def test_nothing_is_stored_before_the_turns_of_all_are_taken(zekt: Any, means: dict[str, Any]) -> None:
    ends = [ended(zekt.start_run()) for _ in range(3)]
    async with await psycopg.AsyncConnection.connect(zekt.database_url, autocommit=True) as holding:
        key = max(ends, key=lambda end: end.key.run_id).key
        turn = f"run:{key.repository_id}:{key.run_id}"
        await holding.execute("SELECT pg_advisory_lock(hashtextextended(%s, 0))", (turn,))
        receiving = asyncio.create_task(receive_events(ends, **means))
        await asyncio.to_thread(zekt.until_sql, "SELECT 1 FROM pg_locks WHERE locktype = 'advisory' AND NOT granted")
        # Whoever stores the same meanwhile waits for nobody: nothing of it is there yet, seen or unseen.
        await holding.execute("SET lock_timeout = '100ms'")
        async with holding.transaction(force_rollback=True):
            await holding.execute(
                """INSERT INTO events (guid, repository_id, repository, run_id, run_attempt, workflow_name, head_sha,
                       event, actor, html_url, received_at)
                   SELECT guid, 1, '', 1, row_number() OVER (), '', '', '', '', '', now()
                   FROM unnest(%s::text[]) AS guid""",
                ([end.guid for end in ends],),
            )
        await holding.execute("SELECT pg_advisory_unlock_all()")
        assert [receipt.deliveries for receipt in await receiving] == [1, 1, 1]


async def test_bytes_that_are_let_go_while_their_run_ends_are_seen_as_gone(zekt: Any, broker: Broker) -> None:
    run = zekt.start_run()
    zekt.send(run, {"of": "the run"}, messageId="a")

    async def ask() -> Any:
        async with broker.db.transaction() as tx:
            return (await runs.pasts(tx, [ended(run).key]))[ended(run).key].sent

    async with await psycopg.AsyncConnection.connect(zekt.database_url) as flushing:
        await flushing.execute("UPDATE messages SET payload = '', flushed_at = now(), flushed_why = 'retention'")
        asking = asyncio.create_task(ask())
        await asyncio.to_thread(zekt.until_sql, "SELECT 1 FROM pg_locks WHERE NOT granted")
    assert [message.gone for message in await asking] == [True]
