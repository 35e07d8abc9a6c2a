"""Hours of a crowded installation on a clock that jumps: 20 writes a minute, 100 an hour, a second apart."""

import random
from collections import Counter
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest

from zekt_backend.rules import answers
from zekt_backend.rules.records import Answer
from zekt_testing.clock import ManualClock

pytestmark = pytest.mark.long

HOUR = timedelta(hours=1)
MINUTE = timedelta(minutes=1)


class Wire:
    """GitHub at the other end: takes up to half a second, and counts a write somewhere on the way."""

    def __init__(self, clock: ManualClock) -> None:
        self.clock = clock
        self.dice = random.Random(3)
        self.started: list[datetime] = []
        self.seen: list[datetime] = []
        self.order: list[str] = []

    async def accept(self, _installation: int, _repository: str, body: dict[str, Any]) -> Answer:
        before = self.clock.at
        self.clock.at += timedelta(seconds=self.dice.uniform(0.05, 0.5))
        self.started.append(before)
        self.seen.append(self.dice.choice([before, self.clock.at]))
        self.order.append(body["client_payload"]["zekt"]["deliveryId"])
        return answers.from_response(204, {}, "", now=self.clock.at)


def fan_out(zekt: Any, events: int) -> list[str]:
    """Finish so many runs; the ids of all deliveries, oldest first."""
    for _ in range(events):
        zekt.github.finish_run(zekt.start_run())
    return [delivery_id for (delivery_id,) in zekt.sql("SELECT id FROM deliveries ORDER BY seq")]


def most_within(times: list[datetime], length: timedelta) -> int:
    """The most that any stretch of that length holds, its end not included."""
    times = sorted(times)
    most = first = 0
    for last, at in enumerate(times):
        while times[first] <= at - length:
            first += 1
        most = max(most, last - first + 1)
    return most


async def test_a_long_queue_uses_what_github_allows_and_not_one_write_more(day: Any) -> None:
    wire = Wire(day.clock)
    begin = day.clock.at
    queue = fan_out(day.zekt, 5)
    assert len(queue) == 250
    await day.pass_until(begin + 2 * HOUR, wire.accept)

    assert most_within(wire.seen, MINUTE) <= 20
    assert most_within(wire.seen, HOUR) <= 100
    assert all(after - before >= timedelta(seconds=1) for before, after in pairwise(wire.started))
    # Of the 200 that two hours allow.
    assert len(wire.seen) >= 190
    assert_in_order(wire.order, queue)
    # A turn costs the wake of whoever has it, of whoever let it pass, and now and then one in vain; not one of all.
    assert len(day.wakes) <= 4 * len(wire.seen)


def assert_in_order(order: list[str], queue: list[str]) -> None:
    """As they came, give or take those that wake within the same second."""
    places = {delivery_id: place for place, delivery_id in enumerate(queue)}
    assert max(abs(places[each] - turn) for turn, each in enumerate(order)) <= 3


async def test_a_hold_wakes_the_waiting_one_by_one_and_keeps_their_order(day: Any) -> None:
    wire = Wire(day.clock)

    async def refuse_the_tenth(*call: Any) -> Answer:
        if len(wire.seen) != 10 or wire.order.count("limited"):
            return await wire.accept(*call)
        wire.order.append("limited")
        return answers.from_response(403, {"retry-after": "1800"}, "", now=day.clock.at)

    begin = day.clock.at
    queue = fan_out(day.zekt, 2)
    await day.pass_until(begin + 2 * HOUR, refuse_the_tenth)
    wire.order.remove("limited")
    assert len(wire.order) == 100
    assert wire.started[10] - wire.started[9] >= timedelta(seconds=1800)
    assert_in_order(wire.order, queue)
    assert max(Counter(at.replace(microsecond=0) for at in day.wakes).values()) <= 4


async def test_what_was_revoked_gives_its_slots_to_those_that_wait(day: Any) -> None:
    wire = Wire(day.clock)
    begin = day.clock.at
    queue = fan_out(day.zekt, 2)
    # All but each tenth consumer, of a queue that is planned over five minutes.
    day.zekt.sql("UPDATE subscriptions SET status = 'revoked' WHERE repository_id %% 10 > 0 AND status = 'approved'")
    await day.pass_until(begin + MINUTE, wire.accept)
    assert len(wire.order) == 10
    assert wire.order == [each for each in queue if each in set(wire.order)]
    assert day.zekt.sql("SELECT status, count(*) FROM deliveries GROUP BY 1 ORDER BY 1") == [
        ("dispatched", 10),
        ("failed", 90),
    ]
    assert day.clock.at - begin < timedelta(seconds=15), "no slot of theirs was waited for"
    day.zekt.sql("UPDATE subscriptions SET status = 'approved' WHERE repository_id = 5001")
    ((planned,),) = day.zekt.sql("SELECT next_write_at FROM installations WHERE id = 60")
    assert planned <= day.clock.at + timedelta(seconds=10)
