"""Whatever happens, in whatever order: the broker does what the model says, and at the end nothing is owed."""

from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, rule, run_state_machine_as_test

from model.happenings import AT_ONCE, CONSUMERS, KEEPERS, PROVIDERS, WORKERS, Happening
from model.machine import Machine
from model.play import at_once, end, happens

pytestmark = pytest.mark.long

FEW = 60

numbers = st.integers(0, 47)


def names(happenings: tuple[Happening, ...]) -> st.SearchStrategy[str]:
    return st.sampled_from([happening.__name__ for happening in happenings])


things = st.tuples(names(AT_ONCE), numbers, numbers)


class Lives(RuleBasedStateMachine):
    """One rule for each side, so that none has most of the say."""

    def __init__(self, new_machine: Callable[[], Machine]) -> None:
        super().__init__()
        self.machine = new_machine()
        self.going = True
        self.story: list[Any] = []

    @rule(what=names(PROVIDERS), which=numbers, how=numbers)
    def provider(self, what: str, which: int, how: int) -> None:
        self._play(happens, what, which, how)

    @rule(what=names(WORKERS), which=numbers, how=numbers)
    def worker(self, what: str, which: int, how: int) -> None:
        self._play(happens, what, which, how)

    @rule(what=names(CONSUMERS), which=numbers, how=numbers)
    def consumer(self, what: str, which: int, how: int) -> None:
        self._play(happens, what, which, how)

    @rule(what=names(KEEPERS), which=numbers, how=numbers)
    def keeper(self, what: str, which: int, how: int) -> None:
        self._play(happens, what, which, how)

    @rule(one=things, other=things)
    def both_at_once(self, one: Any, other: Any) -> None:
        self._play(at_once, one, other)

    def _play(self, play: Callable[..., None], *what: Any) -> None:
        self.going = False
        self.story.append((play.__name__, *what))
        try:
            play(self.machine, *what)
        except BaseException as error:
            # Hypothesis tells no story of two at once, whose outcome may be another the next time.
            error.add_note("\n".join(map(str, self.story)))
            raise
        self.going = True

    def teardown(self) -> None:
        if self.going:
            end(self.machine)
        self.machine.close()


def test_whatever_happens_in_whatever_order_the_broker_does_what_the_model_says(
    new_machine: Callable[[], Machine], request: pytest.FixtureRequest
) -> None:
    wanted: int | None = request.config.getoption("model_examples")
    run_state_machine_as_test(
        partial(Lives, new_machine),  # type: ignore[arg-type] # any callable will do
        settings=settings(
            max_examples=wanted or FEW,
            stateful_step_count=40,
            database=None,
            derandomize=wanted is None,
            # Each failing life is a story of its own, and shrinking one takes long enough.
            report_multiple_bugs=False,
            # What is slow here is the broker, PostgreSQL and GitHub, and they are the subject.
            suppress_health_check=list(HealthCheck),
        ),
    )
