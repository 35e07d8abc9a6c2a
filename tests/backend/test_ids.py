"""Ids of deliveries and messages: in order, so that an index of millions is written at one place and not at as many."""

import time
from collections.abc import Callable
from uuid import RFC_4122, UUID

import pytest

from zekt_backend.ids import new_delivery_id, new_event_id


@pytest.mark.parametrize(("new", "word"), [(new_delivery_id, "delivery-"), (new_event_id, "event-")])
def test_an_id_is_a_uuid_of_version_7_that_tells_when_it_was_made(new: Callable[[], str], word: str) -> None:
    before = time.time_ns() // 1_000_000
    made = new()
    found = UUID(made.removeprefix(word))
    assert (made.startswith(word), found.version, found.variant) == (True, 7, RFC_4122)
    assert before <= found.int >> 80 <= time.time_ns() // 1_000_000


@pytest.mark.parametrize("new", [new_delivery_id, new_event_id])
def test_each_id_is_greater_than_those_before_it(new: Callable[[], str]) -> None:
    made = [new() for _ in range(10_000)]
    assert made == sorted(set(made))
