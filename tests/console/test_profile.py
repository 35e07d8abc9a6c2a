"""Who one is, what one's accounts are here for, and the tokens that act for them."""

from collections.abc import Callable

import requests

from zekt_testing.broker import Zekt
from zekt_testing.browser import Visitor


def test_an_account_becomes_a_provider_after_being_asked(zekt: Zekt, alice: Visitor) -> None:
    alice.page.goto("/profile")
    assert "person:alice#" in alice.page.content()
    row = alice.page.get_by_role("row").filter(has_text="infra-team")
    assert "Owner" in row.inner_text()
    row.get_by_role("link", name="Become a provider").click()
    alice.page.get_by_role("dialog").get_by_text("This is not undone.").wait_for()
    assert zekt.get("/api/accounts/infra-team")["provider"] is False
    alice.look("profile-upgrade")
    alice.page.get_by_role("dialog").get_by_role("button", name="Make it a provider").click()
    alice.page.get_by_role("status").get_by_text("infra-team is a provider now").wait_for()
    assert zekt.get("/api/accounts/infra-team")["provider"] is True
    assert alice.page.get_by_role("link", name="Zekt Workflows").first.is_visible()
    alice.page.get_by_role("link", name="People").click()
    assert "alice" in alice.page.get_by_role("dialog").inner_text()


def test_a_token_is_shown_once_works_and_is_revoked(zekt: Zekt, alice: Visitor) -> None:
    alice.page.goto("/profile")
    alice.page.get_by_role("link", name="Make a token").click()
    dialog = alice.page.get_by_role("dialog")
    dialog.get_by_label("Name").fill("deploy")
    dialog.get_by_label("Days until it ends").fill("9999")
    dialog.get_by_role("button", name="Make it").click()
    assert "expiresInDays" in alice.page.get_by_role("alert").inner_text()
    assert alice.page.get_by_label("Name").input_value() == "deploy"
    alice.page.get_by_label("Days until it ends").fill("30")
    alice.look("profile-token-new")
    alice.page.get_by_role("button", name="Make it").click()
    alice.page.get_by_text("Copy it now.").wait_for()
    secret = alice.page.locator("#token").inner_text().strip()
    alice.window.grant_permissions(["clipboard-read", "clipboard-write"])
    alice.page.get_by_role("button", name="Copy").click()
    alice.page.get_by_role("button", name="Copied").wait_for()
    assert alice.page.evaluate("navigator.clipboard.readText()") == secret
    headers = {"Authorization": f"Bearer {secret}"}
    assert requests.get(zekt.url + "/api/me", headers=headers, timeout=30).json()["actor"].startswith("token:deploy#")
    alice.page.get_by_role("link", name="Done").click()
    alice.page.wait_for_url("**/profile")
    assert secret not in alice.page.content()
    alice.look("profile")
    alice.page.get_by_role("link", name="Revoke deploy").click()
    alice.page.get_by_role("dialog").get_by_role("button", name="Revoke").click()
    alice.page.get_by_role("status").get_by_text("Revoked").wait_for()
    assert requests.get(zekt.url + "/api/me", headers=headers, timeout=30).status_code == 401
    assert alice.page.get_by_role("link", name="Revoke deploy").count() == 0


def test_a_member_looks_and_owns_nothing(zekt: Zekt, visit: Callable[..., Visitor], sam: Visitor) -> None:
    zekt.github.set_person("mia", repositories={"infra-team/platform": "admin"})
    mia = visit(narrow=True, dark=True)
    mia.become("mia", "/profile")
    assert mia.page.get_by_text("Member").is_visible()
    assert mia.page.get_by_role("link", name="Make a token").count() == 0
    assert mia.page.get_by_role("link", name="Become a provider").count() == 0
    mia.look("profile")
    mia.page.goto("/profile/accounts/infra-team/provider")
    mia.page.get_by_role("button", name="Make it a provider").click()
    assert "not_yours" in mia.page.get_by_role("alert").inner_text()
    assert zekt.get("/api/accounts/infra-team")["provider"] is False
    sam.page.goto("/profile/accounts/infra-team")
    assert "not_yours" in sam.page.get_by_role("alert").inner_text()


def test_the_session_is_ended_there(alice: Visitor) -> None:
    alice.page.goto("/profile")
    alice.page.get_by_role("button", name="End this session").click()
    alice.page.get_by_role("status").get_by_text("You are signed out.").wait_for()
    alice.page.goto("/profile")
    assert "/sign-in" in alice.page.url
