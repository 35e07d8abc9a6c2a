"""Who may write to an installation, and who waits; time is a clock that the test moves."""

import asyncio
from datetime import datetime, timedelta
from typing import Any

import psycopg
import pytest
import requests

from zekt_backend.rules import answers
from zekt_backend.rules.records import Answer
from zekt_testing.broker import ADMIN_TOKEN
from zekt_testing.clock import Deliver, ManualClock

SECOND = timedelta(seconds=1)
LEASE = timedelta(seconds=60)


def fan_out(zekt: Any) -> dict[int, str]:
    """One event: the delivery of each app, by the app's number."""
    zekt.github.finish_run(zekt.start_run())
    rows = zekt.sql("SELECT consumer_id - 5000, id FROM deliveries ORDER BY seq DESC LIMIT 6")
    # Nobody waits for a slot here, and however long that took, all are due on the test's clock.
    zekt.sql("UPDATE deliveries SET due_at = created_at - interval '1 hour'")
    return dict(rows)


class Consumer:
    """What GitHub says for one consumer, and how often it was asked."""

    def __init__(self, clock: ManualClock, status: int = 204, headers: dict[str, str] | None = None) -> None:
        self.clock, self.status, self.headers = clock, status, headers or {}
        self.asked: list[datetime] = []

    async def __call__(self, *_: Any) -> Answer:
        self.asked.append(self.clock.at)
        return answers.from_response(self.status, self.headers, "", now=self.clock.at)


class Pending:
    """GitHub is asked, and accepts when the test says so."""

    def __init__(self, clock: ManualClock) -> None:
        self.clock, self.asked, self.answer = clock, asyncio.Event(), asyncio.Event()

    async def __call__(self, *_: Any) -> Answer:
        self.asked.set()
        await self.answer.wait()
        return answers.from_response(204, {}, "", now=self.clock.at)


async def die(*_: Any) -> Answer:
    raise KeyboardInterrupt


def status_of(zekt: Any, delivery_id: str) -> str:
    return str(zekt.delivery(delivery_id)["status"])


async def test_one_write_of_an_installation_is_in_flight_and_others_installations_go_on(
    few: Any, clock: ManualClock, wake: Deliver
) -> None:
    of = fan_out(few)

    async def hang(*_: Any) -> Answer:
        # For ten seconds the other consumer of this installation wakes in vain; another installation's does not.
        for _second in range(10):
            clock.at += SECOND
            assert await wake(of[2], 2, send=other) is not None
        assert await wake(of[1], 3, send=elsewhere) is None
        return answers.from_failure("timeout", "")

    other, elsewhere = Consumer(clock), Consumer(clock)
    await wake(of[0], 1, send=hang)
    assert (len(other.asked), len(elsewhere.asked)) == (0, 1)
    clock.at += SECOND
    wait = await wake(of[2], 2, send=other)
    if wait is not None:
        clock.at += wait
        assert await wake(of[2], 2, send=other) is None
    assert len(other.asked) == 1


async def test_a_turn_whose_holder_died_is_over_when_its_job_wakes_elsewhere(
    few: Any, clock: ManualClock, wake: Deliver
) -> None:
    of = fan_out(few)
    with pytest.raises(KeyboardInterrupt):
        await wake(of[0], 1, send=die)
    clock.at += 5 * SECOND
    assert await wake(of[0], 1, send=Consumer(clock)) is None
    clock.at += SECOND
    assert await wake(of[2], 2, send=Consumer(clock)) is None


async def test_a_turn_whose_holder_and_job_died_ends_with_its_lease(
    few: Any, clock: ManualClock, wake: Deliver
) -> None:
    of = fan_out(few)
    with pytest.raises(KeyboardInterrupt):
        await wake(of[0], 1, send=die)
    clock.at += LEASE - SECOND
    assert await wake(of[2], 2, send=Consumer(clock)) is not None
    clock.at += 10 * SECOND
    assert await wake(of[2], 2, send=Consumer(clock)) is None
    assert few.sql("SELECT count(*) FROM writes") == [(2,)], "what may have reached GitHub is counted"


