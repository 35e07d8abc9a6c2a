"""Getting in and out, and what a page may and may not do."""

from collections.abc import Callable

import pytest
import requests

from zekt_backend.console.table import PAGES
from zekt_testing.broker import Zekt
from zekt_testing.browser import Visitor

Visit = Callable[..., Visitor]


@pytest.mark.parametrize("how", [{}, {"narrow": True}, {"dark": True}, {"narrow": True, "dark": True}], ids=str)
def test_the_way_in_can_be_seen_and_read(people: None, visit: Visit, how: dict[str, bool]) -> None:  # noqa: ARG001
    visitor = visit(**how)
    visitor.page.goto("/")
    assert visitor.page.url.endswith("/sign-in?next=%2F")
    visitor.look("sign-in")
    visitor.become("alice")
    assert visitor.page.get_by_role("heading", level=1).inner_text() == "Overview"
    visitor.look("overview")


def test_signing_in_leads_on_to_where_one_was_going(alice: Visitor) -> None:
    alice.page.get_by_role("button", name="Sign out").click()
    alice.page.get_by_role("status").get_by_text("You are signed out.").wait_for()
    alice.page.goto("/?here=1")
    assert alice.page.url.endswith("/sign-in?next=%2F%3Fhere%3D1")
    alice.page.get_by_label("Login").fill("alice")
    alice.page.get_by_role("button", name="Sign in", exact=True).click()
    alice.page.wait_for_url("**/?here=1")


def test_it_works_without_scripts(people: None, visit: Visit) -> None:  # noqa: ARG001
    visitor = visit(scripts=False)
    visitor.become("sam")
    visitor.page.get_by_role("button", name="Sign out").click()
    assert "You are signed out." in visitor.page.content()


def test_the_sandboxs_people_are_there_to_choose_from(people: None, visit: Visit) -> None:  # noqa: ARG001
    visitor = visit()
    visitor.page.goto("/sign-in?next=/?here=1")
    visitor.page.get_by_role("button", name="sam owns shop-team").click()
    visitor.page.wait_for_url("**/?here=1")
    assert visitor.page.locator(".login").inner_text() == "sam"


def test_a_stranger_to_the_sandbox_is_told_so(people: None, visit: Visit) -> None:  # noqa: ARG001
    visitor = visit()
    visitor.page.goto("/sign-in")
    visitor.page.get_by_label("Login").fill("nobody-knows")
    visitor.page.get_by_role("button", name="Sign in", exact=True).click()
    assert "no such person" in visitor.page.get_by_role("alert").inner_text()


def test_a_link_cannot_lead_out_of_the_house(zekt: Zekt, people: None, visit: Visit) -> None:  # noqa: ARG001
    visitor = visit()
    visitor.become("alice", "//evil.example/")
    assert visitor.page.url == zekt.url + "/"


def test_every_link_of_the_navigation_leads_to_a_page(zekt: Zekt, alice: Visitor) -> None:
    zekt.sql("UPDATE accounts SET provider = true, consumer = true WHERE login = 'infra-team'")
    alice.page.goto("/")
    links = [link.get_attribute("href") for link in alice.page.locator(".side a").all()]
    assert len(links) == len(set(links)) == 16
    cookies = {each["name"]: each["value"] for each in alice.window.cookies()}
    answers = {link: requests.get(f"{zekt.url}{link}", cookies=cookies, timeout=30) for link in links}
    assert {link: answer.status_code for link, answer in answers.items() if answer.status_code != 200} == {}
    assert [link for link, answer in answers.items() if f'href="{link}" aria-current="page"' not in answer.text] == []


@pytest.mark.parametrize("row", PAGES, ids=lambda row: f"{row[0]} {row[1]}" if isinstance(row, tuple) else None)
def test_no_page_shows_or_does_anything_without_a_session(zekt: Zekt, row: tuple[str, str, object]) -> None:
    method, path, _ = row
    there = "/".join("1" if part.startswith("{") else part for part in path.split("/"))
    answer = requests.request(method, zekt.url + there, timeout=30, allow_redirects=False)
    if path == "/sign-in":
        assert answer.status_code == (200 if method == "GET" else 400)
    elif path.startswith("/static/"):
        assert answer.status_code == 404
    else:
        assert (answer.status_code, answer.headers["location"].partition("?")[0]) == (303, "/sign-in")


def test_every_page_is_kept_from_caches_frames_and_foreign_scripts(zekt: Zekt) -> None:
    headers = requests.get(zekt.url + "/sign-in", timeout=30).headers
    assert headers["cache-control"] == "no-store"
    policy = headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "frame-ancestors 'none'" in policy
    assert "unsafe" not in policy
    assert headers["x-content-type-options"] == "nosniff"


def test_a_form_of_another_site_does_nothing(zekt: Zekt, alice: Visitor) -> None:
    """The cookie alone, as a foreign page would send it: signed in she stays."""
    cookies = {each["name"]: each["value"] for each in alice.window.cookies()}
    csrf = alice.page.locator("input[name=csrf]").first.input_value()
    for headers, token in (
        ({"Origin": "https://evil.example"}, csrf),
        ({"Origin": zekt.url, "Sec-Fetch-Site": "same-origin"}, "guessed"),
        ({"Sec-Fetch-Site": "cross-site"}, csrf),
        ({}, csrf),
    ):
        answer = requests.post(
            zekt.url + "/sign-out",
            data={"csrf": token},
            cookies=cookies,
            headers=headers,
            timeout=30,
            allow_redirects=False,
        )
        assert answer.status_code == 403, answer.text
        assert "csrf_refused" in answer.text
    alice.page.reload()
    assert alice.page.get_by_role("heading", level=1).inner_text() == "Overview"


def test_an_address_that_is_none_is_answered_with_a_page_to_people_and_a_problem_to_programs(
    zekt: Zekt, alice: Visitor
) -> None:
    alice.page.goto("/nothing-here")
    assert alice.page.get_by_role("alert").get_by_text("not_found").is_visible()
    alice.look("not-found")
    answer = requests.get(zekt.url + "/nothing-here", timeout=30)
    assert answer.headers["content-type"] == "application/problem+json"
