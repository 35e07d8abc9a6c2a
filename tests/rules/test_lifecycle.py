"""The table of docs/lifecycle.md."""

import pytest

from zekt_backend.rules.lifecycle import ENDED, TRANSITIONS, Fact, Status, sources, target


def test_every_fact_leads_to_one_status() -> None:
    for fact in TRANSITIONS:
        assert target(fact) in Status


def test_nothing_leads_out_of_an_ended_delivery() -> None:
    assert not any(status in sources(fact) for fact in TRANSITIONS for status in ENDED)


def test_every_status_can_be_reached_from_pending() -> None:
    reached = {Status.PENDING}
    for _ in Status:
        reached |= {to for table in TRANSITIONS.values() for start, to in table.items() if start in reached}
    assert reached == set(Status)


@pytest.mark.parametrize(
    ("fact", "start", "end"),
    [
        (Fact.ACCEPTED, "pending", "dispatched"),
        (Fact.REFUSED, "pending", "failed"),
        (Fact.UNHEARD, "dispatched", "pending"),
        (Fact.GIVEN_UP, "dispatched", "failed"),
        (Fact.CONFIRMED, "dispatched", "confirmed"),
        (Fact.CONFIRMED, "pending", "confirmed"),
        (Fact.COMPLETED, "confirmed", "completed"),
        (Fact.RUN_FAILED, "confirmed", "failed"),
        (Fact.OVERDUE, "confirmed", "failed"),
    ],
)
def test_the_table_says(fact: Fact, start: str, end: str) -> None:
    assert TRANSITIONS[fact][Status(start)] is Status(end)


def test_the_table_says_nothing_else() -> None:
    assert sum(len(table) for table in TRANSITIONS.values()) == 9
