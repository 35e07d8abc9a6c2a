"""Which run goes first, and what a concurrency group holds up."""

import threading
from typing import Any

import pytest

from zekt_sandbox.local.turns import PER_REPOSITORY, Ticket, Turns, concurrency
from zekt_workflows.reader import read


class Waiting:
    """A ticket that waits in a thread."""

    def __init__(self, turns: Turns, ticket: Ticket) -> None:
        self.ticket = ticket
        self.displaced = turns.enter(ticket)
        self.answer: list[bool] = []
        self._answered = threading.Event()
        self._turns = turns
        threading.Thread(target=self._wait, daemon=True).start()

    def _wait(self) -> None:
        self.answer.append(self._turns.wait(self.ticket))
        self._answered.set()

    def got(self) -> bool:
        assert self._answered.wait(10)
        return self.answer[0]


def test_of_one_repository_a_few_run_and_the_next_waits_for_one_of_them() -> None:
    turns = Turns()
    first, *_ = running = [Waiting(turns, Ticket(1)) for _ in range(PER_REPOSITORY)]
    assert all(each.got() for each in running)
    third, elsewhere = Waiting(turns, Ticket(1)), Waiting(turns, Ticket(2))
    assert elsewhere.got()
    assert third.answer == []
    turns.leave(first.ticket)
    assert third.got()


def test_of_a_group_one_runs_and_the_newest_waits() -> None:
    turns = Turns()
    first = Waiting(turns, Ticket(1, "g"))
    assert first.got()
    second = Waiting(turns, Ticket(1, "g"))
    assert second.displaced == []
    third = Waiting(turns, Ticket(1, "g"))
    assert third.displaced == [second.ticket]
    turns.cancel(second.ticket)
    assert not second.got()
    turns.leave(first.ticket)
    assert third.got()
    fourth = Waiting(turns, Ticket(1, "g", replaces=True))
    assert fourth.displaced == [third.ticket]
    assert Waiting(turns, Ticket(2, "g")).got()  # another repository's group of that name


CONTEXTS: dict[str, Any] = {
    "github": {"run_id": "7", "event": {"client_payload": {"zekt": {"deliveryId": "delivery-1"}}}},
    "inputs": {"size": "Large"},
}


@pytest.mark.parametrize(
    ("written", "group", "replaces"),
    [
        ("deploy", "deploy", False),
        ('"zekt-${{ github.event.client_payload.zekt.deliveryId }}"', "zekt-delivery-1", False),
        (
            '{group: "${{ github.head_ref || github.run_id }}-${{ inputs.size }}", cancel-in-progress: true}',
            "7-large",
            True,
        ),
        ("{group: \"${{ github.missing || 'none' }}\"}", "none", False),
        ("{cancel-in-progress: true}", None, False),
    ],
)
def test_a_group_is_read_as_far_as_it_is_names(written: str, group: str | None, replaces: bool) -> None:
    workflow = read(f"on: push\nconcurrency: {written}\njobs: {{}}\n")
    assert concurrency(workflow, CONTEXTS) == (group, replaces, "")


def test_what_is_more_than_that_is_said_and_not_held_to() -> None:
    workflow = read("on: push\nconcurrency: \"${{ format('{0}', github.ref) }}\"\njobs: {}\n")
    group, _, beyond = concurrency(workflow, CONTEXTS)
    assert group is None
    assert "format(" in beyond
