"""The overview: the next step for beginners, what needs somebody, what came last."""

from collections.abc import Callable

from zekt_testing.broker import Zekt
from zekt_testing.browser import Visitor
from zekt_testing.deliveries import dispatched

Visit = Callable[..., Visitor]


def test_a_beginner_is_told_the_next_step(zekt: Zekt, sam: Visitor) -> None:
    zekt.sql("DELETE FROM subscriptions")
    sam.page.reload()
    steps = sam.page.get_by_role("main").get_by_role("listitem")
    steps.filter(has_text="Whitelist a workflow and publish it").get_by_text("done").wait_for()
    steps.filter(has_text="Approve a consumer").get_by_role("link", name="Zekt Access").wait_for()
    assert sam.page.get_by_text("Nothing: no request waits").is_visible()
    sam.look("overview-beginner")


def test_what_needs_somebody_is_there_first_and_appears_by_itself(zekt: Zekt, sam: Visitor, visit: Visit) -> None:
    _, delivery = dispatched(zekt)
    sam.page.goto("/")
    sam.page.locator(f"#{delivery}").wait_for()
    assert sam.page.get_by_text("Nothing: no request waits").is_visible()
    assert sam.page.get_by_text("To your first consumer").count() == 0
    zekt.sql("UPDATE deliveries SET status = 'failed', failure = 'not_found', completed_at = now()")
    sam.page.get_by_text("1 of the deliveries made in 24 hours failed").wait_for()
    sam.page.get_by_role("heading", name="1 critical connection").wait_for()
    zekt.sql("UPDATE subscriptions SET status = 'requested'")
    sam.page.get_by_role("heading", name="1 request to decide").wait_for()
    sam.look("overview")
    sam.page.get_by_role("link", name="Sent by me").click()
    sam.page.wait_for_url("**/provider/deliveries?status=failed")
    for how in ({"narrow": True}, {"dark": True}):
        visitor = visit(**how)
        visitor.become("alice")
        visitor.page.get_by_role("heading", name="Newest deliveries").wait_for()
        assert visitor.page.get_by_text("to decide").count() == 0
        visitor.look("overview")


def test_who_has_no_account_is_told_how_one_appears(people: None, visit: Visit) -> None:  # noqa: ARG001
    zoe = visit()
    zoe.become("zoe")
    zoe.page.get_by_role("heading", name="No account yet").wait_for()
