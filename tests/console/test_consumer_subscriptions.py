"""A consumer's subscriptions: how durably, what of it, and no more of it."""

from collections.abc import Callable
from typing import Any

from zekt_testing.broker import Zekt
from zekt_testing.browser import Visitor

HOME = "/consumer/subscriptions"
DURABLE = "Durable Delivery of infrastructure-orders to infra-team/platform"


def subscription(zekt: Zekt) -> dict[str, Any]:
    (found,) = zekt.get("/api/subscriptions")["subscriptions"]
    return dict(found)


def test_durable_delivery_is_switched_off_and_taken_back(zekt: Zekt, alice: Visitor) -> None:
    alice.page.goto(HOME)
    alice.look("consumer-subscriptions")
    row = alice.page.get_by_role("row").filter(has_text="Orders").inner_text()
    assert "infra-team/platform" in row
    assert "Approved" in row
    alice.page.get_by_role("switch", name=DURABLE).click()
    alice.page.get_by_role("status").get_by_text("Durable Delivery is off").wait_for()
    assert subscription(zekt)["durable"] is False
    assert alice.page.get_by_role("switch", name=DURABLE).get_attribute("aria-checked") == "false"
    alice.page.get_by_role("button", name="Undo").click()
    alice.page.get_by_role("status").get_by_text("Durable Delivery is on").wait_for()
    assert subscription(zekt)["durable"] is True


def test_what_is_taken_is_changed_and_a_wrong_value_is_explained_where_it_was_typed(zekt: Zekt, alice: Visitor) -> None:
    alice.page.goto(HOME)
    alice.page.get_by_role("link", name="Change").click()
    dialog = alice.page.get_by_role("dialog")
    dialog.get_by_label("success").check()
    dialog.get_by_label("timed out").check()
    dialog.get_by_label("Branches").fill("main\nrelease/*\n")
    dialog.get_by_label("Seconds to confirm").fill("soon")
    alice.look("consumer-subscription")
    dialog.get_by_role("button", name="Save").click()
    assert "confirmTimeout" in alice.page.get_by_role("alert").inner_text()
    assert alice.page.get_by_label("Seconds to confirm").input_value() == "soon"
    assert alice.page.get_by_label("timed out").is_checked()
    assert subscription(zekt)["branches"] is None
    alice.page.get_by_label("Seconds to confirm").fill("600")
    alice.page.get_by_role("button", name="Save").click()
    alice.page.get_by_role("status").get_by_text("takes from now on").wait_for()
    found = subscription(zekt)
    assert (found["conclusions"], found["branches"]) == (["success", "timed_out"], ["main", "release/*"])
    assert (found["eventTypes"], found["confirmTimeout"], found["durable"]) == (None, 600, True)
    assert "success, timed_out · main, release/*" in alice.page.get_by_role("row").nth(1).inner_text()


def test_what_somebody_else_has_changed_meanwhile_is_not_overwritten(zekt: Zekt, alice: Visitor) -> None:
    alice.page.goto(f"{HOME}/1")
    zekt.sql("UPDATE subscriptions SET version = version + 1, branches = '{theirs}'")
    alice.page.get_by_label("Branches").fill("mine")
    alice.page.get_by_role("button", name="Save").click()
    assert "version_stale" in alice.page.get_by_role("alert").inner_text()
    assert subscription(zekt)["branches"] == ["theirs"]


def test_a_revoke_is_asked_about_and_told_to_the_provider(zekt: Zekt, alice: Visitor) -> None:
    alice.page.goto(HOME)
    alice.page.get_by_role("link", name="Revoke", exact=True).click()
    dialog = alice.page.get_by_role("dialog")
    dialog.get_by_text("delivers no more to infra-team/platform").wait_for()
    alice.look("consumer-revoke")
    dialog.get_by_label("Words for the provider").fill("We moved on.")
    dialog.get_by_role("button", name="Revoke").click()
    alice.page.get_by_role("status").get_by_text("Revoked").wait_for()
    found = subscription(zekt)
    assert (found["status"], found["decidedSide"], found["answer"]) == ("revoked", "consumer", "We moved on.")
    alice.page.get_by_role("link", name="Ask again").click()
    alice.page.wait_for_url("**/directory/infrastructure-orders")
    assert alice.page.get_by_role("button", name="Ask for it").is_visible()


def test_an_answer_and_a_hidden_provider_are_shown_as_they_may_be(zekt: Zekt, visit: Callable[..., Visitor]) -> None:
    zekt.sql("UPDATE services SET hide_provider = true")
    zekt.sql("UPDATE subscriptions SET status = 'denied', decided_side = 'provider', answer = '<b>No</b>, sorry'")
    zekt.github.set_person("mia", repositories={"infra-team/platform": "admin"})
    mia = visit(narrow=True, dark=True)
    mia.become("mia", HOME)
    assert mia.page.get_by_text("<b>No</b>, sorry").is_visible()
    assert mia.page.get_by_text("Provider hidden").is_visible()
    assert "shop-team" not in mia.page.content()
    mia.look("consumer-subscriptions")
    mia.page.goto(f"{HOME}?status=approved")
    mia.page.get_by_role("heading", name="None is approved").wait_for()


def test_who_may_only_look_changes_nothing(zekt: Zekt, visit: Callable[..., Visitor], sam: Visitor) -> None:
    zekt.sql(
        """INSERT INTO repositories (id, account_id, full_name, installation_id, enabled, consumer)
           SELECT 2003, account_id, 'infra-team/other', 52, true, true FROM repositories WHERE id = 2002"""
    )
    zekt.github.add_repository("infra-team/other", id=2003, installation_id=52)
    zekt.github.set_person("mia", repositories={"infra-team/other": "admin"})
    mia = visit()
    mia.become("mia", HOME)
    assert mia.page.get_by_role("switch").count() == 0
    assert mia.page.get_by_role("link", name="Revoke", exact=True).count() == 0
    mia.page.get_by_role("link", name="Details").click()
    assert mia.page.get_by_role("dialog").get_by_label("Branches").is_disabled()
    mia.page.goto(f"{HOME}/1/revoke")
    mia.page.get_by_role("button", name="Revoke").click()
    assert "not_yours" in mia.page.get_by_role("alert").inner_text()
    assert subscription(zekt)["status"] == "approved"
    # The provider sees it, but not among what it consumes.
    sam.page.goto(HOME)
    sam.page.get_by_role("heading", name="No subscription yet").wait_for()
