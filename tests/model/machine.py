"""Makes steps on the broker and on the model, one at a time or two at once, and holds them together."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from copy import deepcopy
from dataclasses import dataclass
from typing import Any, TypeVar

from model import checks
from model.directory import subscribers
from model.life import Life
from model.stage import Flight, Stage
from zekt_backend.rules.records import RunEvent
from zekt_sandbox.runs import Run

Thing = TypeVar("Thing")


def one_of(things: Sequence[Thing], number: int) -> Thing | None:
    return things[number % len(things)] if things else None


@dataclass(frozen=True)
class Step:
    """One thing that happens: done to the broker, then told to the model with what came of it."""

    does: Callable[[], Awaitable[Any]]
    tell: Callable[[Life, Any], None]
    after: Callable[[], None] = lambda: None
    """What the world remembers of it."""


@dataclass(eq=False)
class Letter:
    """A webhook on its way: it may come late, twice or after its successor."""

    event: RunEvent
    heard: int = 0


class Machine:
    """The broker, the model, and the world around them, in one example."""

    def __init__(self, stage: Stage, runner: asyncio.Runner) -> None:
        self.stage, self.runner = stage, runner
        self.life = Life(subscribers())
        self.faithful = set(self.life.subscribers)
        """Subscribers that were approved all the time."""
        self.runs: list[Run] = []
        """Every attempt of the provider's runs."""
        self.consumer_runs: list[Run] = []
        """Every attempt of the runs that dispatches have started."""
        self.started: set[int] = set()
        """Dispatches whose run has started."""
        self.letters: list[Letter] = []
        self.flights: list[Flight] = []
        self.run(stage.reset())
        self.run(stage.apply({}))

    def close(self) -> None:
        for flight in self.flights:
            self.run(self.stage.kill(flight))

    def run(self, work: Coroutine[Any, Any, Thing]) -> Thing:
        return self.runner.run(work)

    def make(self, step: Step) -> None:
        async def done() -> Any:
            return await step.does()

        outcome = self.run(done())
        step.tell(self.life, outcome)
        step.after()

    def make_both(self, one: Step, other: Step) -> None:
        """Two at the same moment: what came of them is what would have come of them in one order or the other."""

        async def together() -> tuple[Any, Any]:
            return await asyncio.gather(one.does(), other.does())

        outcomes = self.run(together())
        told = list(zip((one, other), outcomes, strict=True))
        self.life = self._explained(told)
        for step, _ in told:
            step.after()

    def _explained(self, told: list[tuple[Step, Any]]) -> Life:
        seen = self.run(checks.read(self.stage))
        refused: list[AssertionError] = []
        for order in (told, told[::-1]):
            life = deepcopy(self.life)
            try:
                for step, outcome in order:
                    step.tell(life, outcome)
                checks.check(seen, life, self.stage)
            except AssertionError as error:
                refused.append(error)
            else:
                return life
        raise ExceptionGroup("neither order explains what came of it", refused)

    def check(self) -> None:
        checks.check(self.run(checks.read(self.stage)), self.life, self.stage)
