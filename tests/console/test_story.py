"""The whole story, by two people in two browsers: from nothing to a delivery that both have watched, and once more."""

from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import expect

from zekt_testing.broker import ORDER, Zekt
from zekt_testing.browser import Visitor
from zekt_testing.deliveries import ids

SLUG = "web-servers"


@pytest.fixture
def zekt(start: Callable[..., Zekt]) -> Zekt:
    """Two organisations whose repositories are known and enabled as nothing."""

    def account(login: str, persona: str, name: str, number: int) -> dict[str, Any]:
        repository = {"name": name, "id": number, "installation-id": number // 1000 + 50, "enabled": False}
        return {"login": login, "persona": persona, "repositories": [repository]}

    accounts = [account("shop-team", "provider", "orders", 1001), account("infra-team", "consumer", "platform", 2002)]
    zekt = start(wanted={"accounts": accounts, "subscriptions": []})
    zekt.github.add_workflow("shop-team/orders", ORDER, "on: push")
    return zekt


def told(visitor: Visitor, text: str) -> None:
    visitor.page.get_by_role("status").get_by_text(text).wait_for()


def test_two_people_from_nothing_to_a_delivery_and_its_replay(zekt: Zekt, sam: Visitor, alice: Visitor) -> None:
    publish(sam)
    ask_for_it(alice)
    approve(sam)
    make_durable(alice)
    delivery = watch(zekt, sam, alice)
    look_into_it(sam, delivery)
    replay(zekt, alice, delivery)


def publish(sam: Visitor) -> None:
    page = sam.page
    page.goto("/")
    page.get_by_role("main").get_by_role("link", name="Zekt Repos").click()
    page.get_by_role("switch", name="shop-team/orders is enabled as a provider").click()
    told(sam, "is enabled as a provider")
    page.get_by_role("link", name="Workflows", exact=True).click()
    page.get_by_role("switch", name=f"{ORDER} is whitelisted").click()
    told(sam, "is whitelisted")
    page.get_by_role("link", name="Publish it").click()
    page.get_by_label("Slug", exact=True).fill(SLUG)
    page.get_by_label("Name for people").fill("Web servers")
    page.get_by_label("Event type").fill("web-server-ordered")
    page.get_by_label("Public").check()
    page.get_by_role("button", name="Publish").click()
    told(sam, "is published")


def ask_for_it(alice: Visitor) -> None:
    page = alice.page
    page.goto("/")
    page.get_by_role("main").get_by_role("link", name="Zekt Repos").click()
    page.get_by_role("switch", name="Receiving of infra-team/platform").click()
    told(alice, "Receiving is on")
    page.goto("/directory")
    page.get_by_role("link", name="Web servers").click()
    page.get_by_label("Note").fill("We build what you order.")
    page.get_by_role("button", name="Ask for it").click()
    told(alice, "Its provider decides")


def approve(sam: Visitor) -> None:
    page = sam.page
    page.goto("/")
    page.get_by_role("heading", name="1 request to decide").wait_for()
    page.locator("#decide").click()
    page.get_by_role("link", name="Approve… infra-team/platform").click()
    page.get_by_role("dialog").get_by_role("button", name="Approve").click()
    page.get_by_role("status").wait_for()


def make_durable(alice: Visitor) -> None:
    page = alice.page
    page.goto("/consumer/subscriptions")
    page.get_by_role("row").filter(has_text="Approved").wait_for()
    switch = page.get_by_role("switch", name=f"Durable Delivery of {SLUG} to infra-team/platform")
    switch.click()
    told(alice, "Durable Delivery is on")
    expect(switch).to_have_attribute("aria-checked", "true")


def watch(zekt: Zekt, sam: Visitor, alice: Visitor) -> str:
    """Both have their page open before anything happens, and reload nothing."""
    for visitor, side in ((sam, "provider"), (alice, "consumer")):
        visitor.page.goto(f"/{side}/deliveries")
        visitor.page.get_by_role("heading", name="No deliveries yet").wait_for()
        visitor.page.evaluate("window.neverReloaded = true")
    ordered = zekt.start_run()
    assert zekt.send(ordered, eventType="web-server-ordered").ok
    zekt.github.finish_run(ordered)
    (dispatch,) = zekt.dispatched()
    delivery: str = dispatch.client_payload["zekt"]["deliveryId"]
    run = zekt.github.start_run_for(dispatch)
    seen(delivery, "Dispatched", sam, alice)
    assert zekt.confirm(run, **ids(zekt, delivery)).ok
    seen(delivery, "Confirmed", sam, alice)
    assert zekt.complete(run, result={"resourceId": "vm-7"}, **ids(zekt, delivery)).ok
    seen(delivery, "Completed", sam, alice)
    sam.look("story-deliveries")
    return delivery


def seen(delivery: str, status: str, *visitors: Visitor) -> None:
    for visitor in visitors:
        visitor.page.locator(f"tr:has(#{delivery}) .badge").get_by_text(status, exact=True).wait_for()
        assert visitor.page.evaluate("window.neverReloaded")


def look_into_it(sam: Visitor, delivery: str) -> None:
    page = sam.page
    page.locator(f"#{delivery}").click()
    opened = page.get_by_role("dialog")
    opened.get_by_text('"resourceId": "vm-7"').wait_for()
    sam.look("story-delivery")
    page.goto("/connections")
    page.get_by_role("link", name="Web servers").click()
    opened.get_by_text("Nothing: all is well").wait_for()
    sam.look("story-diagnostics")


def replay(zekt: Zekt, alice: Visitor, delivery: str) -> None:
    page = alice.page
    page.locator(f"#{delivery}").click()
    page.get_by_role("dialog").get_by_role("link", name="Replay").click()
    page.get_by_role("dialog").get_by_role("button", name="Replay").click()
    told(alice, "Queued as a delivery of its own")
    page.get_by_text("Attempt 1: GitHub accepted it").wait_for()
    first, second = (dispatch.client_payload["zekt"] for dispatch in zekt.dispatched(2))
    assert (second["isReplay"], second["payload"]) == (True, first["payload"])
    alice.look("story-replay")
