"""Service Descriptions: published, changed, with a schema or without, retired and brought back."""

import json
import re
from collections.abc import Callable
from typing import Any

import pytest
import requests
from playwright.sync_api import expect

from zekt_backend.rules.door import MAX_SCHEMA_BYTES
from zekt_testing.broker import ADMIN_TOKEN, ORDER, Zekt
from zekt_testing.browser import Visitor

Visit = Callable[..., Visitor]

HOME, SLUG = "/provider/services", "infrastructure-orders"
ONE = f"{HOME}/{SLUG}"
HOSTILE = "</textarea><script>alert(1)</script><b>Orders</b>"


def service(zekt: Zekt, slug: str = SLUG) -> dict[str, Any]:
    found: dict[str, Any] = zekt.get(f"/api/services/{slug}")
    return found


def patch(zekt: Zekt, **fields: Any) -> None:
    """By somebody else, meanwhile."""
    headers = {"Authorization": f"Bearer {ADMIN_TOKEN}"}
    answer = requests.patch(f"{zekt.url}/api/services/{SLUG}", json=fields, headers=headers, timeout=30)
    assert answer.status_code == 200, answer.text


def test_a_whitelisted_workflow_is_published_and_a_refused_form_keeps_what_was_typed(zekt: Zekt, sam: Visitor) -> None:
    zekt.github.add_workflow("shop-team/orders", ORDER, "on: push")
    page = sam.page
    page.goto(HOME)
    page.get_by_role("link", name="Publish a service").click()
    sam.look("provider-publish")
    page.get_by_label("Slug", exact=True).fill(SLUG)
    page.get_by_label("Name for people").fill("Stock")
    page.get_by_label("Event type").fill("stock-changed")
    page.get_by_label("Description").fill(HOSTILE)
    page.get_by_label("Tags").fill("shop, stock")
    page.get_by_label("Public").check()
    page.get_by_label("Redact").check()
    page.get_by_role("button", name="Publish").click()
    assert f"The slug {SLUG} is taken" in page.get_by_role("alert").inner_text()
    expect(page.get_by_label("Description")).to_have_value(HOSTILE)
    expect(page.get_by_label("Public")).to_be_checked()
    page.get_by_label("Slug", exact=True).fill("stock")
    page.get_by_role("button", name="Publish").click()
    page.get_by_role("status").get_by_text("stock is published").wait_for()
    assert (
        service(zekt, "stock").items()
        >= {
            "alias": "Stock",
            "description": HOSTILE,
            "tags": ["shop", "stock"],
            "visibility": "public",
            "eventType": "stock-changed",
            "guard": "redact",
            "metadataOnly": False,
            "hideProvider": False,
            "workflow": ORDER,
        }.items()
    )
    page.goto(HOME)
    assert [row.inner_text().split("\n")[0] for row in page.locator("tbody tr").all()] == ["Stock", "Orders"]
    sam.look("provider-services")


def test_two_who_change_a_service_at_once_are_told_apart(zekt: Zekt, sam: Visitor) -> None:
    page = sam.page
    page.goto(ONE)
    expect(page.get_by_label("Hide provider")).to_have_accessible_description(re.compile("correlation id"))
    page.get_by_label("Hide provider").check()
    page.get_by_label("Metadata only").check()
    page.get_by_role("button", name="Save").click()
    page.get_by_role("status").get_by_text("is saved").wait_for()
    assert service(zekt).items() >= {"hideProvider": True, "metadataOnly": True}.items()
    patch(zekt, alias="Theirs")
    page.get_by_label("Name for people").fill("Mine")
    page.get_by_role("button", name="Save").click()
    told = page.get_by_role("alert").inner_text()
    assert "Somebody else has saved this service" in told
    assert "alias is now Theirs" in told.replace("“", "").replace("”", "").replace('"', "")
    expect(page.get_by_label("Name for people")).to_have_value("Mine")
    sam.look("provider-service-conflict")
    assert service(zekt)["alias"] == "Theirs"
    page.get_by_role("button", name="Save").click()
    page.get_by_role("status").get_by_text("is saved").wait_for()
    assert service(zekt)["alias"] == "Mine"
    page.get_by_label("Workflow", exact=True).fill(".github/workflows/other.yml")
    page.get_by_role("button", name="Save").click()
    assert "not whitelisted" in page.get_by_role("alert").inner_text()
    expect(page.get_by_label("Workflow", exact=True)).to_have_value(".github/workflows/other.yml")


