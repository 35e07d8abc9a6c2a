"""Delivering many once more: a dry run first, then watched, and stopped."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from health import rows
from zekt_testing.broker import Zekt
from zekt_testing.browser import Visitor
from zekt_testing.deliveries import dispatched

Visit = Callable[..., Visitor]


@pytest.fixture
def zekt(start: Callable[..., Zekt]) -> Zekt:
    """Where a replay of many makes one a second."""
    return start(settings={"replays_per_minute": 60})


def test_all_that_failed_are_replayed_after_a_dry_run(zekt: Zekt, sam: Visitor, visit: Visit) -> None:
    for _ in range(2):
        dispatched(zekt)
    zekt.sql("UPDATE deliveries SET status = 'failed', failure = 'not_found', completed_at = now(), due_at = NULL")
    ((number,),) = zekt.sql("SELECT id FROM subscriptions")
    sam.page.goto(f"/connections/{number}")
    sam.page.get_by_role("link", name="Replay all that failed").click()
    opened = sam.page.get_by_role("dialog")
    opened.get_by_label("That were made in the last").select_option("7 days")
    sam.look("replay-many-dialog")
    opened.get_by_role("button", name="See what it would do").click()
    sam.page.get_by_role("heading", name="What it would do").wait_for()
    assert len(zekt.deliveries()) == 2
    sam.look("replay-many")
    sam.page.get_by_role("button", name="Replay 2").click()
    sam.page.get_by_role("status").get_by_text("2 deliveries are being replayed.").wait_for()
    sam.page.get_by_text("Done").wait_for()
    sam.look("replays")
    assert sorted(each["isReplay"] for each in zekt.deliveries()) == [False, False, True, True]
    again = visit(scripts=False)
    again.become("alice", f"/connections/{number}/replay")
    again.page.get_by_role("button", name="See what it would do").click()
    assert again.page.get_by_text("Nothing failed then that has not been replayed already.").is_visible()
    assert again.page.get_by_role("button", name="Replay").count() == 0


def test_what_is_under_way_is_stopped(zekt: Zekt, sam: Visitor, visit: Visit) -> None:
    now = datetime.now(UTC)
    rows.add(zekt.database_url, "failed", now - timedelta(hours=1), count=300)
    ((number,),) = zekt.sql("SELECT id FROM subscriptions")
    sam.page.goto(f"/connections/{number}/replay")
    sam.page.get_by_role("button", name="See what it would do").click()
    sam.page.get_by_role("button", name="Replay 300").click()
    sam.page.get_by_text("Under way").wait_for()
    sam.page.get_by_role("button", name="Stop").click()
    sam.page.get_by_role("status").get_by_text("Stopped.").wait_for()
    sam.page.get_by_role("main").get_by_text("Stopped; asked for").wait_for()
    narrow = visit(narrow=True, dark=True)
    narrow.become("sam", sam.page.url.removeprefix(zekt.url))
    narrow.look("replays")


def test_an_onlooker_is_offered_nothing_and_refused(zekt: Zekt, people: None, visit: Visit) -> None:  # noqa: ARG001
    rows.add(zekt.database_url, "failed", datetime.now(UTC))
    zekt.github.add_repository("shop-team/other", id=1003, installation_id=51)
    zekt.sql(
        """INSERT INTO repositories (id, account_id, full_name, installation_id, enabled, provider)
           SELECT 1003, id, 'shop-team/other', 51, true, true FROM accounts WHERE login = 'shop-team'"""
    )
    zekt.github.set_person("rita", repositories={"shop-team/other": "admin"})
    ((number,),) = zekt.sql("SELECT id FROM subscriptions")
    rita = visit()
    rita.become("rita", f"/connections/{number}")
    rita.page.get_by_role("heading", name="What to do").wait_for()
    assert rita.page.get_by_role("link", name="Replay all that failed").count() == 0
    rita.page.goto(f"/connections/{number}/replay")
    rita.page.get_by_role("alert").get_by_text("not_yours").wait_for()
