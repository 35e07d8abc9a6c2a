"""Who changed what, readable; and what was used, in numbers and drawn."""

from collections.abc import Callable

from playwright.sync_api import expect

from zekt_testing.broker import Zekt
from zekt_testing.browser import Visitor

MANY = """INSERT INTO audit (at, actor, account_id, action, subject, before, after)
          SELECT now(), 'person:zoe#7', id, 'service.change', '<i>line ' || n || '</i>',
                 '{"event_type": "old", "tags": ["a", "b"], "retired_at": null}',
                 '{"event_type": "new", "tags": [], "retired_at": "2026-11-02"}'
          FROM accounts, generate_series(1, 60) n WHERE login = 'infra-team'"""
CLOSED = """INSERT INTO usage_closed SELECT (now() AT TIME ZONE 'UTC')::date - n FROM generate_series(1, 20) n
            ON CONFLICT DO NOTHING"""
USED = """INSERT INTO usage_days (day, account_id, repository_id, workflow_path, messages, events, blocked, dispatches,
                                  retries, confirms, completes, bytes)
          SELECT (now() AT TIME ZONE 'UTC')::date - n, id, 1001, '.github/workflows/order.yml', n, 2 * n, n, 30 - n,
                 0, n, n, 1024 * n
          FROM accounts, generate_series(1, 20) n WHERE login = 'shop-team'"""


def test_the_trail_shows_what_was_and_what_is_page_by_page(
    zekt: Zekt, alice: Visitor, visit: Callable[..., Visitor]
) -> None:
    zekt.sql(MANY)
    alice.page.goto("/audit")
    first = alice.page.get_by_role("row").nth(1).inner_text()
    assert "zoe#7" in first
    assert "<i>line 60</i>" in first
    assert "event type old → new" in " ".join(first.split())
    assert "tags a, b" in " ".join(first.split())
    alice.look("audit")
    alice.page.get_by_role("link", name="Older").click()
    assert "<i>line 10</i>" in alice.page.get_by_role("row").nth(1).inner_text()
    assert "shop-team/orders" not in alice.page.content()
    alice.page.goto("/audit?account=shop-team")
    assert "not_yours" in alice.page.get_by_role("alert").inner_text()
    phone = visit(narrow=True, dark=True)
    phone.become("alice", "/audit")
    phone.look("audit")


def test_who_has_several_accounts_looks_at_one(zekt: Zekt, visit: Callable[..., Visitor]) -> None:
    zekt.github.set_person("ada", organizations={"infra-team": "admin", "shop-team": "admin"})
    ada = visit()
    ada.become("ada", "/audit")
    assert ada.page.get_by_text("service.create").count() == 1
    ada.page.get_by_label("Account").select_option("infra-team")
    ada.page.wait_for_url("**/audit?account=infra-team")
    expect(ada.page.get_by_text("service.create")).to_have_count(0)
    assert ada.page.get_by_text("repository.create").count() == 1


def test_usage_is_drawn_and_listed_for_the_period_that_is_chosen(
    zekt: Zekt, sam: Visitor, alice: Visitor, visit: Callable[..., Visitor]
) -> None:
    zekt.sql(CLOSED)
    zekt.sql(USED)
    sam.page.goto("/usage")
    sam.page.get_by_role("link", name="30 days").click()
    expect(sam.page.get_by_role("row")).to_have_count(21)
    assert sam.page.get_by_role("link", name="30 days").get_attribute("aria-current") == "page"
    assert sam.page.locator("svg.chart rect").count() == 60
    assert "390" in sam.page.locator(".figures").inner_text()  # 30 - n, for n from 1 to 20
    sam.look("usage")
    sam.page.get_by_label("By", exact=True).select_option("workflow")
    sam.page.get_by_role("button", name="Show").click()
    expect(sam.page.get_by_role("row")).to_have_count(2)
    assert ".github/workflows/order.yml" in sam.page.content()
    sam.page.goto("/usage?from=2026-02-30")
    assert "body_invalid" in sam.page.get_by_role("alert").inner_text()
    alice.page.goto("/usage")
    alice.page.get_by_role("heading", name="Nothing was used").wait_for()
    phone = visit(narrow=True, dark=True)
    phone.become("sam", "/usage")
    phone.page.get_by_role("link", name="30 days").click()
    phone.page.locator("svg.chart").wait_for()
    phone.look("usage")
