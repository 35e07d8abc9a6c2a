"""What a page says of what was just done: of this session alone, and nothing that anybody else puts there."""

import base64
import hashlib
import hmac
import json
from collections.abc import Callable
from typing import Any

import pytest
import requests

from zekt_backend.console import notices
from zekt_backend.console.notices import Said, Undo
from zekt_testing.broker import Zekt
from zekt_testing.people import Browser

CSRF = "c" * 43
PLANTED: dict[str, Any] = {
    "text": "Planted.",
    "tone": "good",
    "code": "",
    "undo": {"path": "/profile/planted", "fields": {"to": "on"}, "label": "Undo"},
}


def written(value: Any) -> str:
    raw = value if isinstance(value, bytes) else json.dumps(value).encode()
    return base64.urlsafe_b64encode(raw).decode()


def sealed(csrf: str, value: str) -> str:
    return f"{value}.{hmac.new(csrf.encode(), b'zekt-said:' + value.encode(), 'sha256').hexdigest()}"


def planted(browser: Browser, cookie: str, path: str = "/") -> str:
    browser.session.cookies.set("zekt-said", cookie, domain="127.0.0.1", path="/")
    answer = browser.get(path)
    assert answer.status_code == 200
    return answer.text


def test_what_was_done_is_told_once_with_a_form_that_takes_it_back(zekt: Zekt, program: Browser) -> None:
    answer = program.submit("/consumer/subscriptions/1/durable", to="off")
    assert answer.status_code == 303
    page = program.get(answer.headers["location"])
    assert "Durable Delivery is off" in page.text
    assert 'action="/consumer/subscriptions/1/durable"' in page.text.split("<h1>")[0]
    assert "zekt-said" not in program.session.cookies
    assert "Durable Delivery is off" not in program.get(answer.headers["location"]).text
    assert zekt.get("/api/subscriptions")["subscriptions"][0]["durable"] is False


@pytest.mark.parametrize("how", ["unsealed", "by nobody's key", "by another session", "changed"])
def test_what_this_session_has_not_sealed_is_not_shown(program: Browser, how: str) -> None:
    """A neighbour's host, or somebody in between, may plant a cookie; the form would carry the victim's CSRF token."""
    other = Browser(program.zekt)
    other.become("alice")
    value = written(PLANTED)
    seal = sealed(program.csrf, value).partition(".")[2]
    cookies = {
        "unsealed": value,
        "by nobody's key": sealed("", value),
        "by another session": sealed(other.csrf, value),
        "changed": f"{written({**PLANTED, 'text': 'Planted, too.'})}.{seal}",
    }
    text = planted(program, cookies[how])
    assert "lanted" not in text
    assert "zekt-said" not in program.session.cookies
    assert "Planted." in planted(program, sealed(program.csrf, value)), "this test plants nothing that could be shown"


@pytest.mark.parametrize(
    "value",
    [
        b"",
        b"\xff",
        b"null",
        b"[" * 2_900,
        {},
        {**PLANTED, "text": 1},
        {**PLANTED, "text": "a" * 601},
        {**PLANTED, "tone": "loud"},
        {**PLANTED, "code": ["x"]},
        {**PLANTED, "undo": 1},
        {**PLANTED, "undo": {**PLANTED["undo"], "path": "//evil.example/"}},
        {**PLANTED, "undo": {**PLANTED["undo"], "path": 1}},
        {**PLANTED, "undo": {**PLANTED["undo"], "label": {}}},
        {**PLANTED, "undo": {**PLANTED["undo"], "fields": ["to"]}},
        {**PLANTED, "undo": {**PLANTED["undo"], "fields": {"to": 1}}},
        {**PLANTED, "undo": {**PLANTED["undo"], "fields": {str(n): "" for n in range(11)}}},
    ],
    ids=lambda value: str(value)[:90],
)
def test_what_does_not_fit_is_nothing_even_sealed(value: Any) -> None:
    assert notices.read(sealed(CSRF, written(PLANTED)), CSRF) is not None, "this test seals otherwise than the console"
    assert notices.read(sealed(CSRF, written(value)), CSRF) is None


@pytest.mark.parametrize("cookie", ["x", ".", "\xe9.x", written(PLANTED), sealed("", written(PLANTED))])
def test_who_has_no_session_is_told_nothing_by_a_cookie(zekt: Zekt, cookie: str) -> None:
    answer = requests.get(zekt.url + "/sign-in", headers={"Cookie": f"zekt-said={cookie}"}, timeout=30)
    assert answer.status_code == 200
    assert "lanted" not in answer.text


def test_who_signed_out_is_told_so_and_nobody_who_has_not(program: Browser) -> None:
    told = "You are signed out."
    assert told not in program.get("/sign-in?signed-out=").text
    answer = program.submit("/sign-out")
    assert told in program.get(answer.headers["location"]).text
    assert told not in program.get("/sign-in").text


@pytest.mark.parametrize("text", ["n" * 3_000, "\N{GRINNING FACE}" * 600, "\x01" * 900, "\ud800"])
@pytest.mark.parametrize("undo", [None, Undo("/" + "a" * 500, {"to": "on"}), Undo("/" + "a" * 501, {})])
def test_a_long_sentence_is_cut_to_what_a_browser_keeps(text: str, undo: Undo | None) -> None:
    cookie = notices.written(Said(text, "bad", "not_yours", undo), CSRF)
    assert len("__Host-zekt-said=" + cookie) <= 4_096
    said = notices.read(cookie, CSRF)
    assert said is not None
    assert said.tone == "bad"
    assert said.text == "?" or text.startswith(said.text)
    assert len(said.text) >= min(len(text), 300)


def test_a_short_sentence_and_its_undo_arrive_as_they_are() -> None:
    said = Said("Gr\u00fc\u00dfe, <b>", "good", "", Undo("/a?b=c", {"to": "on"}, "Back"))
    assert notices.read(notices.written(said, CSRF), CSRF) == said


def test_behind_https_it_is_a_cookie_of_this_very_host(start: Callable[..., Zekt]) -> None:
    zekt = start(settings={"public_url": "https://zekt.example"}, work=False)
    secret = "s" * 43
    zekt.sql("INSERT INTO people (id, login) VALUES (7, 'zoe')")
    zekt.sql(
        "INSERT INTO sessions VALUES (%s, 7, %s, now(), now() + interval '1 hour')",
        hashlib.sha256(secret.encode()).digest(),
        CSRF,
    )

    def ask(method: str, path: str, cookies: str, **how: Any) -> list[str]:
        headers = {"Cookie": f"__Host-zekt-session={secret}; {cookies}", "Origin": "https://zekt.example"}
        answer = requests.request(method, zekt.url + path, headers=headers, timeout=30, allow_redirects=False, **how)
        assert answer.status_code in (200, 303), answer.text
        shown.append(answer.text)
        return answer.headers.get("set-cookie", "").split("; ")

    shown: list[str] = []
    value, *attributes = ask("POST", "/consumer/subscriptions/1/durable", "", data={"csrf": CSRF, "to": "off"})
    assert value.startswith("__Host-zekt-said=")
    assert {"Secure", "HttpOnly", "Path=/", "SameSite=strict"} <= set(attributes)
    assert not any(each.startswith("Domain") for each in attributes)
    _, *gone = ask("GET", "/", value)
    assert "not_yours" in shown[-1]
    assert {"Secure", "HttpOnly", "Path=/", "Max-Age=0"} <= set(gone)
    # A neighbour can only plant it without the prefix that browsers guard.
    ask("GET", "/", value.removeprefix("__Host-"))
    assert "not_yours" not in shown[-1]
