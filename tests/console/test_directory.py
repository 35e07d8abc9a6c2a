"""The directory: browse, search while typing, look at one service, and ask for it."""

from collections.abc import Callable

from playwright.sync_api import expect

from zekt_testing.broker import ORDER, Zekt
from zekt_testing.browser import Visitor

PUBLIC = (
    """UPDATE services SET visibility = 'public', description = '<script>alert(1)</script> orders', tags = '{infra}'"""
)
MORE = """INSERT INTO services (workflow_id, slug, alias, event_type, visibility, tags)
          SELECT workflow_id, 'builds-' || n, 'Builds ' || n, 'built', 'public', '{ci}'
          FROM services, generate_series(1, 60) n WHERE slug = 'infrastructure-orders'"""


def test_it_is_searched_while_one_types(zekt: Zekt, alice: Visitor) -> None:
    zekt.sql(PUBLIC)
    zekt.sql(MORE)
    zekt.sql("UPDATE accounts SET verified = true")
    alice.page.goto("/directory")
    found = alice.page.locator("#found")
    expect(found.get_by_role("listitem").filter(has_text="Builds")).to_have_count(50)
    alice.page.get_by_role("link", name="Older").click()
    expect(found.get_by_role("link", name="Orders")).to_be_visible()
    assert "<script>alert(1)</script> orders" in found.inner_text()
    assert "Verified organization" in found.inner_text()
    alice.look("directory")
    alice.page.keyboard.press("/")
    expect(alice.page.get_by_role("searchbox")).to_be_focused()
    alice.page.keyboard.type("builds-7")
    expect(found.get_by_role("heading")).to_have_count(1)
    assert alice.page.url.endswith("/directory?q=builds-7")
    expect(alice.page.get_by_role("searchbox")).to_be_focused()
    alice.page.get_by_role("searchbox").fill("nothing such")
    alice.page.get_by_role("heading", name="Nothing is found").wait_for()
    alice.page.goto("/directory?tag=infra")
    expect(found.get_by_role("heading")).to_have_count(1)


def test_a_service_is_asked_for_with_a_note(zekt: Zekt, alice: Visitor, visit: Callable[..., Visitor]) -> None:
    zekt.sql(PUBLIC)
    zekt.sql("DELETE FROM subscriptions")
    alice.page.goto("/directory")
    alice.page.get_by_role("link", name="Orders").click()
    alice.page.wait_for_url("**/directory/infrastructure-orders")
    alice.look("service")
    alice.page.get_by_label("Note").fill("We build what you order.")
    alice.page.get_by_label("Durable Delivery").check()
    alice.page.get_by_role("button", name="Ask for it").click()
    alice.page.get_by_role("status").get_by_text("Its provider decides").wait_for()
    (asked,) = zekt.get("/api/subscriptions")["subscriptions"]
    assert (asked["status"], asked["durable"]) == ("requested", True)
    assert (asked["note"], asked["consumer"]) == ("We build what you order.", "infra-team/platform")
    alice.page.goto("/directory/infrastructure-orders")
    assert alice.page.get_by_text("You have asked for it").is_visible()
    assert alice.page.get_by_role("button", name="Ask for it").count() == 0
    phone = visit(narrow=True, dark=True)
    phone.become("alice", "/directory/infrastructure-orders")
    phone.look("service")
    phone.page.goto("/directory")
    phone.look("directory")
    alice.page.goto("/consumer/subscriptions")
    alice.page.get_by_role("link", name="Withdraw").click()
    alice.page.get_by_role("dialog").get_by_role("button", name="Withdraw").click()
    alice.page.get_by_role("status").get_by_text("Revoked").wait_for()
    assert zekt.get("/api/subscriptions")["subscriptions"][0]["status"] == "revoked"


def test_a_request_that_is_refused_says_why(zekt: Zekt, alice: Visitor) -> None:
    zekt.sql("DELETE FROM subscriptions")
    alice.page.goto("/directory/infrastructure-orders")
    zekt.sql("UPDATE repositories SET consumer = false WHERE id = 2002")
    alice.page.get_by_role("button", name="Ask for it").click()
    assert "is not enabled as a consumer" in alice.page.get_by_role("alert").inner_text()
    assert alice.page.get_by_role("link", name="Open Zekt Repos").is_visible()
    zekt.sql("UPDATE repositories SET consumer = true WHERE id = 2002")
    alice.page.goto("/directory/infrastructure-orders")
    zekt.sql("UPDATE services SET retired_at = now()")
    alice.page.get_by_role("button", name="Ask for it").click()
    assert "is retired" in alice.page.get_by_role("alert").inner_text()
    assert zekt.get("/api/subscriptions")["subscriptions"] == []


def test_its_schema_an_example_and_a_workflow_to_paste_are_there(zekt: Zekt, alice: Visitor, sam: Visitor) -> None:
    zekt.sql("""UPDATE services SET hide_provider = true, event_type = 'a "quoted" ${{ type }}'""")
    zekt.sql(
        """INSERT INTO service_schemas (service_id, version, schema, created_at, created_by)
           SELECT id, 1, '{"title": "</pre><b>Order"}', now(), 'operator' FROM services"""
    )
    zekt.sql("UPDATE services SET schema_version = 1")
    alice.page.goto("/directory/infrastructure-orders")
    assert '"title": "</pre><b>Order"' in (alice.page.locator("#schema").text_content() or "")
    assert '"provider": null' in (alice.page.locator("#example").text_content() or "")
    workflow = alice.page.locator("#workflow").inner_text()
    assert 'types: ["a \\"quoted\\" ${{ type }}"]' in workflow
    assert "MESSAGE: ${{ toJSON(github.event.client_payload.zekt.payload) }}" in workflow
    assert "shop-team" not in alice.page.content()
    assert ORDER not in alice.page.content()
    # Who has no repository to receive it is told what to do.
    sam.page.goto("/directory/infrastructure-orders")
    assert sam.page.get_by_role("link", name="Open Zekt Repos").is_visible()
    sam.page.goto("/directory/nothing-here")
    assert "not_yours" in sam.page.get_by_role("alert").inner_text()


def test_it_is_searched_and_asked_without_scripts(zekt: Zekt, people: None, visit: Callable[..., Visitor]) -> None:  # noqa: ARG001
    zekt.sql(PUBLIC)
    zekt.sql("DELETE FROM subscriptions")
    plain = visit(scripts=False)
    plain.become("alice", "/directory")
    plain.page.get_by_role("searchbox").fill("orders")
    plain.page.keyboard.press("Enter")
    plain.page.wait_for_url("**/directory?q=orders")
    plain.page.get_by_role("link", name="Orders").click()
    plain.page.get_by_role("button", name="Ask for it").click()
    plain.page.wait_for_url("**/consumer/subscriptions")
    assert zekt.get("/api/subscriptions")["subscriptions"][0]["status"] == "requested"
