"""A session: who has it, for how long, and what a browser must say before it changes anything."""

from collections.abc import Callable
from typing import Any

import pytest
import requests

from zekt_backend.rules.people import is_ours
from zekt_testing.broker import ADMIN_TOKEN, Zekt
from zekt_testing.people import Browser, actor_of, code_of

PATH = "/api/accounts/infra-team"
CHANGE = {"provider": True}


@pytest.fixture
def alice(zekt: Zekt) -> Browser:
    zekt.github.set_person("alice", organizations={"infra-team": "admin"})
    browser = Browser(zekt)
    browser.sign_in("alice")
    return browser


def test_an_owner_changes_the_account_from_a_page_of_ours(zekt: Zekt, alice: Browser, ask: Any) -> None:
    assert alice.ask(PATH, "PATCH", CHANGE).json()["provider"] is True
    line = ask(None, "/api/audit?limit=1").json()["audit"][0]
    assert (line["actor"], line["action"]) == (actor_of(zekt, "alice"), "account.upgrade")


@pytest.mark.parametrize(
    "headers",
    [
        {"x_csrf_token": None},
        {"x_csrf_token": ""},
        {"x_csrf_token": "x" * 43},
        {"origin": "https://evil.example", "sec_fetch_site": None},
        {"origin": "null", "sec_fetch_site": None},
        {"origin": "https://evil.example"},
        {"sec_fetch_site": "cross-site"},
        {"sec_fetch_site": "same-site"},
        {"sec_fetch_site": "none"},
        {"origin": None, "sec_fetch_site": None},
    ],
)
def test_what_does_not_come_from_a_page_of_ours_changes_nothing(
    zekt: Zekt, alice: Browser, headers: dict[str, str | None]
) -> None:
    for path, method, body in ((PATH, "PATCH", CHANGE), ("/auth/sign-out", "POST", None)):
        assert code_of(alice.ask(path, method, body, **headers)) == (403, "csrf_refused")
    assert zekt.sql("SELECT provider FROM accounts WHERE login = 'infra-team'") == [(False,)]
    assert alice.ask("/api/me").ok


@pytest.mark.parametrize("headers", [{"origin": None}, {"sec_fetch_site": None}])
def test_one_of_both_ways_to_say_it_is_enough(alice: Browser, headers: dict[str, str | None]) -> None:
    assert alice.ask(PATH, "PATCH", CHANGE, **headers).ok


def test_another_sessions_csrf_token_is_of_no_use(zekt: Zekt, alice: Browser) -> None:
    other = Browser(zekt)
    other.sign_in("alice")
    assert other.csrf != alice.csrf
    assert code_of(alice.ask(PATH, "PATCH", CHANGE, x_csrf_token=other.csrf)) == (403, "csrf_refused")


def test_behind_https_the_origin_has_no_port_and_the_cookie_no_neighbours(start: Callable[..., Zekt]) -> None:
    zekt = start(settings={"public_url": "https://zekt.example"})
    answer = requests.get(f"{zekt.url}/auth/sign-in", allow_redirects=False, timeout=10)
    cookie = answer.headers["set-cookie"]
    assert cookie.startswith("__Host-zekt-sign-in=")
    assert {"Secure", "HttpOnly", "Path=/", "SameSite=lax"} <= set(cookie.split("; "))
    assert "Domain" not in cookie
    assert "redirect_uri=https%3A%2F%2Fzekt.example%2Fauth%2Fcallback" in answer.headers["location"]


def test_where_an_origin_is_ours() -> None:
    assert is_ours("https://zekt.example", None, "https://zekt.example/")
    assert is_ours("https://zekt.example", "same-origin", "https://zekt.example:443")
    assert not is_ours("http://zekt.example", None, "https://zekt.example")
    assert not is_ours("https://zekt.example:8443", None, "https://zekt.example")
    assert not is_ours("https://zekt.example.evil.example", None, "https://zekt.example")
    assert not is_ours(None, None, "https://zekt.example")


def test_a_session_ends_after_eight_hours_and_is_then_forgotten(zekt: Zekt, alice: Browser) -> None:
    ((seconds,),) = zekt.sql("SELECT extract(epoch FROM expires_at - created_at)::int FROM sessions")
    assert seconds == 8 * 3600
    zekt.sql("UPDATE sessions SET expires_at = now()")
    assert code_of(alice.ask("/api/me")) == (401, "session_refused")
    assert code_of(alice.ask(PATH, "PATCH", CHANGE)) == (401, "session_refused")


def test_after_signing_out_a_stolen_cookie_opens_nothing(zekt: Zekt, alice: Browser) -> None:
    thief = Browser(zekt)
    thief.session.cookies.update(alice.session.cookies)
    assert thief.ask("/api/me").ok
    assert alice.ask("/auth/sign-out", "POST").ok
    assert code_of(thief.ask("/api/me")) == (401, "session_refused")
    assert alice.cookie is None
    assert code_of(alice.ask("/auth/sign-out", "POST")) == (401, "session_refused")


@pytest.mark.parametrize("value", ["", "x", "x" * 43, "zekt_x", "é", "a" * 5000])
def test_an_invented_cookie_opens_nothing(zekt: Zekt, value: str) -> None:
    headers = {"Cookie": f"zekt-session={value}".encode()}
    answer = requests.get(f"{zekt.url}/api/me", headers=headers, timeout=10)
    assert answer.status_code == 401
    assert answer.json()["code"] == ("admin_token_refused" if value == "" else "session_refused")


def test_with_an_authorization_header_the_cookie_does_not_count(alice: Browser, make: Callable[..., str]) -> None:
    reader = make("shop-team")
    me = alice.ask("/api/me", authorization=f"Bearer {reader}").json()
    assert (me["actor"].split("#")[0], me["login"], me["csrfToken"]) == ("token:ci", None, None)
    refused = alice.ask(PATH, "PATCH", CHANGE, authorization=f"Bearer {reader}")
    assert code_of(refused) == (403, "not_yours")
    assert code_of(alice.ask("/api/me", authorization="Basic eA==")) == (401, "admin_token_refused")
    operator = alice.ask(PATH, "PATCH", CHANGE, authorization=f"Bearer {ADMIN_TOKEN}", x_csrf_token=None)
    assert operator.ok


def test_a_token_and_the_operator_learn_who_they_are_too(ask: Any, make: Callable[..., str]) -> None:
    me = ask(make("infra-team"), "/api/me").json()
    assert [(account["login"], account["right"]) for account in me["accounts"]] == [("infra-team", "read")]
    me = ask(None, "/api/me").json()
    assert (me["actor"], me["operator"], me["accounts"]) == ("operator", True, [])
