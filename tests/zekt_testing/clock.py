"""Time that a test moves, and deliveries that it wakes."""

from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from zekt_backend.broker import Broker
from zekt_backend.flows.deliver import Deliverer, Send

Deliver = Callable[..., Awaitable[timedelta | None]]


class ManualClock:
    """Time that stands still until a test moves it."""

    def __init__(self) -> None:
        self.at = datetime.now(UTC) + timedelta(seconds=1)

    def now(self) -> datetime:
        return self.at


def waker(broker: Broker, clock: ManualClock) -> Deliver:
    """One wake-up of a delivery's job; keywords change the broker's pace."""

    def wake(
        delivery_id: str, job: int | None = 1, *, send: Send | None = None, dice: float = 0.5, **pace: Any
    ) -> Awaitable[timedelta | None]:
        deliverer = Deliverer(
            db=broker.work_db,
            clock=clock,
            send=send or broker.send,
            dice=lambda: dice,
            pace=replace(broker.pace, **pace),
            shipping=broker.shipping,
            at_once=32,
        )
        return deliverer.deliver(delivery_id, job)

    return wake
