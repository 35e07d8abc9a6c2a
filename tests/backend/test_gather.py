"""What is asked while the database is at work is made together; time plays no part in it."""

import asyncio

import pytest

from zekt_backend.store.gather import Gather


class Work:
    """Makes each item's double, when the test says so."""

    def __init__(self) -> None:
        self.batches: list[list[int]] = []
        self.begun = asyncio.Event()
        self.may_end = asyncio.Semaphore(0)

    async def __call__(self, items: list[int]) -> list[int]:
        self.batches.append(items)
        self.begun.set()
        await self.may_end.acquire()
        if 0 in items:
            raise ValueError("nought")
        return [2 * item for item in items]


async def test_who_comes_alone_waits_for_nobody() -> None:
    work = Work()
    work.may_end.release()
    assert await Gather(work, most=4)(1) == 2
    assert work.batches == [[1]]


async def test_what_comes_meanwhile_is_made_together_and_no_more_than_the_most() -> None:
    work = Work()
    gather = Gather(work, most=4)
    first = asyncio.create_task(gather(1))
    await work.begun.wait()
    rest = [asyncio.create_task(gather(number)) for number in range(2, 8)]
    for _ in range(3):
        work.may_end.release()
    assert await asyncio.gather(first, *rest) == [2, 4, 6, 8, 10, 12, 14]
    assert work.batches == [[1], [2, 3, 4, 5], [6, 7]]


async def test_what_fails_fails_for_its_batch_alone() -> None:
    work = Work()
    gather = Gather(work, most=2)
    asked = [asyncio.create_task(gather(number)) for number in (0, 1, 2)]
    for _ in range(2):
        work.may_end.release()
    nought, one, two = await asyncio.gather(*asked, return_exceptions=True)
    assert isinstance(nought, ValueError)
    assert isinstance(one, ValueError)
    assert two == 4


async def test_who_no_longer_asks_is_left_out_of_the_next_batch() -> None:
    work = Work()
    gather = Gather(work, most=4)
    first = asyncio.create_task(gather(1))
    await work.begun.wait()
    gone, stays = asyncio.create_task(gather(2)), asyncio.create_task(gather(3))
    await asyncio.sleep(0)
    gone.cancel()
    for _ in range(2):
        work.may_end.release()
    assert (await first, await stays) == (2, 6)
    with pytest.raises(asyncio.CancelledError):
        await gone
    assert work.batches == [[1], [3]]
