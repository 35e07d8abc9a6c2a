"""What comes at the same time is done together, and each caller gets what is its own."""

import asyncio
from collections.abc import Sequence

import psycopg
import pytest

from zekt_backend.flows.together import Together


class Work:
    """Takes note of its batches, which go on until they are let go."""

    def __init__(self, *, bad: int | None = None, error: Exception | None = None) -> None:
        self.batches: list[list[int]] = []
        self.may_end = asyncio.Event()
        self._bad, self._error = bad, error or ValueError("it is bad")

    async def __call__(self, items: Sequence[int]) -> list[int]:
        self.batches.append(list(items))
        await self.may_end.wait()
        if self._bad in items:
            raise self._error
        return [-item for item in items]


def together(work: Work, *, most: int = 32, at_once: int = 1, modulo: int = 1_000_000) -> Together[int, int]:
    return Together(work, apart=lambda item: item % modulo, most=most, at_once=at_once)


async def begun(ask: Together[int, int], *items: int) -> list["asyncio.Task[int]"]:
    """Callers with an item each, in this order; all of them wait when it returns."""
    tasks = [asyncio.create_task(ask(item)) for item in items]
    for _ in range(5):
        await asyncio.sleep(0)
    return tasks


async def test_who_comes_alone_is_begun_at_once_and_who_comes_meanwhile_is_the_next_batch() -> None:
    ask = together(work := Work())
    tasks = await begun(ask, 1)
    tasks += await begun(ask, 2, 3, 4)
    assert work.batches == [[1]]
    work.may_end.set()
    assert await asyncio.gather(*tasks) == [-1, -2, -3, -4]
    assert work.batches == [[1], [2, 3, 4]]


async def test_no_more_go_together_or_at_once_than_may() -> None:
    ask = together(work := Work(), most=2, at_once=2)
    tasks = await begun(ask, 1, 2, 3, 4, 5)
    assert work.batches == [[1, 2], [3, 4]]
    work.may_end.set()
    assert await asyncio.gather(*tasks) == [-1, -2, -3, -4, -5]
    assert work.batches == [[1, 2], [3, 4], [5]]


async def test_two_of_a_kind_go_one_after_the_other() -> None:
    ask = together(work := Work(), modulo=10)
    work.may_end.set()
    tasks = await begun(ask, 1, 11, 2, 21)
    assert await asyncio.gather(*tasks) == [-1, -11, -2, -21]
    assert work.batches == [[1, 2], [11], [21]]


async def test_after_a_lull_it_begins_again() -> None:
    ask = together(work := Work(), at_once=2)
    work.may_end.set()
    for item in range(1, 6):
        assert await ask(item) == -item
    assert work.batches == [[1], [2], [3], [4], [5]]


async def test_a_caller_that_goes_away_takes_nobody_with_it() -> None:
    ask = together(work := Work())
    tasks = await begun(ask, 1)
    tasks += await begun(ask, 2, 3, 4)
    tasks[0].cancel()
    tasks[2].cancel()
    await asyncio.sleep(0)
    work.may_end.set()
    assert (await tasks[1], await tasks[3]) == (-2, -4)
    assert work.batches == [[1], [2, 4]], "what had been begun went on, and who was promised nothing was left out"


async def test_a_bad_one_spoils_nothing_for_its_neighbours() -> None:
    ask = together(work := Work(bad=2))
    work.may_end.set()
    tasks = await begun(ask, 1, 2, 3)
    one, two, three = await asyncio.gather(*tasks, return_exceptions=True)
    assert (one, three) == (-1, -3)
    assert str(two) == "it is bad"
    assert work.batches == [[1, 2, 3], [1], [2], [3]]


async def test_in_trouble_whoever_waited_as_long_hears_of_it_and_who_came_since_is_tried() -> None:
    ask = together(work := Work(bad=1, error=psycopg.OperationalError("gone")), most=1)
    tasks = await begun(ask, 1, 2)
    tasks += await begun(ask, 3)
    assert work.batches == [[1]]
    work.may_end.set()
    one, two, three = await asyncio.gather(*tasks, return_exceptions=True)
    assert [str(one), str(two), three] == ["gone", "gone", -3]
    assert work.batches == [[1], [3]]


async def test_work_that_gives_too_few_results_leaves_nobody_waiting() -> None:
    async def forget(items: Sequence[int]) -> list[int]:
        return list(items)[1:]

    ask = Together(forget, apart=lambda item: item)
    async with asyncio.timeout(10):
        for found in await asyncio.gather(ask(1), ask(2), return_exceptions=True):
            assert isinstance(found, ValueError)


async def test_when_the_work_is_cancelled_its_callers_are() -> None:
    async def cancelled(_: Sequence[int]) -> list[int]:
        raise asyncio.CancelledError

    ask = Together(cancelled, apart=lambda item: item)
    with pytest.raises(asyncio.CancelledError):
        await ask(1)
