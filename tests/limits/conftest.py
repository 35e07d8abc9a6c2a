"""A day at GitHub in seconds: deliveries are woken when they said they would be, and the clock jumps there."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import psycopg
import pytest

from zekt_backend.broker import Broker
from zekt_backend.flows.deliver import Send
from zekt_testing.broker import settings_for
from zekt_testing.clock import Deliver, ManualClock, waker
from zekt_testing.crowd import add_to, crowd


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@dataclass
class Day:
    """Two brokers on one database, whose jobs the test works off by itself."""

    zekt: Any
    clock: ManualClock
    wakers: list[Deliver]
    connection: psycopg.Connection[Any]
    wakes: list[datetime] = field(default_factory=list)
    _due: dict[str, datetime] = field(default_factory=dict)
    _wake_at: dict[str, datetime] = field(default_factory=dict)

    async def pass_until(self, end: datetime, send: Send) -> None:
        """Wake every delivery at its time, in turns by one broker and the other, until then or until none waits."""
        self._look()
        while self._wake_at:
            delivery_id = min(self._wake_at, key=lambda each: self._wake_at[each])
            at = self._wake_at.pop(delivery_id)
            if at >= end:
                self._wake_at[delivery_id] = at
                break
            self.clock.at = max(self.clock.at, at)
            self.wakes.append(self.clock.at)
            wake = self.wakers[len(self.wakes) % len(self.wakers)]
            wait = await wake(delivery_id, None, send=send)
            self._look()
            if wait is not None:
                self._wake_at[delivery_id] = self.clock.at + wait

    def _look(self) -> None:
        """A delivery whose time in the row was changed by another one's wake is woken at its new time."""
        rows = dict(self.connection.execute("SELECT id, due_at FROM deliveries WHERE status = 'pending'"))
        for delivery_id, due_at in rows.items():
            if self._due.get(delivery_id) != due_at:
                self._wake_at[delivery_id] = due_at
        self._due = rows
        self._wake_at = {each: at for each, at in self._wake_at.items() if each in rows}


_PACE = {"dispatch_spacing": timedelta(seconds=1), "dispatches_per_minute": 20, "dispatches_per_hour": 100}
"""Fewer than GitHub allows, so that both windows bind: a second apart, 60 a minute would be the most."""


@pytest.fixture
def crowded(start: Any) -> Any:
    """A broker without a worker, and fifty consumers of one installation."""
    return start(work=False, wanted=crowd(50, installations=1), settings=_PACE)


@pytest.fixture
async def day(crowded: Any, clock: ManualClock) -> AsyncIterator[Day]:
    """Nothing has happened yet."""
    brokers = [Broker.build(settings_for(crowded.github, **_PACE), crowded.database_url) for _ in range(2)]
    for broker in brokers:
        await broker.open()
    with psycopg.connect(crowded.database_url, autocommit=True) as connection:
        yield Day(crowded, clock, [waker(broker, clock) for broker in brokers], connection)
    for broker in brokers:
        await broker.close()


@pytest.fixture
def few(start: Any) -> Any:
    """A broker without a worker; the apps 0, 2 and 4 are of installation 60, and 1, 3 and 5 of 61."""
    wanted = crowd(6, installations=2)
    zekt = start(work=False, wanted=wanted, settings=_PACE)
    add_to(zekt.github, wanted)
    return zekt


@pytest.fixture
async def wake(few: Any, clock: ManualClock) -> AsyncIterator[Deliver]:
    """One wake-up of a delivery's job."""
    broker = Broker.build(settings_for(few.github, **_PACE), few.database_url)
    await broker.open()
    yield waker(broker, clock)
    await broker.close()
