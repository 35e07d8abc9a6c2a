"""Delivery Status: watched as it changes, filtered, opened, delivered once more."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from playwright.sync_api import expect

from health import rows
from zekt_testing.broker import Zekt
from zekt_testing.browser import Visitor
from zekt_testing.deliveries import dispatched, ids

Visit = Callable[..., Visitor]


def row_of(visitor: Visitor, delivery_id: str) -> Any:
    return visitor.page.locator(f"tr:has(#{delivery_id})")


def test_it_says_what_to_do_while_there_is_none(sam: Visitor, visit: Visit) -> None:
    sam.page.goto("/provider/deliveries")
    sam.page.get_by_role("heading", name="No deliveries yet").wait_for()
    assert sam.page.get_by_role("main").get_by_role("link", name="Service Descriptions").is_visible()
    sam.look("deliveries-none")
    alice = visit(narrow=True)
    alice.become("alice", "/consumer/deliveries")
    assert alice.page.get_by_role("main").get_by_role("link", name="Browse the directory").is_visible()
    alice.look("deliveries-none")


def test_a_delivery_is_watched_until_it_has_completed_and_keeps_the_focus(zekt: Zekt, sam: Visitor) -> None:
    run, delivery = dispatched(zekt)
    sam.page.goto("/provider/deliveries")
    row = row_of(sam, delivery)
    row.get_by_text("Dispatched", exact=True).wait_for()
    sam.page.locator(f"#{delivery}").focus()
    sam.page.evaluate("window.loaded = true")
    assert zekt.confirm(run, **ids(zekt, delivery)).ok
    row.get_by_text("Confirmed", exact=True).wait_for()
    assert zekt.complete(run, result={"resourceId": "<b>vm-7</b>"}, **ids(zekt, delivery)).ok
    row.get_by_text("Completed", exact=True).wait_for()
    assert sam.page.get_by_role("link", name="Completed 1").is_visible()
    assert sam.page.get_by_role("link", name="Dispatched 0").is_visible()
    assert sam.page.evaluate("window.loaded && document.activeElement.id") == delivery
    sam.look("deliveries")


def test_an_open_delivery_goes_on_before_the_eyes(zekt: Zekt, sam: Visitor, visit: Visit) -> None:
    run, delivery = dispatched(zekt)
    sam.page.goto("/provider/deliveries")
    sam.page.locator(f"#{delivery}").click()
    opened = sam.page.get_by_role("dialog")
    opened.get_by_role("heading", name="infrastructure-order").wait_for()
    opened.get_by_text("Attempt 1: GitHub accepted it").wait_for()
    assert zekt.confirm(run, **ids(zekt, delivery)).ok
    opened.get_by_text("Confirmed: the consumer's run has started").wait_for()
    assert zekt.complete(run, result={"resourceId": "<b>vm-7</b>"}, **ids(zekt, delivery)).ok
    opened.get_by_text("Completed: the consumer's run has ended well").wait_for()
    assert '"resourceId": "<b>vm-7</b>"' in opened.locator("pre").inner_text()
    assert f"/infra-team/platform/actions/runs/{run.id}" in str(
        opened.get_by_role("link", name=str(run.id)).get_attribute("href")
    )
    assert opened.get_by_text("whitelisted").first.is_visible()
    sam.look("delivery-dialog")
    opened.get_by_role("button", name="Close").click()
    for how in ({}, {"narrow": True}, {"dark": True}):
        visitor = visit(**how)
        visitor.become("alice", f"/deliveries/{delivery}")
        visitor.look("delivery")
        visitor.page.goto("/consumer/deliveries")
        visitor.page.locator(f"#{delivery}").wait_for()
        visitor.look("deliveries")


def test_filters_hold_while_it_refreshes_and_pages(zekt: Zekt, sam: Visitor) -> None:
    _, first = dispatched(zekt)
    run, second = dispatched(zekt)
    assert zekt.confirm(run, **ids(zekt, second)).ok
    sam.page.goto("/provider/deliveries")
    sam.page.get_by_role("link", name="Confirmed 1").click()
    row_of(sam, second).wait_for()
    assert row_of(sam, first).count() == 0
    sam.page.get_by_label("Consumer").fill("infra-team/nothing")
    sam.page.get_by_role("button", name="Filter").click()
    sam.page.get_by_role("heading", name="None like this").wait_for()
    assert "status=confirmed" in sam.page.url
    sam.page.get_by_role("main").get_by_role("link", name="Clear").click()
    sam.page.get_by_label("Run (correlation id)").fill(zekt.delivery(first)["correlationId"])
    sam.page.get_by_role("button", name="Filter").click()
    row_of(sam, first).wait_for()
    assert row_of(sam, second).count() == 0
    ((connection,),) = zekt.sql("SELECT id FROM subscriptions")
    sam.page.goto(f"/provider/deliveries?connection={connection}")
    assert sam.page.get_by_label("infra-team/platform only").is_checked()
    # Not `uncheck`, which looks at it again: by then the form may have brought another page, without it.
    sam.page.get_by_label("infra-team/platform only").click()
    sam.page.wait_for_url(lambda address: "connection" not in address)


def test_a_replay_asks_before_and_leads_to_the_new_delivery(zekt: Zekt, alice: Visitor) -> None:
    _, delivery = dispatched(zekt)
    alice.page.goto(f"/deliveries/{delivery}")
    alice.page.get_by_role("link", name="Replay").click()
    alice.page.get_by_role("dialog").get_by_text("The consumer's workflow starts again").wait_for()
    alice.look("replay-dialog")
    assert len(zekt.deliveries()) == 1
    alice.page.get_by_role("dialog").get_by_role("button", name="Replay").click()
    alice.page.get_by_role("status").get_by_text("Queued as a delivery of its own.").wait_for()
    (new,) = (each for each in zekt.deliveries() if each["isReplay"])
    assert alice.page.url.endswith(f"/deliveries/{new['deliveryId']}")
    alice.page.get_by_role("link", name=delivery).click()
    alice.page.get_by_role("link", name=new["deliveryId"]).wait_for()


def test_a_replay_that_is_refused_says_why(zekt: Zekt, people: None, visit: Visit) -> None:  # noqa: ARG001
    _, delivery = dispatched(zekt)
    zekt.sql("UPDATE messages SET received_at = received_at - interval '91 days'")
    sam = visit(scripts=False)
    sam.become("sam", f"/deliveries/{delivery}")
    sam.page.get_by_role("link", name="Replay").click()
    sam.page.get_by_role("button", name="Replay").click()
    told = sam.page.get_by_role("alert").inner_text()
    assert "kept for 90 days. Have the provider's workflow run again" in told
    assert "payload_expired" in told
    assert len(zekt.deliveries()) == 1


def test_an_onlooker_reads_without_replaying_and_a_stranger_sees_nothing(
    zekt: Zekt,
    people: None,  # noqa: ARG001
    visit: Visit,
) -> None:
    _, delivery = dispatched(zekt)
    zekt.github.add_repository("shop-team/other", id=1003, installation_id=51)
    zekt.sql(
        """INSERT INTO repositories (id, account_id, full_name, installation_id, enabled, provider)
           SELECT 1003, id, 'shop-team/other', 51, true, true FROM accounts WHERE login = 'shop-team'"""
    )
    zekt.github.set_person("rita", repositories={"shop-team/other": "admin"})
    rita = visit()
    rita.become("rita", f"/deliveries/{delivery}")
    rita.page.get_by_text("Attempt 1: GitHub accepted it").wait_for()
    assert rita.page.get_by_role("link", name="Replay").count() == 0
    assert rita.window.request.get(f"/deliveries/{delivery}/replay").status == 403
    zoe = visit()
    zoe.become("zoe", "/provider/deliveries")
    zoe.page.get_by_role("heading", name="No deliveries yet").wait_for()
    zoe.page.goto(f"/deliveries/{delivery}")
    zoe.page.get_by_role("alert").get_by_text("not_yours").wait_for()
    for method in ("GET", "POST"):
        answer = zoe.window.request.fetch(f"/deliveries/{delivery}/replay", method=method)
        assert answer.status == 403


def test_a_link_to_a_run_leads_to_the_web_or_nowhere(zekt: Zekt, sam: Visitor) -> None:
    _, delivery = dispatched(zekt)
    run = zekt.delivery(delivery)["correlationId"]
    sam.page.goto(f"/deliveries/{delivery}")
    assert sam.page.get_by_role("link", name=run).get_attribute("rel") == "noreferrer noopener"
    zekt.sql("UPDATE events SET html_url = 'javascript:alert(1)'")
    sam.page.reload()
    assert sam.page.get_by_text(run).first.is_visible()
    assert sam.page.get_by_role("link", name=run).count() == 0
    assert "javascript:" not in sam.page.content()


def test_a_refresh_that_is_refused_leaves_what_was_there(zekt: Zekt, sam: Visitor) -> None:
    _, delivery = dispatched(zekt)
    sam.page.goto("/provider/deliveries")
    sam.page.locator(f"#{delivery}").wait_for()
    sam.page.route("**/provider/deliveries", lambda route: route.fulfill(status=429, body="<p>Too many</p>"))
    with sam.page.expect_response("**/provider/deliveries"):
        pass
    sam.page.unroute("**/provider/deliveries")
    with sam.page.expect_response("**/provider/deliveries"):
        assert sam.page.locator(f"#{delivery}").is_visible()
    assert "Too many" not in sam.page.content()


def test_a_refresh_loses_neither_the_place_nor_the_page(zekt: Zekt, sam: Visitor) -> None:
    rows.add(zekt.database_url, "completed", datetime.now(UTC) - timedelta(minutes=5), count=120)
    sam.page.goto("/provider/deliveries")
    sam.page.get_by_role("link", name="Older").click()
    sam.page.wait_for_url("**before=*")
    shown = sam.page.locator(".row")
    first = shown.first.get_attribute("id")
    shown.nth(30).focus()
    place = sam.page.evaluate("[scrollY, document.activeElement.id]")
    assert place[0] > 100
    rows.add(zekt.database_url, "failed", datetime.now(UTC))
    sam.page.get_by_role("link", name="Failed 1").wait_for()
    assert sam.page.evaluate("[scrollY, document.activeElement.id]") == place
    assert shown.first.get_attribute("id") == first
    sam.page.get_by_role("link", name="Older").click()
    expect(shown).to_have_count(20)
