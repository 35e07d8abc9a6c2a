"""What comes at the same time is done together: what waits while something is under way becomes one batch."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Hashable, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from zekt_backend.store.database import is_trouble

Item = TypeVar("Item")
Result = TypeVar("Result")

MOST = 32
"""Items of a batch: enough that a statement's own cost is small beside its rows', and done in a moment."""
AT_ONCE = 2
"""Batches under way at a time: one may wait for the disk while the other is made."""


@dataclass(frozen=True, slots=True)
class _Waiting(Generic[Item, Result]):
    item: Item
    future: "asyncio.Future[Result]"
    since: float

    def fail(self, error: Exception) -> None:
        if not self.future.done():
            self.future.set_exception(error)

    def end(self, result: Result) -> None:
        if not self.future.done():
            self.future.set_result(result)


class Together(Generic[Item, Result]):
    """Gives each caller the result of its own item, or its own error. It belongs to one event loop.

    There is no timer: whoever comes alone is begun at once. A caller that goes away takes nobody with it.

    Args:
        work: does all or nothing, and gives as many results as it is given items, in their order.
        apart: no two items of which this is equal go into one batch; without it any may.
        most: items of a batch.
        at_once: batches under way at a time.
    """

    def __init__(
        self,
        work: Callable[[Sequence[Item]], Awaitable[Sequence[Result]]],
        *,
        apart: Callable[[Item], Hashable] | None = None,
        most: int = MOST,
        at_once: int = AT_ONCE,
    ) -> None:
        self._work, self._apart, self._most = work, apart, most
        self._free = at_once
        self._waiting: list[_Waiting[Item, Result]] = []
        self._tasks: set[asyncio.Task[None]] = set()

    async def __call__(self, item: Item) -> Result:
        """The item's result, once the batch that holds it is done.

        Raises:
            Exception: what `work` raises for this item alone; or, in trouble, for the batch or the one before it.
        """
        loop = asyncio.get_running_loop()
        waiting: _Waiting[Item, Result] = _Waiting(item, loop.create_future(), loop.time())
        self._waiting.append(waiting)
        if self._free:
            self._free -= 1
            self._start(self._work_off())
        return await waiting.future

    def _start(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _work_off(self) -> None:
        try:
            while batch := self._next():
                await self._do(batch)
        finally:
            self._free += 1

    def _next(self) -> list[_Waiting[Item, Result]]:
        """The first that wait, without those whose callers have gone: they were promised nothing."""
        batch: dict[Hashable, _Waiting[Item, Result]] = {}
        left = []
        for waiting in self._waiting:
            if waiting.future.done():
                continue
            key = self._apart(waiting.item) if self._apart else id(waiting)
            if len(batch) < self._most and key not in batch:
                batch[key] = waiting
            else:
                left.append(waiting)
        self._waiting = left
        return list(batch.values())

    async def _do(self, batch: list[_Waiting[Item, Result]]) -> None:
        began = asyncio.get_running_loop().time()
        try:
            results = await self._work([each.item for each in batch])
            for each, result in list(zip(batch, results, strict=True)):
                each.end(result)
        except asyncio.CancelledError:
            for each in batch:
                each.future.cancel()
            raise
        except Exception as error:  # noqa: BLE001 — whatever it is, it is for the callers, and none may wait for ever
            if is_trouble(error):
                # Whoever has waited as long as the trouble lasted does not wait for it again.
                batch = [*batch, *(each for each in self._waiting if each.since <= began)]
            elif len(batch) > 1:
                # One of them, at least, spoils it for the others: each by itself, and none in the others' way.
                for each in batch:
                    self._start(self._do([each]))
                return
            for each in batch:
                each.fail(error)