async def test_a_turn_ends_although_the_consumer_confirmed_before_its_holder_could_be_replaced(
    few: Any, clock: ManualClock, wake: Deliver
) -> None:
    of = fan_out(few)
    with pytest.raises(KeyboardInterrupt):
        await wake(of[0], 1, send=die)
    few.sql("UPDATE deliveries SET status = 'confirmed' WHERE id = %s", of[0])
    clock.at += 5 * SECOND
    assert await wake(of[0], 1, send=die) is None
    assert await wake(of[2], 2, send=Consumer(clock)) is None
    (attempt,) = few.delivery(of[0])["attemptList"]
    assert (attempt["category"], attempt["ambiguous"]) == ("lost", True)


async def test_an_answer_that_comes_after_the_lease_ends_nobody_elses_turn(
    few: Any, clock: ManualClock, wake: Deliver
) -> None:
    of, slow, slower = fan_out(few), Pending(clock), Pending(clock)
    first = asyncio.ensure_future(wake(of[0], 1, send=slow))
    await slow.asked.wait()
    clock.at += LEASE + SECOND
    second = asyncio.ensure_future(wake(of[2], 2, send=slower))
    await slower.asked.wait()
    slow.answer.set()
    await first
    clock.at += 2 * SECOND
    assert await wake(of[4], 3, send=Consumer(clock)) is not None, "the second write is still in flight"
    slower.answer.set()
    await second
    assert [status_of(few, of[app]) for app in (0, 2, 4)] == ["dispatched", "dispatched", "pending"]


@pytest.mark.parametrize("status", [204, 404, 502])
async def test_any_answer_that_leaves_nothing_of_the_hour_holds_the_installation_until_the_reset(
    few: Any, clock: ManualClock, wake: Deliver, status: int
) -> None:
    of = fan_out(few)
    reset = clock.at + timedelta(minutes=20)
    spent = {"x-ratelimit-remaining": "0", "x-ratelimit-reset": str(int(reset.timestamp()) + 1)}
    await wake(of[0], 1, send=Consumer(clock, status, spent))
    clock.at += 5 * SECOND
    wait = await wake(of[2], 2, send=Consumer(clock))
    assert wait is not None
    assert reset <= clock.at + wait <= reset + 5 * SECOND
    assert await wake(of[1], 3, send=Consumer(clock)) is None, "another installation is not held"
    clock.at += wait
    assert await wake(of[2], 2, send=Consumer(clock)) is None


async def test_limits_that_name_no_time_hold_for_twice_as_long_each_until_something_is_accepted(
    few: Any, clock: ManualClock, wake: Deliver
) -> None:
    of, limited = fan_out(few), Consumer(clock, 429)
    waits = []
    for _ in range(8):
        wait = await wake(of[0], 1, send=limited)
        assert wait is not None
        waits.append(wait.total_seconds())
        clock.at += wait
    assert waits == [60, 120, 240, 480, 960, 1920, 3600, 3600]
    assert len(limited.asked) == 8
    assert await wake(of[0], 1, send=Consumer(clock)) is None
    clock.at += SECOND
    assert await wake(of[2], 2, send=limited) == timedelta(seconds=60)


@pytest.mark.parametrize("durable", [True, False])
async def test_limits_use_up_no_try_of_a_delivery(few: Any, clock: ManualClock, wake: Deliver, durable: bool) -> None:
    of, limited = fan_out(few), Consumer(clock, 403, {"retry-after": "60"})
    few.sql("UPDATE deliveries SET durable = %s", durable)
    for _ in range(30):
        assert await wake(of[0], 1, send=limited) == timedelta(seconds=60)
        clock.at += timedelta(seconds=60)
    assert await wake(of[0], 1, send=Consumer(clock, 502)) == timedelta(seconds=5), "the ladder's first rung"
    clock.at += 5 * SECOND
    assert await wake(of[0], 1, send=Consumer(clock)) is None
    assert status_of(few, of[0]) == "dispatched"


