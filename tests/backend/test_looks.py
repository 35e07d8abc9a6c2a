"""How a worker looks at its queue: no more often than it takes, and nothing that is due is missed."""

import asyncio
import json
import uuid
from collections.abc import Callable, Coroutine
from datetime import timedelta
from typing import Any

import pytest
from pgqueuer.models import Job
from pgqueuer.ports.repository import EntrypointExecutionParameter
from pgqueuer.types import HealthCheckId, QueueEntrypoint, QueueManagerId

from zekt_backend.store import engine, jobs
from zekt_backend.store.database import one_connection
from zekt_backend.store.looks import Looks
from zekt_testing.cable import Cable, Cut, cable_to

NEVER = 1_000_000
MANY = 2_000
PREPARED = 7
"""So often a statement has come when its plan is kept."""
NOW, LATER = timedelta(0), timedelta(hours=1)
DELIVER = QueueEntrypoint(jobs.DELIVER)
WORKER = QueueManagerId(uuid.uuid4())


class Queue:
    """A queue, and a worker's looks at it, counted on a cable."""

    def __init__(self, url: str, cable: Cable, looks: Looks) -> None:
        self._url, self._cable, self.looks = url, cable, looks
        self._told: asyncio.Queue[str] = asyncio.Queue()

    async def listen(self) -> None:
        await self.looks.driver.add_listener("ch_pgqueuer", lambda payload: self._told.put_nowait(str(payload)))

    async def told(self) -> str:
        """What kind of change the next notification is of."""
        operation: str = json.loads(await asyncio.wait_for(self._told.get(), 30))["operation"]
        return operation

    async def put(self, *names: str, after: timedelta = NOW) -> None:
        async with one_connection(self._url) as tx:
            await jobs.enqueue(tx, [jobs.deliver(name, 0, after) for name in names])

    async def take(self, most: int = 10) -> list[str]:
        return [(job.payload or b"").decode() for job in await self.taken(most)]

    async def taken(self, most: int = 10) -> list[Job]:
        every: dict[QueueEntrypoint, Any] = {DELIVER: EntrypointExecutionParameter(concurrency_limit=0)}
        return await self.looks.dequeue(most, every, WORKER, 2 * most, timedelta(seconds=30))

    async def asked(self, *work: Coroutine[Any, Any, Any]) -> int:
        """How many statements these take."""
        self._cable.arm(NEVER, Cut.BEFORE)
        for each in work:
            await each
        self._cable.disarm()
        return self._cable.executions


@pytest.fixture
def on_queue(new_database: Callable[[], str]) -> Callable[[Callable[[Queue], Coroutine[Any, Any, None]]], None]:
    """Runs something on an empty one."""

    async def run(work: Callable[[Queue], Coroutine[Any, Any, None]]) -> None:
        url = new_database()
        with cable_to(url) as cable:
            async with engine.connect(cable.url) as driver, driver:
                queue = Queue(url, cable, Looks(driver))
                await queue.listen()
                await work(queue)

    return lambda work: asyncio.run(run(work))


def test_who_has_taken_all_that_was_due_does_not_ask_for_more(on_queue: Any) -> None:
    async def work(queue: Queue) -> None:
        await queue.put("a", "b")
        assert await queue.told() == "insert"
        assert await queue.asked(queue.take()) == 1
        assert await queue.asked(queue.take()) == 0
        # Whoever then asks once more does so because something woke it.
        assert await queue.asked(queue.take()) == 1

    on_queue(work)


def test_who_has_taken_as_many_as_it_asked_for_asks_for_more(on_queue: Any) -> None:
    async def work(queue: Queue) -> None:
        await queue.put("a", "b", "c")
        assert await queue.told() == "insert"
        assert [await queue.take(2), await queue.take(2), await queue.take(2)] == [["a", "b"], ["c"], []]

    on_queue(work)


def test_a_job_that_was_queued_since_the_last_look_is_taken(on_queue: Any) -> None:
    async def work(queue: Queue) -> None:
        await queue.put("a")
        assert await queue.told() == "insert"
        assert await queue.take() == ["a"]
        await queue.put("b")
        assert await queue.told() == "insert"
        assert await queue.take() == ["b"]

    on_queue(work)


