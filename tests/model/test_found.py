"""What the model has found, as short as it gets: each was a fault once."""

from collections.abc import Callable

import pytest

from model.machine import Machine
from model.play import end, happens

REVOKED = ("a_subscription_changes", 0, 0)
STARTS, FAILS, SUCCEEDS = ("a_run_starts", 0, 0), ("a_run_ends", 0, 1), ("a_run_ends", 0, 0)
HEARD, AGAIN = ("an_event_arrives", 0, 0), ("a_run_is_run_again", 0, 0)
FIRST, SECOND = ("a_message_arrives", 0, 0), ("a_message_arrives", 1, 2)


@pytest.mark.parametrize(
    "what",
    [
        pytest.param(
            [STARTS, FIRST, FAILS, HEARD, AGAIN, SUCCEEDS, HEARD],
            id="what one consumer was given is still owed to another, who wants successes only",
        ),
        pytest.param(
            [REVOKED, STARTS, FIRST, FAILS, HEARD, AGAIN, SECOND, SUCCEEDS, HEARD, AGAIN, SUCCEEDS, HEARD],
            id="what was replaced by a later attempt does not come back after it",
        ),
        pytest.param(
            [STARTS, FAILS, HEARD, AGAIN, SUCCEEDS, HEARD, FIRST],
            id="a message that comes after several ends goes with each of them that it would have gone with",
        ),
        pytest.param(
            [("a_run_starts", 0, 3), SUCCEEDS, HEARD, FIRST],
            id="a late message is for nobody where messages are not forwarded",
        ),
    ],
)
def test_what_was_wrong_once_is_right(new_machine: Callable[[], Machine], what: list[tuple[str, int, int]]) -> None:
    machine = new_machine()
    for step in what:
        happens(machine, *step)
    end(machine)
