"""Zekt Access and Subscribers: requests are approved and denied with an answer, subscriptions revoked."""

from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import expect

from market.town import three
from zekt_testing.broker import ADMIN_TOKEN, Zekt
from zekt_testing.browser import Visitor

Visit = Callable[..., Visitor]

ACCESS, SUBSCRIBERS = "/provider/access", "/provider/subscribers"
NOTE = "We build what you order.\n<img src=x onerror=alert(1)>"


@pytest.fixture
def zekt(start: Callable[..., Zekt]) -> Zekt:
    """rival-team has asked shop-team, who provides to infra-team already."""
    zekt = start(wanted=three())
    zekt.github.add_repository("rival-team/tools", id=3003, installation_id=53)
    request(zekt)
    return zekt


def request(zekt: Zekt) -> None:
    wanted = {"service": "infrastructure-orders", "consumer": "rival-team/tools", "note": NOTE}
    assert zekt.post("/api/subscriptions", ADMIN_TOKEN, wanted).status_code == 201


def standing(zekt: Zekt, consumer: str = "rival-team/tools") -> tuple[Any, ...]:
    found = zekt.get("/api/subscriptions")["subscriptions"]
    return next((each["status"], each["answer"]) for each in found if each["consumer"] == consumer)


def waiting(visitor: Visitor) -> str:
    return visitor.page.locator(".side").get_by_role("link", name="Zekt Access").inner_text()


def test_a_request_is_approved_with_an_answer_and_the_navigation_counts_down(zekt: Zekt, sam: Visitor) -> None:
    page = sam.page
    page.goto(ACCESS)
    assert waiting(sam).split() == ["Zekt", "Access", "1", "waiting"]
    assert page.get_by_role("cell", name="We build what you order.").inner_text() == NOTE
    sam.look("provider-access")
    page.get_by_role("link", name="Approve… rival-team/tools").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Your answer").fill("Welcome.")
    sam.look("provider-approve")
    dialog.get_by_role("button", name="Approve").click()
    page.get_by_role("status").get_by_text("rival-team/tools is approved").wait_for()
    assert standing(zekt) == ("approved", "Welcome.")
    assert waiting(sam) == "Zekt Access"
    assert page.get_by_role("heading", name="Nobody is waiting").is_visible()
    page.get_by_role("link", name="Approved", exact=True).click()
    page.get_by_role("cell", name="Welcome.").wait_for()


def test_what_was_decided_meanwhile_is_said_and_the_answer_kept(zekt: Zekt, sam: Visitor) -> None:
    page = sam.page
    page.goto(ACCESS)
    page.get_by_role("link", name="Deny… rival-team/tools").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Your answer").fill("Not yet.")
    number = zekt.sql("SELECT id FROM subscriptions WHERE status = 'requested'")[0][0]
    for verb in ("revoke", None):
        if verb:
            assert zekt.post(f"/api/subscriptions/{number}/{verb}", ADMIN_TOKEN, {}).status_code == 200
        else:
            request(zekt)
    dialog.get_by_role("button", name="Deny").click()
    assert "has changed since you opened it" in page.get_by_role("alert").inner_text()
    expect(page.get_by_label("Your answer")).to_have_value("Not yet.")
    page.get_by_role("button", name="Deny").click()
    page.get_by_role("status").get_by_text("is denied").wait_for()
    assert standing(zekt) == ("denied", "Not yet.")


def test_a_subscription_is_revoked_after_saying_what_becomes_of_what_is_under_way(zekt: Zekt, sam: Visitor) -> None:
    page = sam.page
    page.goto(SUBSCRIBERS)
    row = page.get_by_role("row").filter(has_text="infra-team/platform")
    assert row.get_by_text("Durable").is_visible()
    sam.look("provider-subscribers")
    row.get_by_role("link", name="Revoke").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_text("end as Failed").wait_for()
    assert standing(zekt, "infra-team/platform")[0] == "approved"
    sam.look("provider-revoke")
    dialog.get_by_role("button", name="Revoke").click()
    page.get_by_role("status").get_by_text("gets Orders no more").wait_for()
    assert standing(zekt, "infra-team/platform")[0] == "revoked"
    assert page.get_by_role("heading", name="No subscriber yet").is_visible()


