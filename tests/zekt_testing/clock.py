"""Time that a test moves, and deliveries that it wakes."""

from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from zekt_backend.broker import Broker
from zekt_backend.clock import Clock
from zekt_backend.flows.deliver import Deliverer, Send

Deliver = Callable[..., Awaitable[timedelta | None]]


class ManualClock:
    """Time that stands still until a test moves it."""

    def __init__(self) -> None:
        self.at = datetime.now(UTC) + timedelta(seconds=1)

    def now(self) -> datetime:
        return self.at


def deliverer(
    broker: Broker,
    *,
    clock: Clock | None = None,
    send: Send | None = None,
    dice: float = 0.5,
    at_once: int = 32,
    **pace: Any,
) -> Deliverer:
    """Makes tries as a worker's does, with another clock, another way to GitHub, or another pace."""
    return Deliverer(
        db=broker.work_db,
        clock=clock or broker.clock,
        send=send or broker.send,
        dice=lambda: dice,
        pace=replace(broker.pace, **pace),
        shipping=broker.shipping,
        at_once=at_once,
    )


def waker(broker: Broker, clock: ManualClock) -> Deliver:
    """One wake-up of a delivery's job, each in a worker of its own; keywords are those of `deliverer`."""

    def wake(delivery_id: str, job: int | None = 1, **how: Any) -> Awaitable[timedelta | None]:
        return deliverer(broker, clock=clock, **how).deliver(delivery_id, job)

    return wake
