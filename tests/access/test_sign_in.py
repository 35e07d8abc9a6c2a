"""Signing in through GitHub: who it was, and every way in which it must not work."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from pydantic import SecretStr

from zekt_backend.rules.people import is_local
from zekt_sandbox import shapes
from zekt_testing.broker import Zekt
from zekt_testing.deliveries import dispatched
from zekt_testing.people import Browser, actor_of, code_of, query_of


@pytest.fixture
def browser(zekt: Zekt) -> Browser:
    zekt.github.set_person("alice", organizations={"infra-team": "admin"})
    return Browser(zekt)


def test_who_signs_in_is_known_by_a_session_of_which_only_the_digest_is_kept(zekt: Zekt, browser: Browser) -> None:
    answer = browser.sign_in("alice")
    assert answer.headers["location"] == "/"
    cookies = answer.headers["set-cookie"]
    assert "zekt-session=" in cookies
    assert cookies.count("HttpOnly") == cookies.count("SameSite=lax") == 2
    me = browser.ask("/api/me").json()
    assert (me["actor"], me["login"], me["operator"]) == (actor_of(zekt, "alice"), "alice", False)
    assert [(account["login"], account["right"]) for account in me["accounts"]] == [("infra-team", "own")]
    assert browser.cookie
    for (table,) in zekt.sql("SELECT tablename FROM pg_tables WHERE schemaname = 'public'"):
        assert browser.cookie not in str(zekt.sql(f'SELECT t::text FROM "{table}" t'))


def test_the_persons_token_is_kept_nowhere(zekt: Zekt, browser: Browser) -> None:
    browser.sign_in("alice")
    for (table,) in zekt.sql("SELECT tablename FROM pg_tables WHERE schemaname = 'public'"):
        assert "ghu_" not in str(zekt.sql(f'SELECT t::text FROM "{table}" t'))


def test_github_is_asked_with_a_state_and_a_challenge_that_are_new_each_time(browser: Browser) -> None:
    first, second = (query_of(browser.begin()) for _ in range(2))
    for name in ("state", "code_challenge"):
        assert len(first[name]) == 43
        assert first[name] != second[name]
    assert (first["code_challenge_method"], first["redirect_uri"]) == ("S256", browser.zekt.url + "/auth/callback")
    assert "scope" not in first


def test_a_callback_is_good_once(browser: Browser) -> None:
    back = browser.agree(browser.begin(), "alice")
    assert browser.get(back).status_code == 303
    assert code_of(browser.get(back)) == (400, "sign_in_failed")


def test_a_code_that_was_used_opens_nothing_for_a_second_browser(zekt: Zekt, browser: Browser) -> None:
    code = query_of(browser.agree(browser.begin(), "alice"))["code"]
    browser.get(f"/auth/callback?code={code}&state=x")  # of no use: the state is not the browser's
    thief = Browser(zekt)
    state = query_of(thief.begin())["state"]
    answer = thief.get(f"/auth/callback?code={code}&state={state}")
    assert code_of(answer) == (400, "sign_in_failed")
    assert "bad_verification_code" in answer.json()["detail"]
    assert thief.cookie is None


def test_a_callback_without_the_browsers_own_cookie_is_refused(zekt: Zekt, browser: Browser) -> None:
    """Else anybody could sign somebody in as himself, by a link."""
    back = browser.agree(browser.begin(), "alice")
    victim = Browser(zekt)
    assert code_of(victim.get(back)) == (400, "sign_in_failed")
    victim.begin()
    assert code_of(victim.get(back)) == (400, "sign_in_failed")
    assert victim.cookie is None
    assert zekt.sql("SELECT 1 FROM sessions") == []


def test_a_foreign_state_is_refused_and_ends_what_was_begun(browser: Browser) -> None:
    back = browser.agree(browser.begin(), "alice")
    state = query_of(back)["state"]
    for wrong in ("", state[:-1], state + "x", "é"):
        answer = browser.get("/auth/callback", params={"code": query_of(back)["code"], "state": wrong})
        assert code_of(answer) == (400, "sign_in_failed")
    assert code_of(browser.get(back)) == (400, "sign_in_failed")


def test_a_code_that_is_too_old_is_refused(zekt: Zekt, browser: Browser) -> None:
    back = browser.agree(browser.begin(), "alice")
    zekt.github.world.oauth.age_codes(timedelta(minutes=11))
    assert code_of(browser.get(back)) == (400, "sign_in_failed")


def test_who_does_not_agree_is_told_so_and_not_signed_in(browser: Browser) -> None:
    back = browser.agree(browser.begin(), "")
    answer = browser.get(back)
    assert code_of(answer) == (400, "sign_in_failed")
    assert "You did not agree at GitHub" in answer.json()["detail"]
    assert browser.cookie is None


def test_whoever_looks_at_an_error_sees_a_page_that_repeats_nothing(browser: Browser) -> None:
    answer = browser.get("/auth/callback?error=<script>&state=<script>", headers={"Accept": "text/html"})
    assert (answer.status_code, answer.headers["content-type"]) == (400, "text/html; charset=utf-8")
    assert "<script>" not in answer.text
    assert "default-src 'none'" in answer.headers["content-security-policy"]
    assert "/sign-in" in answer.text


@pytest.mark.parametrize("kind", ["status", "cut", "hang"])
def test_a_github_that_fails_is_a_503_and_nobody_is_signed_in(zekt: Zekt, browser: Browser, kind: str) -> None:
    back = browser.agree(browser.begin(), "alice")
    zekt.github.faults.add(where="rest", kind=kind, times=None, seconds=3)
    assert code_of(browser.get(back)) == (503, "github_unavailable")
    assert zekt.sql("SELECT 1 FROM sessions") == []


def test_strangers_who_keep_github_busy_hold_up_no_delivery(start: Callable[..., Zekt]) -> None:
    """More sign-ins hang than there are threads for dispatches."""
    zekt = start(settings={"github_timeout": timedelta(seconds=8)})
    dispatched(zekt)  # so that the installation's token is there
    zekt.github.set_person("alice")
    browsers = [Browser(zekt) for _ in range(6)]
    backs = [browser.agree(browser.begin(), "alice") for browser in browsers]
    zekt.github.faults.add(where="rest", kind="hang", times=None, seconds=8)
    with ThreadPoolExecutor(6) as threads:
        answers = [threads.submit(browser.get, back) for browser, back in zip(browsers, backs, strict=True)]
        zekt.wait_for_visit("/login/oauth/access_token")
        run = zekt.start_run()
        assert zekt.send(run).ok
        zekt.github.finish_run(run)
        zekt.dispatched(2)
        paths = [visit.path.rpartition("/")[2] for visit in zekt.github.visits()]
        zekt.github.faults.clear()
        assert {answer.result().status_code for answer in answers} <= {303, 503}
    last = len(paths) - paths[::-1].index("dispatches")
    # None of the first that hang had ended: else another would have followed.
    assert paths[:last].count("access_token") <= 3


def test_an_answer_of_github_that_is_too_large_is_not_read(zekt: Zekt, browser: Browser) -> None:
    back = browser.agree(browser.begin(), "alice")
    zekt.github.faults.add(where="rest", kind="status", status=200, body={"access_token": "x" * 2_000_000})
    assert code_of(browser.get(back)) == (503, "github_unavailable")


def places(browser: Browser) -> list[tuple[str, str]]:
    browser.sign_in("alice")
    return [(account["login"], account["right"]) for account in browser.ask("/api/me").json()["accounts"]]


def refuse(zekt: Zekt, monkeypatch: pytest.MonkeyPatch) -> None:
    """Suspended after GitHub listed it."""
    real = shapes.installation
    monkeypatch.setattr(shapes, "installation", lambda *of: {**real(*of), "suspended_at": None})
    zekt.github.set_installation("shop-team/orders", suspended=True)


def suspend(zekt: Zekt, _: pytest.MonkeyPatch) -> None:
    zekt.github.set_installation("shop-team/orders", suspended=True)


def enterprise(_: Zekt, monkeypatch: pytest.MonkeyPatch) -> None:
    real = shapes.installation

    def shown(known: Any, number: int, url: str) -> dict[str, Any]:
        account = {"id": 9, "slug": "shop-inc", "name": "Shop Inc."}
        return {
            **real(known, number, url),
            **({"account": account, "target_type": "Enterprise"} if number == 51 else {}),
        }

    monkeypatch.setattr(shapes, "installation", shown)


@pytest.mark.parametrize("happens", [suspend, refuse, enterprise])
def test_no_installation_keeps_its_people_out_of_the_others(
    zekt: Zekt, browser: Browser, monkeypatch: pytest.MonkeyPatch, happens: Callable[..., None]
) -> None:
    zekt.github.set_person("alice", organizations={"infra-team": "admin"}, repositories={"shop-team/orders": "admin"})
    happens(zekt, monkeypatch)
    before = len(zekt.github.visits())
    assert places(browser) == [("infra-team", "own")]
    asked = [visit.path for visit in zekt.github.visits()[before:]]
    assert ("/user/installations/51/repositories" in "".join(asked)) == (happens is refuse)


def test_a_wrong_client_secret_is_told_with_what_to_do(start: Callable[..., Zekt]) -> None:
    zekt = start(settings={"oauth_client_secret": SecretStr("another")})
    zekt.github.set_person("alice")
    browser = Browser(zekt)
    answer = browser.get(browser.agree(browser.begin(), "alice"))
    assert code_of(answer) == (400, "sign_in_failed")
    assert "ZEKT_OAUTH_CLIENT_ID" in answer.json()["detail"]
    assert "another" not in answer.text


def test_without_a_client_there_is_no_sign_in(start: Callable[..., Zekt]) -> None:
    browser = Browser(start(settings={"oauth_client_id": None, "oauth_client_secret": None}))
    for path in ("/auth/sign-in", "/auth/callback?code=1&state=1"):
        assert code_of(browser.get(path)) == (403, "sign_in_off")


def test_whoever_wanted_to_go_somewhere_gets_there(browser: Browser) -> None:
    assert browser.sign_in("alice", "/api/audit?limit=3").headers["location"] == "/api/audit?limit=3"


ELSEWHERE = [
    "https://evil.example/",
    "//evil.example/",
    "/\\evil.example/",
    "\\\\evil.example",
    "/\t/evil.example",
    "/\n/evil.example",
    "\t//evil.example",
    " //evil.example",
    "javascript:alert(1)",
    "evil.example",
    "",
    "/" + "x" * 600,
    "/é",
    "/\x00",
    "/a\r\nSet-Cookie: x=y",
]


@pytest.mark.parametrize("following", ELSEWHERE)
def test_nobody_is_led_elsewhere(browser: Browser, following: str) -> None:
    assert not is_local(following)
    answer = browser.get("/auth/sign-in", params={"next": following})
    assert code_of(answer) == (400, "body_invalid")


def test_nobody_is_led_elsewhere_by_a_changed_cookie_either(browser: Browser) -> None:
    back = browser.agree(browser.begin(), "alice")
    cookies: list[Any] = list(browser.session.cookies)
    for cookie in cookies:
        state, verifier, _ = str(cookie.value).split(".")
        # //evil.example, packed as the broker packs it
        cookie.value = f"{state}.{verifier}.Ly9ldmlsLmV4YW1wbGU"
    assert browser.get(back).headers["location"] == "/"


def test_signing_in_again_ends_the_session_that_was_before(zekt: Zekt, browser: Browser) -> None:
    browser.sign_in("alice")
    old = browser.cookie
    browser.sign_in("alice")
    assert browser.cookie != old
    assert len(zekt.sql("SELECT 1 FROM sessions")) == 1


def test_sign_in_and_sign_out_stand_in_the_trail_without_a_secret(zekt: Zekt, browser: Browser, ask: Any) -> None:
    browser.sign_in("alice")
    assert browser.ask("/auth/sign-out", "POST").json() == {"signedOut": True}
    lines = ask(None, "/api/audit?limit=10").json()["audit"]
    alice = actor_of(zekt, "alice")
    told = [(line["actor"], line["action"], line["account"]) for line in lines][:3]
    assert told == [
        (alice, "person.sign-out", None),
        (alice, "person.sign-in", None),
        (alice, "member.change", "infra-team"),
    ]
    assert lines[2]["after"] == {"role": "owner"}
    assert browser.csrf not in str(lines)
    assert zekt.sql("SELECT 1 FROM sessions") == []
