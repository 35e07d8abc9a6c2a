"""The listing of many connections, page by page, of all and of one state."""

from typing import Any

import pytest

from health import rows
from health.conftest import Still
from zekt_testing.crowd import crowd


def pages(still: Still, query: str) -> list[list[str]]:
    """Until the last one."""
    found, before = [], ""
    while True:
        page = still.get(f"/api/connections?{query}{before}")
        found.append([each["consumer"]["repository"] for each in page["connections"]])
        if page["next"] is None:
            return found
        before = f"&before={page['next']}"


class TestMany:
    """Of ten more connections every third one fails."""

    @pytest.fixture
    def wanted(self) -> dict[str, Any]:
        return crowd(10, installations=2, durable=True)

    @pytest.fixture
    def ill(self, still: Still) -> list[str]:
        names = [f"team-{number % 2}/app-{number}" for number in (9, 6, 3, 0)]
        for name in names:
            rows.add(still.database_url, "failed", still.clock.now(), consumer=name)
        return names

    def test_pages_go_on_where_the_last_one_ended(self, still: Still, ill: list[str]) -> None:
        assert [len(page) for page in pages(still, "limit=3")] == [3, 3, 3, 2]
        assert [len(page) for page in pages(still, "limit=11")] == [11]
        everybody = [name for page in pages(still, "limit=4") for name in page]
        assert len(set(everybody)) == len(everybody) == 11
        assert set(ill) < set(everybody)

    @pytest.mark.parametrize("limit", [1, 2, 3, 4, 5, 50])
    def test_pages_of_one_state_hold_all_of_them_once(self, still: Still, ill: list[str], limit: int) -> None:
        found = pages(still, f"state=critical&limit={limit}")
        assert [name for page in found for name in page] == ill
        assert all(len(page) <= limit for page in found)
        assert still.get("/api/health")["connections"] == {"healthy": 6, "warning": 0, "critical": 4, "capped": False}


class TestHundreds:
    """Of 640 connections, more than one request looks at, three fail."""

    @pytest.fixture
    def wanted(self) -> dict[str, Any]:
        return crowd(640, installations=2)

    def test_a_page_of_one_state_may_end_early_and_goes_on_from_there(self, still: Still) -> None:
        names = [f"team-{number % 2}/app-{number}" for number in (600, 411, 5)]
        for name in names:
            rows.add(still.database_url, "failed", still.clock.now(), consumer=name)
        assert pages(still, "state=critical&limit=3") == [names[:2], names[2:]]
        assert pages(still, "state=critical&limit=1") == [*([name] for name in names), []]
        assert pages(still, "state=warning") == [[], []]
        counts = {"healthy": 498, "warning": 0, "critical": 2, "capped": True}
        assert still.get("/api/health")["connections"] == counts
