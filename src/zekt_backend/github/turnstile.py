"""Few threads for what blocks, and a bounded wait for one of them."""

import asyncio
from collections.abc import Callable
from concurrent.futures import Executor
from dataclasses import dataclass, field
from typing import TypeVar

from zekt_backend.errors import ZektError

_Result = TypeVar("_Result")


@dataclass(frozen=True, slots=True)
class Turnstile:
    """Of these threads at most so many are busy with this; who comes then waits, and is sent away before long."""

    threads: Executor
    places: int
    who: str
    """Of whom there are too many, for the one who is sent away."""
    patience: float = 10.0
    """Seconds."""
    _free: asyncio.Semaphore = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_free", asyncio.Semaphore(self.places))

    async def __call__(self, work: Callable[[], _Result], /) -> _Result:
        """Do it in one of the threads.

        Raises:
            ZektError: `github_unavailable`, when no place was free for that long.
        """
        try:
            async with asyncio.timeout(self.patience):
                await self._free.acquire()
        except TimeoutError:
            text = f"Too many {self.who} at this moment: try again."
            raise ZektError("github_unavailable", text, retry_after=10) from None
        try:
            return await asyncio.get_running_loop().run_in_executor(self.threads, work)
        finally:
            self._free.release()
