"""Zekt Brokering: drawn, clicked, reached by keys, and the same as a list."""

from collections.abc import Callable
from typing import Any

import pytest

from zekt_backend.console.drawing import draw
from zekt_testing import setup
from zekt_testing.broker import Zekt
from zekt_testing.browser import Visitor

Visit = Callable[..., Visitor]
RIVAL = {"login": "rival-team", "repositories": [{"name": "tools", "id": 3003, "installation-id": 53}]}


@pytest.fixture
def zekt(start: Callable[..., Zekt], github: Any) -> Zekt:
    """One service that two take."""
    github.add_repository("rival-team/tools", id=3003, installation_id=53)
    wanted = setup.directory()
    wanted["accounts"].append(RIVAL)
    wanted["subscriptions"].append({**wanted["subscriptions"][0], "consumer": "rival-team/tools"})
    return start(wanted=wanted)


def test_the_drawing_leads_to_details_by_mouse_and_by_key(zekt: Zekt, sam: Visitor, visit: Visit) -> None:
    zekt.github.set_person("rita", organizations={"rival-team": "admin"})
    sam.page.goto("/brokering")
    drawing = sam.page.locator("svg")
    for text in ("shop-team/orders", "order.yml", "Orders", "infra-team/platform", "rival-team/tools"):
        drawing.get_by_role("link", name=text, exact=True).wait_for()
    sam.look("brokering")
    line = drawing.get_by_role("link", name="Orders to rival-team/tools: healthy")
    line.focus()
    sam.page.keyboard.press("Enter")
    opened = sam.page.get_by_role("dialog")
    opened.get_by_role("heading", name="Orders").wait_for()
    assert opened.get_by_text("rival-team/tools").first.is_visible()
    assert sam.page.url.endswith("/brokering")
    opened.get_by_role("button", name="Close").click()
    sam.page.get_by_role("row", name="infra-team/platform").get_by_role("link").click()
    opened.get_by_role("heading", name="Orders").wait_for()
    opened.get_by_role("button", name="Close").click()
    drawing.get_by_role("link", name="infra-team/platform", exact=True).click()
    sam.page.wait_for_url("**/provider/deliveries?consumer=infra-team/platform")
    sam.page.goto("/brokering")
    sam.page.get_by_label("Account").fill("rival-team")
    sam.page.get_by_role("button", name="Filter").click()
    drawing.get_by_role("link", name="rival-team/tools", exact=True).wait_for()
    assert "infra-team" not in sam.page.content()
    narrow = visit(narrow=True)
    narrow.become("alice", "/brokering")
    narrow.page.get_by_role("link", name="Orders").wait_for()
    assert not narrow.page.locator("svg").is_visible()
    assert "rival-team" not in narrow.page.content()
    narrow.look("brokering")
    dark = visit(dark=True)
    dark.become("rita", "/brokering")
    assert "infra-team" not in dark.page.content()
    dark.look("brokering")


def test_what_is_not_there_yet_says_where_to_begin(people: None, visit: Visit) -> None:  # noqa: ARG001
    zoe = visit()
    zoe.become("zoe", "/brokering")
    zoe.page.get_by_role("heading", name="Nothing to draw yet").wait_for()


def connection(number: int, *, service: str, consumer: str, hidden: bool = False) -> dict[str, Any]:
    """As GET /api/connections has it, as far as it is drawn."""
    provider = {"account": "a", "repositoryId": None, "repository": "a/b", "workflow": ".github/workflows/w.yml"}
    return {
        "id": number,
        "service": service,
        "serviceAlias": service,
        "provider": None if hidden else provider,
        "consumer": {"account": "c", "repositoryId": 1, "repository": consumer},
        "sides": ["consumer"],
        "state": "critical" if number == 1 else "healthy",
    }


def test_services_whose_providers_hide_share_no_box() -> None:
    shown = [connection(n, service=f"s{n}", consumer="c/d", hidden=True) for n in (1, 2)]
    assert [box.text for box in draw(shown).boxes].count("Hidden provider") == 2
    shown = [connection(n, service=f"s{n}", consumer="c/d") for n in (1, 2)]
    assert [box.text for box in draw(shown).boxes] == ["a/b", "w.yml", "s1", "s2", "c/d"]


def test_of_what_shares_a_line_the_worst_is_shown_and_lies_on_top() -> None:
    drawing = draw([connection(1, service="s", consumer="c/d"), connection(2, service="s", consumer="c/e")])
    assert [(curve.state, curve.path) for curve in drawing.curves] == [
        ("healthy", "/connections/2"),
        ("critical", ""),
        ("critical", ""),
        ("critical", "/connections/1"),
    ]
    assert {box.text: box.state for box in drawing.boxes} == {
        "a/b": "critical",
        "w.yml": "critical",
        "s": "critical",
        "c/d": "critical",
        "c/e": "healthy",
    }
    assert all(box.y + drawing.high <= drawing.height for box in drawing.boxes)
    assert all(box.x + drawing.box <= drawing.width for box in drawing.boxes)