def test_one_look_tells_whether_a_job_is_due_and_when_the_next_one_is(on_queue: Any) -> None:
    async def work(queue: Queue) -> None:
        looks = queue.looks
        # Nothing at all: no time to wait is shorter, and whether there is something is not asked a third time.
        assert await looks.eligible_queued_work([DELIVER]) == 0
        assert await looks.next_deferred_eta([DELIVER]) == timedelta.max
        await queue.put("later", after=LATER)
        assert await looks.eligible_queued_work([DELIVER]) == 0
        assert await queue.asked(looks.next_deferred_eta([DELIVER])) == 0
        # Asked by itself, it looks for itself.
        assert LATER - timedelta(minutes=5) < (await looks.next_deferred_eta([DELIVER]) or NOW) <= LATER
        await queue.put("now")
        assert await looks.eligible_queued_work([DELIVER]) == 1

    on_queue(work)


def test_an_engine_that_asks_whether_it_hears_before_it_listens_is_heard(new_database: Callable[[], str]) -> None:
    async def work() -> None:
        async with engine.connect(new_database()) as driver, driver:
            queue, heard = Looks(driver), asyncio.Queue[str]()
            asking = asyncio.create_task(queue.notify_health_check(HealthCheckId(uuid.uuid4())))
            # Statements go one after the other: had it asked, it would have by now.
            await asyncio.sleep(0)
            await driver.fetch("SELECT 1")
            await driver.add_listener("ch_pgqueuer", lambda payload: heard.put_nowait(str(payload)))
            await asking
            assert json.loads(await asyncio.wait_for(heard.get(), 30))["type"] == "health_check_event"

    asyncio.run(work())


def test_a_job_that_is_queued_again_wakes_a_worker_that_would_sleep_longer(on_queue: Any) -> None:
    async def work(queue: Queue) -> None:
        await queue.put("a", "b")
        assert await queue.told() == "insert"
        first, second = await queue.taken()
        assert await queue.looks.eligible_queued_work([DELIVER]) == 0
        await queue.looks.retry_job(first, timedelta(minutes=1), None)
        assert await queue.told() == "update"
        # By then it is awake.
        await queue.looks.retry_job(second, timedelta(minutes=2), None)
        await queue.put("c")
        assert await queue.told() == "insert"

    on_queue(work)


def test_a_look_reads_no_more_of_a_long_queue_than_it_takes_whatever_postgresql_believes_of_it(on_queue: Any) -> None:
    """Nobody has taken statistics: of a queue that was empty a moment ago there are none."""

    async def work(queue: Queue) -> None:
        await queue.put(*(f"later-{number}" for number in range(MANY)), after=LATER)
        await queue.put(*(f"due-{number}" for number in range(MANY)))
        driver = queue.looks.driver
        await driver.execute("BEGIN")
        assert await queue.take(3) == ["due-0", "due-1", "due-2"]
        assert await driver.fetch(
            "SELECT seq_tup_read + idx_tup_fetch < 30 AS few FROM pg_stat_xact_user_tables WHERE relname = 'pgqueuer'"
        ) == [{"few": True}]
        await driver.execute("ROLLBACK")

    on_queue(work)


def test_a_worker_that_was_idle_for_long_reads_no_more_of_a_rush_than_it_takes(on_queue: Any) -> None:
    """Its statements were planned for an empty queue, and are not planned again."""

    async def work(queue: Queue) -> None:
        driver = queue.looks.driver
        await queue.put("before")
        gone = await queue.taken()
        await ended(queue, gone)
        for _ in range(PREPARED):
            await driver.execute("VACUUM ANALYZE pgqueuer")
            assert await queue.taken() == []
            await ended(queue, gone)
        await queue.put(*(f"rush-{number}" for number in range(MANY)))
        await driver.execute("BEGIN")
        for _ in range(3):
            await ended(queue, await queue.taken(3))
        assert await driver.fetch(
            "SELECT seq_tup_read + idx_tup_fetch < 60 AS few FROM pg_stat_xact_user_tables WHERE relname = 'pgqueuer'"
        ) == [{"few": True}]
        await driver.execute("ROLLBACK")

    on_queue(work)


async def ended(queue: Queue, jobs: list[Job]) -> None:
    await queue.looks.log_jobs([(job, "successful", None) for job in jobs])
