"""My Connections and Health: how each is doing, what is wrong with one, and what to do about it."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from health import rows
from zekt_testing.broker import Zekt
from zekt_testing.browser import Visitor

Visit = Callable[..., Visitor]
NOTE = "Is the app installed at <b>infra-team</b>?"


def made(zekt: Zekt, *, good: int, bad: int) -> str:
    """So many deliveries of the last hour; the connection's number."""
    now = datetime.now(UTC)
    rows.add(zekt.database_url, "completed", now - timedelta(hours=1), count=good)
    if bad:
        rows.add(zekt.database_url, "failed", now - timedelta(minutes=5), count=bad, failure="not_found", advice=NOTE)
    ((number,),) = zekt.sql("SELECT id FROM subscriptions")
    return str(number)


def test_a_critical_connection_is_found_first_and_told_what_to_do(zekt: Zekt, sam: Visitor, visit: Visit) -> None:
    number = made(zekt, good=8, bad=12)
    sam.page.goto("/health")
    sam.page.get_by_role("heading", name="Critical").wait_for()
    sam.look("health")
    sam.page.goto("/connections")
    row = sam.page.locator(f"tr:has(#connection-{number})")
    row.get_by_text("Critical").wait_for()
    assert row.get_by_text("40 %").is_visible()
    sam.look("connections")
    row.get_by_role("link").click()
    opened = sam.page.get_by_role("dialog")
    opened.get_by_role("heading", name="What to do").wait_for()
    assert opened.get_by_text("The repository was not found (404)").first.is_visible()
    assert opened.get_by_text(NOTE).first.is_visible()
    assert opened.get_by_role("heading", name="The last 10").is_visible()
    sam.window.grant_permissions(["clipboard-read", "clipboard-write"])
    copying = opened.get_by_role("button", name="Copy these commands").first
    text = opened.locator("#" + str(copying.get_attribute("data-copies"))).inner_text()
    copying.click()
    opened.get_by_text("Copied").wait_for()
    assert sam.page.evaluate("navigator.clipboard.readText()") == text
    assert "zekt " in text
    sam.look("diagnostics-dialog")
    opened.get_by_role("link", name="run").first.click()
    sam.page.wait_for_url("**/deliveries/delivery-*")
    for how in ({"narrow": True}, {"dark": True}):
        visitor = visit(**how)
        visitor.become("alice", f"/connections/{number}")
        visitor.look("diagnostics")
        visitor.page.goto("/connections")
        visitor.page.get_by_role("link", name="infra-team/platform").wait_for()
        visitor.look("connections")
        visitor.page.goto("/health")
        visitor.look("health")


@pytest.mark.parametrize("page", ["/connections", "/health"])
def test_a_stranger_is_shown_none_and_where_to_begin(zekt: Zekt, people: None, visit: Visit, page: str) -> None:  # noqa: ARG001
    ((number,),) = zekt.sql("SELECT id FROM subscriptions")
    zoe = visit()
    zoe.become("zoe", page)
    zoe.page.get_by_role("main").get_by_role("link", name="Browse the directory").wait_for()
    zoe.page.goto(f"/connections/{number}")
    zoe.page.get_by_role("alert").get_by_text("not_yours").wait_for()


def test_what_is_well_says_so_and_a_filter_by_health_goes_on(zekt: Zekt, sam: Visitor) -> None:
    made(zekt, good=1, bad=0)
    sam.page.goto("/health")
    sam.page.get_by_role("heading", name="All is well").wait_for()
    sam.page.get_by_role("main").get_by_role("link", name="My Connections").click()
    sam.page.get_by_role("link", name="Critical").click()
    sam.page.get_by_role("heading", name="None is critical").wait_for()
    sam.page.get_by_role("link", name="Healthy").click()
    sam.page.get_by_role("link", name="Orders").click()
    sam.page.get_by_role("dialog").get_by_text("Nothing: all is well").wait_for()
    sam.look("diagnostics-well")