def test_a_schema_is_asked_changed_refused_and_no_longer_asked(zekt: Zekt, sam: Visitor) -> None:
    page = sam.page
    page.goto(f"{ONE}/schema")
    for number, text in ((1, '{"type": "object"}'), (2, '{\n  "type": "object",\n  "required": ["size"]\n}')):
        page.get_by_label("Schema").fill(text)
        page.get_by_role("button", name="Ask for this schema").click()
        page.get_by_role("status").get_by_text(f"must fit version {number}").wait_for()
    kept = zekt.sql("SELECT schema FROM service_schemas WHERE version = 2")
    assert kept == [('{\n  "type": "object",\n  "required": ["size"]\n}',)]
    sam.look("provider-schema")
    page.get_by_label("Schema").fill('{"type": 5}')
    page.get_by_role("button", name="Ask for this schema").click()
    assert "schema_invalid" in page.get_by_role("alert").inner_text()
    expect(page.get_by_label("Schema")).to_have_value('{"type": 5}')
    large = json.dumps({"description": '"{}": ' * 12_000}, indent=1)
    assert len(large) < MAX_SCHEMA_BYTES
    page.get_by_label("Schema").fill(large)
    page.get_by_role("button", name="Ask for this schema").click()
    page.get_by_role("status").get_by_text("must fit version 3").wait_for()
    page.goto(f"{ONE}/schema")
    page.get_by_label("Schema").fill(larger := large + " " * MAX_SCHEMA_BYTES)
    page.get_by_role("button", name="Ask for this schema").click()
    assert "body_too_large" in page.get_by_role("alert").inner_text()
    expect(page.get_by_label("Schema")).to_have_value(larger)
    page.goto(f"{ONE}/schema")
    patch(zekt, description="Changed meanwhile.")
    page.get_by_role("button", name="Ask for no schema").click()
    assert "Somebody else has changed this service" in page.get_by_role("alert").inner_text()
    assert service(zekt)["schemaVersion"] == 3
    page.get_by_role("button", name="Ask for no schema").click()
    page.get_by_role("status").get_by_text("asks for no schema now").wait_for()
    page.get_by_role("link", name="Version 1").click()
    expect(page.get_by_label("Version 1, which is not asked now")).to_have_value('{"type": "object"}')
    page.get_by_role("button", name="Ask for this schema").click()
    page.get_by_role("status").get_by_text("must fit version 1").wait_for()
    assert service(zekt)["schemaVersion"] == 1


def test_retiring_asks_before_says_whom_it_meets_and_can_be_taken_back(zekt: Zekt, sam: Visitor) -> None:
    page = sam.page
    page.goto(ONE)
    page.get_by_role("link", name="Retire").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_text("Its 1 subscriber gets nothing").wait_for()
    assert service(zekt)["retiredAt"] is None
    sam.look("provider-retire")
    dialog.get_by_role("button", name="Retire it").click()
    page.get_by_role("status").get_by_text("is retired").wait_for()
    assert service(zekt)["retiredAt"] is not None
    page.get_by_role("status").get_by_role("button", name="Publish it again").click()
    page.get_by_role("status").get_by_text("is published again").wait_for()
    assert service(zekt)["retiredAt"] is None


@pytest.mark.parametrize("how", [{"narrow": True}, {"dark": True}], ids=str)
def test_on_a_telephone_and_in_the_dark(zekt: Zekt, people: None, visit: Visit, how: dict[str, bool]) -> None:  # noqa: ARG001
    zekt.github.add_workflow("shop-team/orders", ORDER, "on: push")
    visitor = visit(**how)
    visitor.become("sam", HOME)
    for path, name in (
        (HOME, "services"),
        (ONE, "service"),
        (f"{ONE}/schema", "schema"),
        ("/provider/publish", "publish"),
    ):
        visitor.page.goto(path)
        visitor.look(f"provider-{name}")


def test_whoever_administers_another_repository_looks_on_and_another_tenant_sees_nothing(
    zekt: Zekt, alice: Visitor, visit: Visit
) -> None:
    zekt.github.add_repository("shop-team/stock", id=1002, installation_id=51)
    assert zekt.post("/api/repositories", ADMIN_TOKEN, {"repository": "shop-team/stock"}).status_code == 201
    zekt.sql("UPDATE repositories SET provider = true WHERE id = 1002")
    zekt.github.set_person("mia", organizations={"shop-team": "member"}, repositories={"shop-team/stock": "admin"})
    mia = visit()
    mia.become("mia", ONE)
    assert mia.page.get_by_label("Name for people").is_disabled()
    for name in ("Save", "Retire", "Publish it again"):
        assert mia.page.get_by_role("button", name=name).count() == 0
    assert mia.page.get_by_role("link", name="Retire").count() == 0
    mia.page.goto(f"{ONE}/schema")
    assert mia.page.get_by_role("button", name="Ask for").count() == 0
    mia.page.goto("/provider/publish?repository=1001")
    assert mia.page.get_by_role("heading", name="Not yours to publish from").is_visible()
    for path in (ONE, f"{ONE}/schema", f"{ONE}/retire"):
        alice.page.goto(path)
        assert "not_yours" in alice.page.get_by_role("alert").inner_text()
    alice.page.goto(HOME)
    assert SLUG not in alice.page.locator("main").inner_text()