async def test_a_delivery_that_has_met_limits_for_two_days_is_given_up_and_can_be_replayed(
    few: Any, clock: ManualClock, wake: Deliver
) -> None:
    of, limited = fan_out(few), Consumer(clock, 403, {"retry-after": "86400"})
    clock.at += timedelta(days=9)  # however long it lay before: only the limit's own time counts
    for _ in range(2):
        clock.at += await wake(of[0], 1, send=limited) or LEASE
    assert await wake(of[0], 1, send=limited) is None
    found = few.delivery(of[0])
    assert (found["status"], found["failure"], len(limited.asked)) == ("failed", "rate_limit", 3)
    assert "zekt replay" in found["advice"]
    url, bearer = f"{few.url}/api/replay/{of[0]}", {"Authorization": f"Bearer {ADMIN_TOKEN}"}
    again = (await asyncio.to_thread(requests.post, url, headers=bearer, timeout=30)).json()["deliveryId"]
    clock.at += timedelta(days=1)
    assert await wake(again, 9, send=Consumer(clock)) is None
    assert status_of(few, again) == "dispatched"


async def test_two_days_of_limits_begin_anew_with_each_dispatch(few: Any, clock: ManualClock, wake: Deliver) -> None:
    of, limited = fan_out(few), Consumer(clock, 429, {"retry-after": "3600"})
    await wake(of[0], 1, send=limited)
    clock.at += timedelta(hours=1)
    assert await wake(of[0], 1, send=Consumer(clock)) is None
    clock.at += timedelta(days=3)
    few.sql("UPDATE deliveries SET status = 'pending', due_at = %s WHERE id = %s", clock.at, of[0])
    assert await wake(of[0], 1, send=limited) == timedelta(hours=1)


async def test_what_never_reached_github_is_not_counted(few: Any, clock: ManualClock, wake: Deliver) -> None:
    of = fan_out(few)

    async def unreachable(*_: Any) -> Answer:
        return answers.from_failure("connect", "")

    await wake(of[0], 1, send=unreachable)
    assert few.sql("SELECT count(*) FROM writes") == [(0,)]
    await wake(of[1], 2, send=Consumer(clock, 503))
    assert few.sql("SELECT count(*) FROM writes") == [(1,)]


async def test_a_spacing_of_zero_means_no_turns_and_no_windows(few: Any, clock: ManualClock, wake: Deliver) -> None:
    free = {"spacing": timedelta(0)}
    of, other = fan_out(few), Consumer(clock)

    async def slow(*_: Any) -> Answer:
        assert await wake(of[2], 2, send=other, **free) is None
        return answers.from_response(204, {}, "", now=clock.at)

    assert await wake(of[0], 1, send=slow, **free) is None
    assert len(other.asked) == 1
    assert few.sql("SELECT count(*) FROM writes") == [(0,)]


async def test_an_attempt_that_the_version_before_has_in_flight_is_let_alone(
    few: Any, clock: ManualClock, wake: Deliver
) -> None:
    of = fan_out(few)
    few.sql("INSERT INTO attempts (delivery_id, number, job_id, started_at) VALUES (%s, 1, 9, now())", of[0])
    few.sql("UPDATE deliveries SET attempt = 1, due_at = now() + interval '1 minute' WHERE id = %s", of[0])
    assert await wake(of[2], 2, send=Consumer(clock)) is None
    ((due_in,),) = few.sql("SELECT due_at - now() FROM deliveries WHERE id = %s", of[0])
    assert due_in > timedelta(seconds=30)


async def test_who_could_go_first_changes_slots_with_who_was_there_before(
    few: Any, clock: ManualClock, wake: Deliver
) -> None:
    of, later = fan_out(few), clock.at + timedelta(minutes=5)
    few.sql("UPDATE deliveries SET due_at = %s WHERE id = %s", later, of[0])
    assert await wake(of[2], 2, send=die) == later - clock.at
    assert await wake(of[0], 1, send=Consumer(clock)) is None
    clock.at = later
    assert await wake(of[2], 2, send=Consumer(clock)) is None


async def test_who_writes_a_row_that_refers_to_an_installation_keeps_no_turn_waiting(
    few: Any, clock: ManualClock, wake: Deliver
) -> None:
    of = fan_out(few)
    async with await psycopg.AsyncConnection.connect(few.database_url) as setup:
        await setup.execute(
            "INSERT INTO repositories (id, account_id, installation_id, full_name)"
            " SELECT 9, account_id, 60, 'team-0/new' FROM repositories WHERE id = 5000"
        )
        assert await wake(of[0], 1, send=Consumer(clock)) is None
        await setup.rollback()
