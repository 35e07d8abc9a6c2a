"""A chain across organisations, as each of them sees it."""

from collections.abc import Callable

import pytest

from traces.chain import RIVAL, Chain, ids_of
from traces.conftest import chain
from zekt_testing.broker import Zekt
from zekt_testing.browser import Visitor

__all__ = ["chain"]
Visit = Callable[..., Visitor]


@pytest.fixture
def zekt(chain: Chain) -> Zekt:
    return chain.zekt


def test_the_chain_is_drawn_with_its_times_and_each_sees_its_part(
    chain: Chain,
    people: None,  # noqa: ARG001
    visit: Visit,
) -> None:
    ordered, order = chain.order()
    chain.sent_to(RIVAL)
    _, answer = chain.answer(order)
    chain.zekt.until(ids_of(answer)["deliveryId"], "dispatched")
    chain.zekt.github.set_person("rita", organizations={"rival-team": "admin"})
    sam = visit()
    sam.become("sam", f"/deliveries/{ids_of(order)['deliveryId']}")
    sam.page.get_by_role("link", name="What caused it, and what followed").click()
    sam.page.get_by_role("heading", name="Chain").wait_for()
    hops = sam.page.get_by_role("row")
    hops.filter(has_text="shop-team/orders → infra-team/platform").get_by_text("Completed").wait_for()
    hops.filter(has_text="infra-team/platform → shop-team/orders").get_by_text("Dispatched").wait_for()
    drawn = hops.filter(has_text="infra-team/platform → shop-team/orders").get_by_role("img")
    assert "dispatch " in str(drawn.get_attribute("aria-label"))
    sam.look("trace")
    hops.filter(has_text="infra-team/platform → shop-team/orders").get_by_role("link").click()
    sam.page.get_by_role("dialog").get_by_text("Attempt 1: GitHub accepted it").wait_for()
    for how in ({"narrow": True}, {"dark": True}):
        visitor = visit(**how)
        visitor.become("alice", f"/traces/{ordered.id}")
        visitor.page.get_by_role("row").filter(has_text="asked about").first.wait_for()
        assert "rival-team" not in visitor.page.content()
        visitor.look("trace")
    rita = visit()
    rita.become("rita", f"/traces/{ordered.id}")
    rita.page.get_by_role("row").filter(has_text="rival-team/tools").first.wait_for()
    assert "infra-team" not in rita.page.content()
    zoe = visit()
    zoe.become("zoe", f"/traces/{ordered.id}")
    zoe.page.get_by_role("alert").get_by_text("not_yours").wait_for()
