"""The whole ladder, on a clock that the test moves: when a delivery is tried, and when it is over."""

from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest

from zekt_backend.broker import Broker
from zekt_backend.rules import answers
from zekt_backend.rules.backoff import JITTER, LADDER
from zekt_backend.rules.records import Answer
from zekt_testing.broker import settings_for
from zekt_testing.clock import Deliver, ManualClock, waker
from zekt_testing.deliveries import assert_legal


@pytest.fixture
def clock() -> ManualClock:
    """Ahead of the machine's by more than it takes to start a broker, so that what is new is due."""
    clock = ManualClock()
    clock.at += timedelta(minutes=1)
    return clock


@pytest.fixture(params=[True, False], ids=["durable", "fire-and-forget"])
def zekt(start: Any, request: pytest.FixtureRequest) -> Any:
    return start(work=False, durable=request.param)


@pytest.fixture
def rungs(request: pytest.FixtureRequest) -> tuple[timedelta, ...]:
    durable = request.node.callspec.params["zekt"]
    return LADDER if durable else LADDER[:3]


@pytest.fixture
async def wake(zekt: Any, clock: ManualClock) -> AsyncIterator[Deliver]:
    """One wake-up of the delivery's job."""
    broker = Broker.build(settings_for(zekt.github), zekt.database_url)
    await broker.open()
    yield waker(broker, clock)
    await broker.close()


class GitHub:
    """Answers always the same, and remembers when it was asked."""

    def __init__(self, clock: ManualClock, status: int, headers: dict[str, str] | None = None) -> None:
        self.clock, self.status, self.headers = clock, status, headers or {}
        self.asked: list[datetime] = []

    async def __call__(self, *_: Any) -> Answer:
        self.asked.append(self.clock.at)
        return answers.from_response(self.status, self.headers, "", now=self.clock.at)


def new_delivery(zekt: Any) -> str:
    zekt.github.finish_run(zekt.start_run())
    return str(zekt.deliveries()[-1]["deliveryId"])


async def climb(wake: Deliver, delivery_id: str, github: GitHub, dice: float = 0.5) -> None:
    """Wake the delivery whenever it asks for it, until it does not any more."""
    wait = await wake(delivery_id, send=github, dice=dice)
    while wait is not None:
        github.clock.at += wait
        wait = await wake(delivery_id, send=github, dice=dice)


@pytest.mark.parametrize("dice", [0.0, 0.5, 0.999999])
async def test_every_rung_is_waited_for_and_then_it_is_over(
    zekt: Any, rungs: tuple[timedelta, ...], clock: ManualClock, wake: Deliver, dice: float
) -> None:
    delivery_id, github = new_delivery(zekt), GitHub(clock, 503)
    await climb(wake, delivery_id, github, dice)
    waits = [after - before for before, after in pairwise(github.asked)]
    assert len(waits) == len(rungs)
    for waited, rung in zip(waits, rungs, strict=True):
        assert abs(waited / rung - (1 + JITTER * (2 * dice - 1))) < 1e-6
    found = zekt.delivery(delivery_id)
    assert (found["status"], found["failure"]) == ("failed", "unavailable")
    assert found["advice"]
    assert [line["fact"] for line in found["history"]] == ["created", *["postponed"] * len(rungs), "refused"]
    assert_legal(found)


@pytest.mark.parametrize(
    ("status", "category"), [(401, "auth"), (403, "permission"), (404, "not_found"), (422, "invalid")]
)
async def test_a_final_answer_is_final_however_often_its_job_wakes(
    zekt: Any, clock: ManualClock, wake: Deliver, status: int, category: str
) -> None:
    delivery_id, github = new_delivery(zekt), GitHub(clock, status)
    for _ in range(5):
        assert await wake(delivery_id, send=github) is None
        clock.at += timedelta(days=1)
    assert len(github.asked) == 1
    found = zekt.delivery(delivery_id)
    assert (found["status"], found["failure"]) == ("failed", category)
    assert found["advice"]


@pytest.mark.parametrize(
    "headers",
    [
        {"retry-after": "999999999999"},
        {"retry-after": "9" * 5000},
        {"retry-after": "Fri, 31 Dec 9999 23:59:59 GMT"},
        {"retry-after": "Fri, 31 Dec 99999 23:59:59 GMT"},
        {"retry-after": "-1"},
        {"retry-after": "1e999"},
        {"x-ratelimit-remaining": "0", "x-ratelimit-reset": "999999999999"},
        {"x-ratelimit-remaining": "0", "x-ratelimit-reset": "-62135596800"},
        {"x-ratelimit-remaining": "0", "x-ratelimit-reset": "NaN"},
        {"x-ratelimit-remaining": "0", "x-ratelimit-reset": ""},
    ],
    ids=lambda headers: ", ".join(headers.values())[:40],
)
@pytest.mark.parametrize("status", [429, 503])
async def test_no_time_that_github_could_name_is_waited_for_longer_than_a_day(
    zekt: Any, clock: ManualClock, wake: Deliver, status: int, headers: dict[str, str]
) -> None:
    delivery_id, github = new_delivery(zekt), GitHub(clock, status, headers)
    wait = await wake(delivery_id, send=github)
    assert wait is not None
    assert timedelta(seconds=4) <= wait <= timedelta(days=1)
    clock.at += wait
    assert await wake(delivery_id, send=GitHub(clock, 204)) is None
    assert zekt.delivery(delivery_id)["status"] == "dispatched"


async def test_the_wait_that_github_asks_for_is_kept_where_it_is_longer_than_the_rung(
    zekt: Any, rungs: tuple[timedelta, ...], clock: ManualClock, wake: Deliver
) -> None:
    delivery_id, github = new_delivery(zekt), GitHub(clock, 503, {"retry-after": "100"})
    await climb(wake, delivery_id, github)
    waits = [after - before for before, after in pairwise(github.asked)]
    assert waits == [max(rung, timedelta(seconds=100)) for rung in rungs]
