"""What followed from what, as far as somebody may see it: pure.

A hop is a delivery, or a message that nobody got. Whoever has an account that is a party sees it; of others' hops only
that there is something between or below their own. A hop whose provider hides is a wall to everybody but that provider:
who stands before and behind it would be known by the place in between.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple


class Run(NamedTuple):
    """A run that sends; its attempts are one."""

    repository_id: int
    run_id: int


@dataclass(frozen=True, slots=True)
class Hop:
    """A delivery with its two sides, or a run whose messages were delivered to nobody."""

    run: Run
    delivery_id: str | None = None
    consumer_id: int | None = None
    hidden: bool = False
    order: int = 0

    @property
    def key(self) -> str:
        return self.delivery_id or f"{self.run.repository_id}/{self.run.run_id}"


@dataclass(frozen=True, slots=True)
class Sight:
    """What the repositories of whoever looks let them see; None: all there is."""

    mine: Collection[int] | None

    def provides(self, hop: Hop) -> bool:
        return self.mine is None or hop.run.repository_id in self.mine

    def sees(self, hop: Hop) -> bool:
        return self.provides(hop) or (self.mine is not None and hop.consumer_id in self.mine)

    def is_wall(self, hop: Hop) -> bool:
        return hop.hidden and not self.provides(hop)


@dataclass(slots=True)
class Tree:
    """Hops with what caused each. The roots are where somebody looks from, and so hide nothing below them."""

    sight: Sight
    hops: dict[str, Hop] = field(default_factory=dict)
    parents: dict[str, str | None] = field(default_factory=dict)
    roots: list[str] = field(default_factory=list)
    more: bool = False

    def add(self, hop: Hop, parent: str | None) -> bool:
        """False: it was there before, as it may be where a chain bites its tail, or would stand behind a wall."""
        if hop.key in self.hops or (parent is not None and self.ends_at(self.hops[parent])):
            return False
        self.hops[hop.key], self.parents[hop.key] = hop, parent
        if parent is None:
            self.roots.append(hop.key)
        return True

    def ends_at(self, hop: Hop) -> bool:
        """Nothing below it is shown: it is a wall, seen from above."""
        return self.sight.is_wall(hop) and hop.key not in self.roots

    def shows(self, hop: Hop) -> bool:
        return self.sight.sees(hop) and not self.ends_at(hop)


@dataclass(frozen=True, slots=True)
class Place:
    """A hop in the drawing. `hop` is None for others': one or more of them, one after or beside the other."""

    number: int
    parent: int | None
    depth: int
    hop: Hop | None


def draw(tree: Tree) -> list[Place]:
    """Each hop after the one that caused it; empty when nothing is to be seen."""
    below: dict[str | None, list[Hop]] = defaultdict(list)
    for key, hop in sorted(tree.hops.items(), key=lambda item: item[1].order):
        below[tree.parents[key]].append(hop)
    lead = _leading(tree)
    places: list[Place] = []
    # A loop, since a chain may be longer than Python's stack: hops that were caused by the same, and what is above.
    waiting: list[tuple[list[Hop], Place | None]] = [(below[None], None)]
    while waiting:
        hops, above = waiting.pop()
        others = [hop for hop in hops if not tree.shows(hop)]
        for hop in hops:
            if tree.shows(hop):
                places.append(_under(above, places, hop))
                waiting.append((below[hop.key], places[-1]))
        leading = [hop for hop in others if hop.key in lead]
        # Beside what is seen of a run, nothing is told of who else got it.
        alone = above is not None and above.hop is not None and bool(others) and len(others) == len(hops)
        if leading or alone:
            place = above
            if place is None or place.hop is not None:
                place = _under(above, places, None)
                places.append(place)
            waiting.append(([child for hop in leading for child in below[hop.key]], place))
    return _in_order(places) if any(place.hop for place in places) else []


def _under(above: Place | None, places: list[Place], hop: Hop | None) -> Place:
    return Place(len(places) + 1, above.number if above else None, above.depth + 1 if above else 0, hop)


def _leading(tree: Tree) -> set[str]:
    """Those with something to be seen below them."""
    found: set[str] = set()
    for key, hop in tree.hops.items():
        at = tree.parents[key] if tree.shows(hop) else None
        while at is not None and at not in found:
            found.add(at)
            at = tree.parents[at]
    return found


def _in_order(places: Iterable[Place]) -> list[Place]:
    """Each followed by all that is below it, and numbered so."""
    below: dict[int | None, list[Place]] = defaultdict(list)
    for place in places:
        below[place.parent].append(place)
    ordered: list[Place] = []
    numbers: dict[int | None, int | None] = {None: None}
    waiting = below[None][::-1]
    while waiting:
        place = waiting.pop()
        numbers[place.number] = len(ordered) + 1
        ordered.append(Place(len(ordered) + 1, numbers[place.parent], place.depth, place.hop))
        waiting.extend(reversed(below[place.number]))
    return ordered


_WAITS = (
    ("toEvent", "messageReceivedAt", "eventReceivedAt"),
    ("toDecision", "eventReceivedAt", "decidedAt"),
    ("toDispatch", "decidedAt", "dispatchedAt"),
    ("toConfirm", "dispatchedAt", "confirmedAt"),
    ("toComplete", "confirmedAt", "completedAt"),
)
TIMES = ("messageReceivedAt", "eventReceivedAt", "decidedAt", "dispatchedAt", "confirmedAt", "completedAt")
"""In the order in which they come about; a late message's comes after its event's."""


def durations(times: Mapping[str, datetime | None]) -> dict[str, int | None]:
    """Milliseconds from each step to the next, and of all of them; None where one of the two is not known."""
    found = {name: _between(times[first], times[then]) for name, first, then in _WAITS}
    return {**found, "total": total(times[name] for name in TIMES)}


def total(times: Iterable[datetime | None]) -> int | None:
    """Milliseconds from the first to the last."""
    known = [time for time in times if time]
    return _between(min(known), max(known)) if known else None


def _between(first: datetime | None, then: datetime | None) -> int | None:
    """A step that was made again comes before what it led to: no less than none."""
    return max(0, round((then - first).total_seconds() * 1000)) if first and then else None
