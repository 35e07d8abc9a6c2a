"""What may happen between asking GitHub and writing its answer down; time is a clock that the test moves."""

from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest

from zekt_backend.broker import Broker
from zekt_backend.rules import answers
from zekt_backend.rules.records import Answer
from zekt_testing.clock import Deliver, ManualClock, waker


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def zekt(start: Any) -> Any:
    """A broker whose jobs nobody works off: the test does."""
    return start(work=False, settings={"dispatch_spacing": timedelta(0)})


@pytest.fixture
def try_once(broker: Broker, clock: ManualClock) -> Deliver:
    """One wake-up of a delivery's job."""
    return waker(broker, clock)


def new_delivery(zekt: Any) -> str:
    zekt.github.finish_run(zekt.start_run())
    # However long that took: it is due on the test's clock.
    zekt.sql("UPDATE deliveries SET due_at = due_at - interval '1 hour'")
    return str(zekt.deliveries()[-1]["deliveryId"])


async def test_an_answer_is_written_down_although_every_connection_breaks(
    zekt: Any, broker: Broker, try_once: Deliver
) -> None:
    delivery_id = new_delivery(zekt)

    async def send(installation: int, repository: str, body: dict[str, Any]) -> Answer:
        answer = await broker.send(installation, repository, body)
        zekt.sql(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
        return answer

    assert await try_once(delivery_id, send=send) is None
    assert zekt.delivery(delivery_id)["status"] == "dispatched"
    assert len(zekt.github.dispatches()) == 1


async def test_a_second_job_leaves_an_attempt_in_flight_alone(zekt: Any, try_once: Deliver) -> None:
    delivery_id = new_delivery(zekt)
    zekt.sql("INSERT INTO attempts (delivery_id, number, job_id, started_at) VALUES (%s, 1, 1, now())", delivery_id)
    zekt.sql("UPDATE deliveries SET attempt = 1, due_at = now() + interval '1 minute'")
    wait = await try_once(delivery_id, job=2)
    assert wait is not None
    assert wait > timedelta(seconds=50)
    assert zekt.github.dispatches() == []


async def test_an_attempt_whose_lease_ran_out_is_lost_and_another_is_made(
    zekt: Any, clock: ManualClock, try_once: Deliver
) -> None:
    delivery_id = new_delivery(zekt)
    zekt.sql("INSERT INTO attempts (delivery_id, number, job_id, started_at) VALUES (%s, 1, 1, now())", delivery_id)
    zekt.sql("UPDATE deliveries SET attempt = 1, due_at = now() + interval '1 minute'")
    clock.at += timedelta(minutes=2)
    assert await try_once(delivery_id, job=2) is None
    attempts = zekt.delivery(delivery_id)["attemptList"]
    assert [(a["category"], a["ambiguous"]) for a in attempts] == [("lost", True), ("accepted", False)]


async def test_a_delivery_that_kills_its_workers_is_given_up(zekt: Any, clock: ManualClock, try_once: Deliver) -> None:
    delivery_id = new_delivery(zekt)

    async def die(*_: Any) -> Answer:
        raise KeyboardInterrupt

    for _ in range(9):
        with pytest.raises(KeyboardInterrupt):
            await try_once(delivery_id, send=die)
        clock.at += timedelta(minutes=2)
    assert await try_once(delivery_id) is None
    found = zekt.delivery(delivery_id)
    assert (found["status"], found["failure"], found["attempts"]) == ("failed", "lost", 9)
    assert zekt.github.dispatches() == []


@pytest.mark.parametrize("status", [204, 404])
async def test_the_answer_of_an_attempt_that_was_taken_over_explains_the_extra_dispatch(
    zekt: Any, clock: ManualClock, try_once: Deliver, status: int
) -> None:
    delivery_id = new_delivery(zekt)

    async def slow(*_: Any) -> Answer:
        # While this call is on its way its lease runs out, and another worker takes over and succeeds.
        clock.at += timedelta(minutes=2)
        assert await try_once(delivery_id, job=2) is None
        return answers.from_response(status, {}, "", now=clock.now())

    assert await try_once(delivery_id, job=1, send=slow) is None
    found = zekt.delivery(delivery_id)
    assert found["status"] == "dispatched"
    first, second = found["attemptList"]
    assert (first["httpStatus"], first["ambiguous"]) == (status, True)
    assert (second["httpStatus"], second["ambiguous"]) == (204, False)


async def test_a_confirmation_that_is_there_before_the_answer_leaves_the_dispatch_told_of(
    zekt: Any, broker: Broker, clock: ManualClock, try_once: Deliver
) -> None:
    delivery_id = new_delivery(zekt)

    async def send(installation: int, repository: str, body: dict[str, Any]) -> Answer:
        answer = await broker.send(installation, repository, body)
        (dispatch,) = zekt.github.dispatches()
        run = zekt.github.start_run_for(dispatch)
        confirmed = zekt.confirm(run, correlationId=dispatch.client_payload["zekt"]["correlationId"])
        assert confirmed.json()["status"] == "confirmed"
        return answer

    assert await try_once(delivery_id, send=send) is None
    found = zekt.delivery(delivery_id)
    assert (found["status"], found["attempts"], found["dispatches"]) == ("confirmed", 1, 1)
    assert datetime.fromisoformat(found["dispatchedAt"]) == clock.at
    assert [line["fact"] for line in found["history"]] == ["created", "confirmed"]


async def test_a_permanent_answer_that_comes_after_a_take_over_ends_nothing(
    zekt: Any, clock: ManualClock, try_once: Deliver
) -> None:
    delivery_id = new_delivery(zekt)

    async def unavailable(*_: Any) -> Answer:
        return answers.from_response(503, {}, "", now=clock.now())

    async def slow(*_: Any) -> Answer:
        clock.at += timedelta(minutes=2)
        assert await try_once(delivery_id, job=2, send=unavailable) is not None
        return answers.from_response(404, {}, "", now=clock.now())

    await try_once(delivery_id, job=1, send=slow)
    assert zekt.delivery(delivery_id)["status"] == "pending"


async def test_late_workers_keep_the_pace_and_starve_nobody(zekt: Any, clock: ManualClock, try_once: Deliver) -> None:
    spacing = timedelta(seconds=1)
    waiting = {new_delivery(zekt): clock.at for _ in range(10)}
    sent: list[datetime] = []

    async def accept(*_: Any) -> Answer:
        sent.append(clock.at)
        return answers.from_response(204, {}, "", now=clock.now())

    for _ in range(200):
        if not waiting:
            break
        delivery_id = min(waiting, key=lambda one: waiting[one])
        # Every job is picked up three seconds after it was due.
        clock.at = max(clock.at, waiting[delivery_id] + timedelta(seconds=3))
        wait = await try_once(delivery_id, send=accept, spacing=spacing)
        if wait is None:
            del waiting[delivery_id]
        else:
            waiting[delivery_id] = clock.at + wait
    assert waiting == {}
    assert all(after - before >= spacing for before, after in pairwise(sent))
    assert sent[-1] - sent[0] < timedelta(seconds=60)
