"""A provider's repositories and their workflows: enabled, whitelisted, and what was blocked of the others."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from playwright.sync_api import expect

from zekt_testing.broker import ADMIN_TOKEN, ORDER, Zekt
from zekt_testing.browser import Visitor

Visit = Callable[..., Visitor]

REPOSITORIES, WORKFLOWS = "/provider/repositories", "/provider/workflows"
ENABLED = "shop-team/orders is enabled as a provider"
STOCK = ".github/workflows/stock.yml"


@pytest.fixture
def zekt(start: Callable[..., Zekt]) -> Zekt:
    return start(settings={"prices": {"blocked": Decimal("0.002")}, "currency": "CHF"})


def is_enabled(zekt: Zekt) -> Any:
    return zekt.get("/api/repositories/1001")["provider"]


def test_a_repository_is_disabled_enabled_again_by_undo_and_given_a_new_secret(zekt: Zekt, sam: Visitor) -> None:
    page = sam.page
    zekt.sql("UPDATE accounts SET verified = true WHERE login = 'shop-team'")
    page.goto(REPOSITORIES)
    assert page.get_by_text("Verified", exact=True).is_visible()
    switch = page.get_by_role("switch", name=ENABLED)
    expect(switch).to_have_attribute("aria-checked", "true")
    switch.click()
    page.get_by_role("status").get_by_text("is no provider any more").wait_for()
    assert is_enabled(zekt) is False
    page.get_by_role("button", name="Undo").click()
    page.get_by_role("status").get_by_text("is enabled as a provider").wait_for()
    assert is_enabled(zekt) is True
    assert page.get_by_text("Webhook placed").is_visible()
    sam.look("provider-repositories")
    page.get_by_role("link", name="New secret").click()
    page.get_by_role("dialog").get_by_role("button", name="Give it a new secret").click()
    page.get_by_role("status").get_by_text("has a new webhook secret").wait_for()
    assert zekt.sql("SELECT hook_generation FROM repositories WHERE id = 1001") == [(1,)]


def test_what_github_lacks_is_said_in_the_apis_words_and_what_was_typed_is_kept(zekt: Zekt, sam: Visitor) -> None:
    page = sam.page
    page.goto(f"{REPOSITORIES}/add")
    page.get_by_label("Repository").fill("shop-team/absent")
    page.get_by_role("button", name="Add and enable").click()
    assert "install" in page.get_by_role("alert").inner_text()
    expect(page.get_by_label("Repository")).to_have_value("shop-team/absent")
    zekt.sql("UPDATE repositories SET provider = false WHERE id = 1001")
    # What we know of the installation, and what GitHub says when it is asked.
    zekt.sql("UPDATE installations SET suspended_at = now() WHERE id = 51")
    zekt.github.set_installation("shop-team/orders", permissions={"actions": "read", "metadata": "read"})
    page.goto(REPOSITORIES)
    page.get_by_text("Unreachable").click()
    page.get_by_text("Configure > Unsuspend").wait_for()
    page.get_by_role("switch", name=ENABLED).click()
    assert "Webhooks: Read and write" in page.get_by_role("alert").inner_text()
    assert is_enabled(zekt) is False


def test_a_repository_that_is_added_leads_to_its_workflows(zekt: Zekt, sam: Visitor) -> None:
    zekt.github.add_repository("shop-team/stock", id=1002, installation_id=51)
    page = sam.page
    page.goto(REPOSITORIES)
    page.get_by_role("link", name="Add a repository").click()
    page.get_by_role("dialog").get_by_label("Repository").fill("shop-team/stock")
    page.get_by_role("dialog").get_by_role("button", name="Add and enable").click()
    page.get_by_role("status").get_by_text("shop-team/stock is enabled").wait_for()
    assert page.url.endswith(f"{WORKFLOWS}?repository=1002")
    assert page.get_by_role("heading", name="No workflow yet").is_visible()
    assert zekt.get("/api/repositories/1002")["provider"] is True


def test_blocked_events_and_their_cost_stand_beside_the_switch_that_ends_them(zekt: Zekt, sam: Visitor) -> None:
    for name in ("order.yml", "stock.yml"):
        zekt.github.add_workflow("shop-team/orders", f".github/workflows/{name}", "on: push")
    for _ in range(3):
        zekt.github.finish_run(zekt.github.start_run("shop-team/orders", workflow=STOCK))
    page = sam.page
    page.goto(WORKFLOWS)
    row = page.get_by_role("row").filter(has_text="stock.yml")
    assert [cell.inner_text() for cell in row.locator("td.number").all()] == ["3", "0.006 CHF"]
    row.locator("summary").click()
    row.get_by_text("is not whitelisted").wait_for()
    ((run, address),) = zekt.sql("SELECT run_id::text, html_url FROM events ORDER BY run_id DESC LIMIT 1")
    assert row.get_by_role("link", name=run).get_attribute("href") == address
    sam.look("provider-workflows")
    row.get_by_role("switch").click()
    page.get_by_role("status").get_by_text("stock.yml is whitelisted").wait_for()
    whitelisted = "SELECT whitelisted FROM workflows WHERE path = '.github/workflows/stock.yml'"
    assert zekt.sql(whitelisted) == [(True,)]
    assert row.get_by_role("link", name="Publish it").is_visible()
    page.get_by_role("button", name="Undo").click()
    page.get_by_role("status").get_by_text("is not whitelisted any more").wait_for()
    assert zekt.sql(whitelisted) == [(False,)]


@pytest.mark.parametrize("how", [{"narrow": True}, {"dark": True}], ids=str)
def test_on_a_telephone_and_in_the_dark(zekt: Zekt, people: None, visit: Visit, how: dict[str, bool]) -> None:  # noqa: ARG001
    zekt.github.add_workflow("shop-team/orders", ORDER, "on: push")
    zekt.github.finish_run(zekt.github.start_run("shop-team/orders", workflow=STOCK))
    visitor = visit(**how)
    visitor.become("sam", REPOSITORIES)
    visitor.look("provider-repositories")
    visitor.page.goto(WORKFLOWS)
    visitor.look("provider-workflows")


def test_github_out_of_reach_is_said_and_the_choice_stays(zekt: Zekt, sam: Visitor) -> None:
    zekt.github.faults.add(where="rest", kind="status", status=503, times=None)
    sam.page.goto(WORKFLOWS)
    assert "github_unavailable" in sam.page.get_by_role("alert").inner_text()
    assert sam.page.get_by_label("Repository").is_visible()


def test_whoever_administers_another_repository_looks_on_and_another_tenant_sees_nothing(
    zekt: Zekt, alice: Visitor, visit: Visit
) -> None:
    zekt.github.add_repository("shop-team/stock", id=1002, installation_id=51)
    zekt.github.add_workflow("shop-team/orders", ORDER, "on: push")
    assert zekt.post("/api/repositories", ADMIN_TOKEN, {"repository": "shop-team/stock"}).status_code == 201
    zekt.sql("UPDATE repositories SET provider = true WHERE id = 1002")
    zekt.github.set_person("mia", organizations={"shop-team": "member"}, repositories={"shop-team/stock": "admin"})
    mia = visit()
    mia.become("mia", REPOSITORIES)
    names = [each.get_attribute("aria-label") for each in mia.page.get_by_role("switch").all()]
    assert names == ["shop-team/stock is enabled as a provider"]
    mia.page.goto(f"{WORKFLOWS}?repository=1001")
    assert mia.page.get_by_role("cell", name="order.yml").is_visible()
    assert mia.page.get_by_role("switch").count() == 0
    alice.page.goto(REPOSITORIES)
    assert "shop-team" not in alice.page.locator("main").inner_text()
    alice.page.goto(f"{WORKFLOWS}?repository=1001")
    assert "not_yours" in alice.page.get_by_role("alert").inner_text()


@pytest.mark.parametrize("repository", ["1001/workflows", "../me", "9" * 5000, "%00", "x"])
def test_a_query_that_names_no_repository_is_none(sam: Visitor, repository: str) -> None:
    sam.page.goto(f"{WORKFLOWS}?repository={repository}")
    assert sam.page.get_by_label("Repository").input_value() == "1001"
