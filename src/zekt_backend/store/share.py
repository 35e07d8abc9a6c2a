"""How many of a pool's connections the console's pages have at a time: a crowd of tabs leaves the rest alone."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from contextvars import ContextVar

from psycopg_pool import PoolTimeout

PATIENCE = 5.0
"""Seconds for a connection. A caller that waits longer is told so (503) instead of piling up."""
_PART = 3
"""Pages have one connection of so many. A page asks up to ten things at once, and again every few seconds in every tab
that is open. Its questions are short: they wait in turn for three connections (of the ten that a process has unless it
is told otherwise), while two thirds are always left to webhooks, messages and programs."""

_of_a_page: ContextVar[bool] = ContextVar("of_a_page", default=False)


@contextmanager
def for_pages() -> Iterator[None]:
    """Within, connections are taken from the pages' part."""
    before = _of_a_page.set(True)
    try:
        yield
    finally:
        _of_a_page.reset(before)


class Share:
    """Of a pool of `size` connections. Only who holds one counts: waiting for GitHub takes nobody's turn."""

    def __init__(self, size: int) -> None:
        self._free = asyncio.Semaphore(max(1, size // _PART))

    @asynccontextmanager
    async def turn(self) -> AsyncIterator[None]:
        """Held with a connection: pages wait for one of theirs, all others go on at once.

        Raises:
            PoolTimeout: as the pool itself does.
        """
        if not _of_a_page.get():
            yield
            return
        try:
            async with asyncio.timeout(PATIENCE):
                await self._free.acquire()
        except TimeoutError:
            raise PoolTimeout(f"pages had none of their connections left for {PATIENCE:.0f} s") from None
        try:
            yield
        finally:
            self._free.release()
