"""At a million deliveries a listing reads no more than it shows: no table from end to end, whoever asks for what."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import pytest

from many.conftest import NOW, QUIET, Explain, Plan
from zekt_backend.flows.examine_connection import examine_connection
from zekt_backend.store import delivery_search, delivery_views
from zekt_backend.store.delivery_search import Wanted

pytestmark = pytest.mark.long

MOST_BLOCKS = 15_000
"""Of 8 KiB, in memory or not, visited again and again: a row, and what is joined to it, by its indexes is about 25."""
LARGE = {"deliveries", "events", "messages", "decisions", "attempts", "history"}


def nodes(plan: Plan) -> Iterator[Plan]:
    yield plan
    for inner in plan.get("Plans", ()):
        yield from nodes(inner)


def blocks(plan: Plan) -> int:
    return int(plan["Shared Hit Blocks"]) + int(plan["Shared Read Blocks"])


def check(plans: list[Plan]) -> None:
    assert plans
    for plan in plans:
        scanned = [n["Relation Name"] for n in nodes(plan) if n["Node Type"].endswith("Seq Scan")]
        assert not LARGE & set(scanned), scanned
    assert sum(map(blocks, plans)) < MOST_BLOCKS, [(blocks(p), p) for p in plans]


@dataclass(frozen=True)
class Asked:
    wanted: Wanted = field(default_factory=Wanted)
    whose: list[int] | None = None
    found: bool = True


BUSY = [1002]
MANY = [5000 + n for n in range(1, 201)]
DAY = Wanted(since=NOW - timedelta(days=6), until=NOW - timedelta(days=5))
ASKED = {
    "everything": Asked(),
    "everything that failed": Asked(Wanted(("failed",))),
    "everything of a day": Asked(DAY),
    "a busy provider's": Asked(whose=BUSY),
    "a busy provider's failed": Asked(Wanted(("failed", "pending")), BUSY, found=False),
    "a busy provider's as a consumer": Asked(Wanted(side="consumer"), BUSY, found=False),
    "those of many repositories": Asked(whose=MANY),
    "of many repositories the failed": Asked(Wanted(("failed",)), MANY),
    "of many repositories those of a day": Asked(DAY, MANY),
    "a quiet repository's": Asked(whose=[QUIET]),
    "a connection's": Asked(Wanted(connection=3)),
    "a connection's failed": Asked(Wanted(("failed",), connection=5)),
    "a connection's, asked by a stranger": Asked(Wanted(connection=3), [QUIET], found=False),
    "a service's": Asked(Wanted(service="service-3"), [1003]),
    "those to a consumer": Asked(Wanted(consumer="TEAM-22/consumer-1"), BUSY),
    "a run's": Asked(Wanted(correlation_id="500000")),
    "a run's, asked by a stranger": Asked(Wanted(correlation_id="500000"), [QUIET], found=False),
}


@pytest.mark.parametrize("asked", ASKED.values(), ids=ASKED)
def test_a_page_reads_no_more_than_it_shows(explain: Explain[Any], asked: Asked) -> None:
    async def two_pages(tx: Any) -> list[dict[str, Any]]:
        first, following = await delivery_views.page(tx, asked.wanted, mine=asked.whose, before=None, limit=50)
        if following is None:
            return first
        second, _ = await delivery_views.page(tx, asked.wanted, mine=asked.whose, before=following, limit=50)
        return [*first, *second]

    found, plans = explain(two_pages)
    check(plans)
    assert bool(found) is asked.found
    times = [row["createdAt"] for row in found]
    assert times == sorted(times, reverse=True)
    assert len({row["deliveryId"] for row in found}) == len(found)
    assert {row["status"] for row in found} <= set(asked.wanted.all_statuses)


@pytest.mark.parametrize("asked", ASKED.values(), ids=ASKED)
def test_counting_stops_at_a_thousand(explain: Explain[Any], asked: Asked) -> None:
    counted, plans = explain(lambda tx: delivery_search.count(tx, asked.wanted, whose=asked.whose))
    check(plans)
    assert set(counted) == set(asked.wanted.all_statuses)
    assert (sum(counted.values()) > 0) is asked.found
    assert max(counted.values()) <= delivery_search.MOST_COUNTED + 1


def test_a_page_deep_in_the_past_costs_what_the_first_one_does(explain: Explain[Any]) -> None:
    async def pages(tx: Any) -> list[int]:
        for before in (None, 500_000, 1_000):
            await delivery_views.page(tx, Wanted(), mine=BUSY, before=before, limit=50)
        return []

    _, plans = explain(pages)
    check(plans)
    # Two sides and what is shown of them; with a cursor, where that is, too.
    first, last = (sum(map(blocks, part)) for part in (plans[:3], plans[-4:]))
    assert last < 2 * first + 20


def test_counts_are_those_of_the_rows(explain: Explain[Any]) -> None:
    counted, _ = explain(lambda tx: delivery_search.count(tx, Wanted(), whose=None))
    assert counted == {"pending": 0, "dispatched": 0, "confirmed": 1_000, "completed": 1_001, "failed": 4}


FAILING = 5
"""The connection whose deliveries have failed."""


def test_what_is_told_of_a_connection_reads_its_own_rows_alone(explain: Explain[Any]) -> None:
    """Also of replays of what failed: none, and nobody reads all deliveries to find that out."""
    told, plans = explain(lambda tx: examine_connection(FAILING, tx=tx, mine=None, web_url="", now=NOW))
    check(plans)
    assert told["failures"]["count"] == len(told["failures"]["newest"]) == 4
    assert [each["replayedAs"] for each in told["failures"]["newest"]] == [[]] * 4
