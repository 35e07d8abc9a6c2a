"""Ids of deliveries and messages: in order, so that an index of millions is written at one place and not at as many."""

from collections.abc import Callable

import pytest

from zekt_backend.broker import new_delivery_id, new_event_id


@pytest.mark.parametrize("new", [new_delivery_id, new_event_id])
def test_each_id_is_greater_than_those_before_it(new: Callable[[], str]) -> None:
    made = [new() for _ in range(10_000)]
    assert made == sorted(set(made))
