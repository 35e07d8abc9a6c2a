"""Calls that come while the database is at work for others are made together, in one transaction."""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from typing import Generic, TypeVar

Item = TypeVar("Item")
Made = TypeVar("Made")


class Gather(Generic[Item, Made]):
    """Makes what is asked in batches. No timer: who comes alone is a batch of one at once, and waits for nobody.

    While one batch is made the next one gathers, so batches grow as the database falls behind, and only then.

    Args:
        work: makes a batch, of one at least; gives back what became of each, in order. What it raises, all hear.
        most: items in a batch.
    """

    def __init__(self, work: Callable[[list[Item]], Awaitable[list[Made]]], *, most: int) -> None:
        self._work, self._most = work, most
        self._waiting: deque[tuple[Item, asyncio.Future[Made]]] = deque()
        self._making: asyncio.Task[None] | None = None

    async def __call__(self, item: Item) -> Made:
        """Make it. Who is cancelled before its batch begins is left out; later, it is made all the same."""
        made: asyncio.Future[Made] = asyncio.get_running_loop().create_future()
        self._waiting.append((item, made))
        if self._making is None:
            # A task of its own: it begins once all who are about to ask at this moment have asked.
            self._making = asyncio.create_task(self._make_all())
        return await made

    async def _make_all(self) -> None:
        try:
            while self._waiting:
                taken = [self._waiting.popleft() for _ in range(min(self._most, len(self._waiting)))]
                await self._make([each for each in taken if not each[1].done()])
        finally:
            self._making = None
            for _, made in self._waiting:  # none, unless this task was cancelled
                made.cancel()

    async def _make(self, batch: list[tuple[Item, asyncio.Future[Made]]]) -> None:
        if not batch:
            return
        try:
            results = await self._work([item for item, _ in batch])
            for (_, made), result in zip(batch, results, strict=True):
                if not made.done():
                    made.set_result(result)
        except Exception as error:  # noqa: BLE001 - theirs, who asked
            for _, made in batch:
                if not made.done():
                    made.set_exception(error)
        finally:
            for _, made in batch:  # none, unless this task was cancelled
                made.cancel()
