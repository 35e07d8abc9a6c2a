"""How often a flow asks the database, counted on the wire, is what costs.toml says: not more, and not less."""

import asyncio
from collections.abc import Callable
from datetime import timedelta
from functools import partial
from typing import Any

import pytest

from zekt_backend.broker import Broker
from zekt_backend.flows.receive_event import receive_events
from zekt_backend.ids import new_delivery_id
from zekt_backend.rules.records import Answer
from zekt_sandbox.server import SandboxServer
from zekt_testing import setup
from zekt_testing.bench import Bench, bench_on
from zekt_testing.cable import Cut
from zekt_testing.clock import deliverer
from zekt_testing.crowd import add_to, crowd
from zekt_testing.ends import ended

NEVER = 1_000_000
CONSUMERS = 5
TOGETHER = 16
AS_SHIPPED = {"dispatch_spacing": timedelta(milliseconds=1)}
"""The pace of writes is kept, but nobody waits for it."""

Costs = dict[str, dict[str, int]]


@pytest.mark.parametrize(("settings", "name"), [({}, "flows"), (AS_SHIPPED, "paced")])
def test_each_flow_asks_as_often_as_the_table_says(
    github: SandboxServer, new_database: Callable[[], str], table: dict[str, Any], settings: dict[str, Any], name: str
) -> None:
    """Once it has been gone through before: connections and what the process keeps are there."""
    with bench_on(github, new_database(), setup.directory(), **settings) as bench:
        _life(bench)
        measured = _life(bench)
    assert measured == table[name]


def test_an_event_for_five_consumers_asks_as_often_as_the_table_says(
    github: SandboxServer, new_database: Callable[[], str], table: dict[str, Any]
) -> None:
    with bench_on(github, new_database(), crowd(CONSUMERS, installations=CONSUMERS)) as bench:
        _count(bench, lambda: bench.zekt.github.finish_run(bench.zekt.start_run()))
        found = _count(bench, lambda: bench.zekt.github.finish_run(bench.zekt.start_run()))
        assert bench.zekt.sql("SELECT count(*) FROM deliveries") == [(2 * CONSUMERS,)]
    assert found == table["fan-out"]["receive_event"]


def test_events_that_come_together_ask_as_often_as_the_table_says(
    github: SandboxServer, new_database: Callable[[], str], table: dict[str, Any]
) -> None:
    with bench_on(github, new_database(), setup.directory()) as bench:
        _at_once(bench)
        found = _at_once(bench)
        assert bench.zekt.sql("SELECT count(*) FROM deliveries") == [(2 * TOGETHER,)]
    assert found == table["together"]["receive_events"]


@pytest.mark.parametrize(("settings", "name"), [({}, "together"), (AS_SHIPPED, "paced-together")])
def test_tries_that_are_made_together_ask_as_often_as_the_table_says(
    github: SandboxServer, new_database: Callable[[], str], table: dict[str, Any], settings: dict[str, Any], name: str
) -> None:
    wanted = crowd(TOGETHER, installations=TOGETHER)
    add_to(github, wanted)
    with bench_on(github, new_database(), wanted, **settings) as bench:
        _tried(bench)
        found = _tried(bench)
        assert bench.zekt.sql("SELECT count(*) FROM deliveries WHERE status = 'dispatched'") == [(2 * TOGETHER,)]
    assert found == table[name]["deliver"]


def _tried(bench: Bench) -> dict[str, int]:
    """An event with a message has so many consumers: each is told of it."""
    bench.new_delivery()
    ids = [str(id_) for (id_,) in bench.zekt.sql("SELECT id FROM deliveries WHERE status = 'pending'")]
    return _count(bench, lambda: bench.running.do(partial(_deliver, ids)))


async def _deliver(ids: list[str], broker: Broker) -> None:
    heard, all_heard = [], asyncio.Event()

    async def send(installation_id: int, repository: str, body: dict[str, Any]) -> Answer:
        """GitHub's answers come when the last of them does, so that they are written down together."""
        heard.append(answer := await broker.send(installation_id, repository, body))
        if len(heard) == len(ids):
            all_heard.set()
        async with asyncio.timeout(20):
            await all_heard.wait()
        return answer

    tries = deliverer(broker, send=send, at_once=len(ids))
    assert await asyncio.gather(*(tries.deliver(id_, job) for job, id_ in enumerate(ids, 1))) == [None] * len(ids)


def _at_once(bench: Bench) -> dict[str, int]:
    ends = [ended(bench.zekt.start_run()) for _ in range(TOGETHER)]

    async def receive(broker: Broker) -> None:
        await receive_events(ends, db=broker.db, clock=broker.clock, new_id=new_delivery_id, timings=broker.timings)

    return _count(bench, lambda: bench.running.do(receive))


def _life(bench: Bench) -> Costs:
    """One delivery from its message to its end; what each step of it asked."""
    zekt, found = bench.zekt, {}
    run = zekt.start_run()
    found["receive_message"] = _count(bench, lambda: zekt.send(run, messageId=f"m-{run.id}"))
    found["receive_event"] = _count(bench, lambda: zekt.github.finish_run(run))
    delivery_id = str(zekt.sql("SELECT id FROM deliveries ORDER BY seq DESC LIMIT 1")[0][0])
    found["deliver"] = _count(bench, lambda: bench.deliver(delivery_id))
    consumer = zekt.github.start_run_for(zekt.github.dispatches()[-1])
    ids = {"correlationId": str(run.id), "deliveryId": delivery_id}
    found["confirm"] = _count(bench, lambda: zekt.confirm(consumer, **ids))
    found["complete"] = _count(bench, lambda: zekt.complete(consumer, **ids))
    assert zekt.delivery(delivery_id)["status"] == "completed"
    return found


def _count(bench: Bench, work: Callable[[], Any]) -> dict[str, int]:
    bench.cable.arm(NEVER, Cut.BEFORE)
    work()
    bench.cable.disarm()
    return {"statements": bench.cable.executions, "round-trips": bench.cable.statements}