def test_pages_go_on_and_stay_with_the_service_that_was_chosen(zekt: Zekt, sam: Visitor) -> None:
    wanted = {
        "repository": "shop-team/orders",
        "workflow": ".github/workflows/order.yml",
        "slug": "other",
        "eventType": "x",
    }
    assert zekt.post("/api/services", ADMIN_TOKEN, wanted).status_code == 201
    zekt.sql(
        """INSERT INTO repositories (id, account_id, installation_id, full_name, consumer)
           SELECT 9000 + n, account_id, 52, 'infra-team/r' || n, true
           FROM repositories, generate_series(1, 51) n WHERE id = 2002"""
    )
    zekt.sql(
        """INSERT INTO subscriptions (service_id, repository_id, status)
           SELECT s.id, 9000 + n, 'approved' FROM services s, generate_series(1, 51) n
           WHERE slug = 'infrastructure-orders'"""
    )
    page = sam.page
    page.goto(SUBSCRIBERS)
    page.get_by_label("Service").select_option("infrastructure-orders")
    page.wait_for_url("**service=infrastructure-orders")
    assert page.locator("tbody tr").count() == 50
    page.get_by_role("link", name="Older").click()
    page.wait_for_url("**before=*")
    assert page.locator("tbody tr").count() == 2
    assert "service=infrastructure-orders" in page.url
    page.get_by_label("Service").select_option("other")
    page.get_by_role("heading", name="No subscriber yet").wait_for()


@pytest.mark.parametrize("how", [{"narrow": True}, {"dark": True}], ids=str)
def test_on_a_telephone_and_in_the_dark(zekt: Zekt, people: None, visit: Visit, how: dict[str, bool]) -> None:  # noqa: ARG001
    visitor = visit(**how)
    visitor.become("sam", ACCESS)
    visitor.look("provider-access")
    visitor.page.get_by_role("link", name="Deny… rival-team/tools").click()
    visitor.page.get_by_role("dialog").get_by_role("heading", level=1).wait_for()
    visitor.look("provider-deny")
    visitor.page.goto(SUBSCRIBERS)
    visitor.look("provider-subscribers")


def test_without_scripts_the_questions_are_pages(zekt: Zekt, people: None, visit: Visit) -> None:  # noqa: ARG001
    visitor = visit(scripts=False)
    visitor.become("sam", ACCESS)
    visitor.page.get_by_role("link", name="Approve… rival-team/tools").click()
    visitor.page.get_by_role("button", name="Approve").click()
    assert "is approved" in visitor.page.get_by_role("status").inner_text()
    assert standing(zekt) == ("approved", "")


def test_whoever_administers_another_repository_looks_on_and_a_consumer_decides_nothing(
    zekt: Zekt, alice: Visitor, visit: Visit
) -> None:
    zekt.github.add_repository("shop-team/stock", id=1002, installation_id=51)
    assert zekt.post("/api/repositories", ADMIN_TOKEN, {"repository": "shop-team/stock"}).status_code == 201
    zekt.sql("UPDATE repositories SET provider = true WHERE id = 1002")
    zekt.github.set_person("mia", organizations={"shop-team": "member"}, repositories={"shop-team/stock": "admin"})
    mia = visit()
    mia.become("mia", ACCESS)
    assert mia.page.get_by_role("cell", name="rival-team/tools").is_visible()
    assert mia.page.get_by_role("link", name="Approve…").count() == 0
    assert waiting(mia) == "Zekt Access"
    mia.page.goto(SUBSCRIBERS)
    assert mia.page.get_by_role("link", name="Revoke").count() == 0
    (number,) = [each["id"] for each in zekt.get("/api/subscriptions?status=requested")["subscriptions"]]
    for path in (ACCESS, SUBSCRIBERS):
        alice.page.goto(path)
        assert "rival-team" not in alice.page.locator("main").inner_text()
    alice.page.goto(f"{ACCESS}/{number}/approve")
    assert "not_yours" in alice.page.get_by_role("alert").inner_text()
