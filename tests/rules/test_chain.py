"""Chains: who sees which hops, and what is told of the others."""

from datetime import UTC, datetime, timedelta

import pytest

from zekt_backend.rules.chain import Hop, Run, Sight, Tree, draw, durations, total

A, B, C, D = 1, 2, 3, 4
HOPS = {
    # name: (from, to, caused by, hides its provider)
    "a-b": (A, B, None, False),
    "a-c": (A, C, None, False),
    "b-c": (B, C, "a-b", False),
    "c-d": (C, D, "b-c", False),
    "d-a": (D, A, "c-d", False),
}
Drawn = list[tuple[str | None, int, int | None]]


def drawn(mine: set[int] | None, *, hidden: str = "", only: str = "", root: str = "") -> Drawn:
    """(hop, depth, parent's number) of each place."""
    tree = Tree(Sight(mine))
    for order, (name, (provider, consumer, cause, _)) in enumerate(HOPS.items()):
        if not only or name in only.split():
            hop = Hop(Run(provider, 10 * provider + order), name, consumer, name in hidden.split(), order)
            tree.add(hop, None if name == root or (root and cause is None) else cause)
    return [(place.hop.key if place.hop else None, place.depth, place.parent) for place in draw(tree)]


def test_the_operator_sees_all_of_it() -> None:
    assert drawn(None, hidden="b-c") == [
        ("a-b", 0, None),
        ("b-c", 1, 1),
        ("c-d", 2, 2),
        ("d-a", 3, 3),
        ("a-c", 0, None),
    ]


def test_others_hops_between_one_s_own_are_one_blank() -> None:
    assert drawn({A}) == [("a-b", 0, None), (None, 1, 1), ("d-a", 2, 2), ("a-c", 0, None)]


def test_what_follows_from_one_s_own_is_told_of_as_one_blank() -> None:
    assert drawn({A}, only="a-b b-c c-d") == [("a-b", 0, None), (None, 1, 1)]


def test_of_who_else_got_the_same_nothing_is_told() -> None:
    assert drawn({B}, only="a-b a-c") == [("a-b", 0, None)]
    assert drawn({C}, only="a-b a-c") == [("a-c", 0, None)]


def test_what_comes_before_one_s_own_is_one_blank() -> None:
    assert drawn({D}, only="a-b b-c c-d") == [(None, 0, None), ("c-d", 1, 1)]


def test_who_has_no_part_in_it_sees_nothing() -> None:
    assert drawn({9}) == []
    assert drawn(set()) == []


def test_nothing_is_seen_beyond_a_provider_who_hides() -> None:
    # To A, what D sends under another name is not in this chain at all.
    assert drawn({A}, hidden="d-a") == [("a-b", 0, None), (None, 1, 1), ("a-c", 0, None)]
    # Not even between two places of A's own.
    assert drawn({A}, hidden="c-d") == [("a-b", 0, None), (None, 1, 1), ("a-c", 0, None)]
    assert drawn({D}, hidden="d-a", only="a-b b-c c-d d-a")[-2:] == [("c-d", 1, 1), ("d-a", 2, 2)]


def test_from_a_provider_who_hides_one_sees_on() -> None:
    """It is where one looks from: what one got, and what one made of it."""
    assert drawn({D}, hidden="c-d", only="c-d d-a", root="c-d") == [("c-d", 0, None), ("d-a", 1, 1)]


def test_a_chain_longer_than_python_s_stack_is_drawn() -> None:
    tree = Tree(Sight(None))
    for number in range(5_000):
        hop = Hop(Run(number, number), str(number), number + 1, order=number)
        assert tree.add(hop, str(number - 1) if number else None)
    assert [place.depth for place in draw(tree)] == list(range(5_000))


def test_a_hop_has_one_place() -> None:
    tree, hop = Tree(Sight(None)), Hop(Run(1, 1), "a", 1)
    assert tree.add(hop, None)
    assert not tree.add(hop, "a")
    assert len(draw(tree)) == 1


NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)
STEPS = {
    "messageReceivedAt": NOON,
    "eventReceivedAt": NOON + timedelta(seconds=2),
    "decidedAt": NOON + timedelta(seconds=2, milliseconds=4),
    "dispatchedAt": NOON + timedelta(seconds=2, milliseconds=20.4),
    "confirmedAt": NOON + timedelta(seconds=9),
    "completedAt": NOON + timedelta(seconds=69),
}


def test_each_step_has_its_duration_in_milliseconds() -> None:
    assert durations(STEPS) == {
        "toEvent": 2000,
        "toDecision": 4,
        "toDispatch": 16,
        "toConfirm": 6980,
        "toComplete": 60_000,
        "total": 69_000,
    }


@pytest.mark.parametrize("missing", STEPS)
def test_of_a_step_that_is_not_known_there_is_no_duration(missing: str) -> None:
    found = durations({**STEPS, missing: None})
    assert None in [found[name] for name in ("toEvent", "toDecision", "toDispatch", "toConfirm", "toComplete")]
    assert found["total"] is not None


def test_nothing_takes_less_than_no_time() -> None:
    late = {**STEPS, "messageReceivedAt": NOON + timedelta(minutes=9)}
    assert durations(late)["toEvent"] == 0
    assert total([]) is None
