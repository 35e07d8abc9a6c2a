"""Many tabs at once: they have their part of the database's connections, and the rest is everybody else's."""

import threading
from collections.abc import Callable

import psycopg
import pytest

from zekt_testing.broker import Zekt
from zekt_testing.people import Browser

PART = 3
"""Of the ten connections that a process has."""
_WAITING = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"


@pytest.fixture
def zekt(start: Callable[..., Zekt]) -> Zekt:
    """Where nobody but pages asks for deliveries."""
    return start(work=False)


def test_a_crowd_of_tabs_leaves_connections_to_everybody_else(zekt: Zekt, program: Browser) -> None:
    tabs = [threading.Thread(target=program.get, args=("/",)) for _ in range(4)]
    with psycopg.connect(zekt.database_url) as holding:
        holding.execute("LOCK TABLE deliveries IN ACCESS EXCLUSIVE MODE")
        for tab in tabs:
            tab.start()
        zekt.until_sql(f"SELECT 1 FROM ({_WAITING}) AS w WHERE count >= {PART}")
        # Each is answered although every tab hangs.
        for _ in range(3):
            assert zekt.get("/api/accounts")["accounts"]
            ((waiting,),) = zekt.sql(_WAITING)
            assert waiting <= PART
        holding.rollback()
    for tab in tabs:
        tab.join(60)
        assert not tab.is_alive()
    assert program.get("/").status_code == 200


def test_a_refresh_of_the_overview_asks_for_nothing_that_it_does_not_show(zekt: Zekt, program: Browser) -> None:
    zekt.sql("DELETE FROM subscriptions")
    assert "To your first delivery" in program.get("/").text
    refreshed = program.get("/", headers={"HX-Request": "true"}).text
    assert 'id="live"' in refreshed
    assert "To your first delivery" not in refreshed
