"""How often a flow asks the database, counted on the wire, is what costs.toml says: not more, and not less."""

from collections.abc import Callable
from typing import Any

import pytest

from zekt_backend.broker import Broker
from zekt_backend.flows.receive_event import receive_events
from zekt_backend.ids import new_delivery_id
from zekt_sandbox.server import SandboxServer
from zekt_testing import setup
from zekt_testing.bench import Bench, bench_on
from zekt_testing.cable import Cut
from zekt_testing.ends import ended

NEVER = 1_000_000
CONSUMERS = 5
TOGETHER = 16

Costs = dict[str, dict[str, int]]


@pytest.fixture
def measured(github: SandboxServer, new_database: Callable[[], str]) -> Costs:
    """Each flow once it has been gone through before: connections and what the process keeps are there."""
    with bench_on(github, new_database(), setup.directory()) as bench:
        _life(bench)
        return _life(bench)


def test_each_flow_asks_as_often_as_the_table_says(measured: Costs, table: dict[str, Any]) -> None:
    assert measured == table["flows"]


def test_an_event_for_five_consumers_asks_as_often_as_the_table_says(
    github: SandboxServer, new_database: Callable[[], str], table: dict[str, Any]
) -> None:
    with bench_on(github, new_database(), _with_consumers(CONSUMERS)) as bench:
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


def _with_consumers(count: int) -> dict[str, Any]:
    wanted = setup.directory()
    for number in range(1, count):
        platform = {"name": "platform", "id": 3000 + number, "installation-id": 60 + number}
        wanted["accounts"].append({"login": f"team-{number}", "repositories": [platform]})
        wanted["subscriptions"].append({**wanted["subscriptions"][0], "consumer": f"team-{number}/platform"})
    return wanted
