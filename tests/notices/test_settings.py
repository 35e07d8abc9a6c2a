"""Where an account is told: chosen by its owners, shown to its people, tried out, stopped by its receiver."""

import json
from typing import Any

import pytest
import requests

from zekt_backend.errors import ZektError
from zekt_testing.broker import ADMIN_TOKEN, Zekt
from zekt_testing.people import Browser, code_of

PATH = "/api/accounts/infra-team/notices"


def token(ask: Any, account: str = "infra-team", scope: str = "manage") -> str:
    answer = ask("POST", "/api/tokens", {"account": account, "name": "ci", "scope": scope})
    return str(answer.json()["token"])


def test_an_account_that_has_chosen_nothing_is_shown_so(ask: Any) -> None:
    answer = ask("GET", PATH)
    assert answer.headers["etag"] == '"1"'
    assert (answer.json()["url"], answer.json()["issuesRepository"], answer.json()["version"]) == (None, None, 1)


def test_what_is_put_is_all_there_is_and_the_trail_says_so_without_the_url_s_path(ask: Any, receiver: Any) -> None:
    put = ask("PUT", PATH, {"url": receiver.url, "issuesRepository": "infra-team/platform"}, If_Match='"1"')
    assert (put.status_code, put.headers["etag"], put.json()["url"]) == (200, '"2"', receiver.url)
    assert (put.json()["issuesRepository"], put.json()["issuesRepositoryId"]) == ("infra-team/platform", 2002)
    assert ask("PUT", PATH, {"url": receiver.url, "issuesRepository": 2002}).json() == put.json()
    assert code_of(ask("PUT", PATH, {}, If_Match='"1"')) == (412, "version_stale")
    assert ask("PUT", PATH, {"url": receiver.url}).json()["issuesRepository"] is None
    lines = [line for line in ask("GET", "/api/audit").json()["audit"] if line["action"] == "notice.change"]
    assert [line["after"] for line in lines[::-1]] == [
        {"url": receiver.url.partition("/hooks")[0], "issuesRepository": "infra-team/platform"},
        {"issuesRepository": None},
    ]
    assert "of-theirs" not in json.dumps(lines)


def test_only_owners_read_all_of_the_url(ask: Any, choose: Any, receiver: Any, zekt: Zekt) -> None:
    choose("infra-team", url=receiver.url)
    zekt.github.set_person("owen", organizations={"infra-team": "admin"})
    zekt.github.set_person("mia", repositories={"infra-team/platform": "admin"})
    seen = {}
    for login in ("owen", "mia"):
        browser = Browser(zekt)
        browser.become(login)
        seen[login] = browser.ask(PATH).json()["url"]
    seen["token"] = ask("GET", PATH, token=token(ask)).json()["url"]
    host = receiver.url.partition("/hooks")[0]
    assert seen == {"owen": receiver.url, "mia": f"{host}/…", "token": f"{host}/…"}


def test_members_tokens_and_strangers_change_nothing(ask: Any, receiver: Any) -> None:
    body = {"url": receiver.url}
    for who in (token(ask), token(ask, "shop-team")):
        for method, path in (("PUT", PATH), ("DELETE", PATH), ("POST", f"{PATH}/secret"), ("POST", f"{PATH}/test")):
            assert code_of(ask(method, path, body, token=who)) == (403, "not_yours")
    assert code_of(ask("GET", PATH, token=token(ask, "shop-team"))) == (403, "not_yours")
    assert ask("GET", PATH).json()["version"] == 1


def test_an_account_sees_what_it_was_told_and_nothing_of_others(
    ask: Any, receivers: Any, choose: Any, fail: Any
) -> None:
    for account in ("infra-team", "shop-team"):
        choose(account, url=(receiver := receivers()).url)
    fail()
    receiver.wait()
    for account in ("infra-team", "shop-team"):
        found = ask("GET", "/api/notices", token=token(ask, account, "read")).json()["notices"]
        assert [notice["account"] for notice in found] == [account]


@pytest.mark.parametrize("repository", ["shop-team/orders", 1001, "infra-team/unknown"])
def test_an_issue_is_opened_in_a_repository_of_one_s_own_or_nowhere(ask: Any, repository: Any) -> None:
    answer = ask("PUT", PATH, {"issuesRepository": repository})
    assert code_of(answer) == (409, "conflict")
    assert "it must be a repository of infra-team" in answer.json()["detail"]


def later(zekt: Zekt) -> None:
    """As if the last test had been sent just long enough ago."""
    zekt.sql("UPDATE notice_settings SET tested_at = tested_at - interval '15 seconds'")


def test_a_test_says_how_it_was_answered(ask: Any, choose: Any, receiver: Any, zekt: Zekt) -> None:
    assert code_of(ask("POST", f"{PATH}/test")) == (409, "conflict")
    choose("infra-team", url=receiver.url)
    receiver.answers = [204, 500]
    taken = ask("POST", f"{PATH}/test").json()
    later(zekt)
    refused = ask("POST", f"{PATH}/test").json()
    assert taken == {"delivered": True, "status": 204, "answer": "HTTP 204"}
    assert refused == {"delivered": False, "status": 500, "answer": "HTTP 500"}
    assert [json.loads(letter.body)["type"] for letter in receiver.letters] == ["notice.test"] * 2


def test_who_has_sent_a_test_lets_others_send_theirs(ask: Any, choose: Any, receiver: Any) -> None:
    """Few are sent at a time, of all accounts together."""
    for account in ("infra-team", "shop-team"):
        choose(account, url=receiver.url)
    assert ask("POST", f"{PATH}/test").json()["delivered"]
    again = ask("POST", f"{PATH}/test")
    assert code_of(again) == (409, "conflict")
    assert again.headers["Retry-After"] == "15"
    assert ask("POST", "/api/accounts/shop-team/notices/test").json()["delivered"]
    assert len(receiver.letters) == 2


def test_one_account_is_sent_one_thing_at_a_time(ask: Any, choose: Any, receiver: Any, zekt: Zekt) -> None:
    choose("infra-team", url=receiver.url)
    zekt.sql("UPDATE notice_settings SET busy_until = now() + interval '1 minute'")
    answer = ask("POST", f"{PATH}/test")
    assert code_of(answer) == (409, "conflict")
    assert "on its way" in answer.json()["detail"]
    assert receiver.letters == []


def test_what_was_removed_is_told_nothing_and_its_secret_never_comes_back(
    ask: Any, choose: Any, rotate: Any, receiver: Any, fail: Any
) -> None:
    choose("infra-team", url=receiver.url)
    first = rotate("infra-team")
    assert ask("DELETE", PATH).json()["url"] is None
    fail()
    assert receiver.letters == []
    choose("infra-team", url=receiver.url)
    assert first not in [rotate("infra-team") for _ in range(3)]


def test_the_commands_set_show_test_rotate_and_remove(zekt_command: Any, receiver: Any, zekt: Zekt) -> None:
    assert zekt_command("notices", "set", "infra-team").exit_code == 2
    done = zekt_command("notices", "set", "infra-team", "--url", receiver.url, "--issues", "infra-team/platform")
    assert done.exit_code == 0, done.output
    shown = json.loads(zekt_command("notices", "show", "infra-team", "--json").stdout)
    assert (shown["url"], shown["issuesRepository"]) == (receiver.url, "infra-team/platform")
    assert zekt_command("notices", "rotate", "infra-team").stdout.startswith("whsec_")
    assert "Taken: HTTP 204" in zekt_command("notices", "test", "infra-team").stderr
    receiver.status = 500
    with pytest.raises(ZektError, match="conflict: A test was sent"):
        zekt_command("notices", "test", "infra-team")
    later(zekt)
    assert zekt_command("notices", "test", "infra-team").exit_code == 1
    assert json.loads(zekt_command("notices", "list", "--json").stdout) == []
    assert json.loads(zekt_command("notices", "remove", "infra-team", "--json").stdout)["url"] is None
    with pytest.raises(ZektError, match="not_found"):
        zekt_command("notices", "show", "nobody")


def test_without_the_broker_s_secret_no_webhook_is_taken(start: Any) -> None:
    zekt = start(settings={"webhook_secret": None}, work=False)
    headers = {"Authorization": f"Bearer {ADMIN_TOKEN}"}
    answer = requests.put(zekt.url + PATH, json={"url": "https://hooks.example/"}, headers=headers, timeout=30)
    assert code_of(answer) == (403, "webhooks_off")


def test_a_broker_that_others_reach_sends_nothing_to_its_own_machine(start: Any, receiver: Any) -> None:
    """Neither what is asked of it now, nor what stands in its table from before."""
    zekt = start(settings={"public_url": "https://zekt.example"}, work=False)
    headers = {"Authorization": f"Bearer {ADMIN_TOKEN}"}
    for url in (receiver.url, receiver.url.replace("http:", "https:"), receiver.url.replace("127.0.0.1", "localhost")):
        answer = requests.put(zekt.url + PATH, json={"url": url}, headers=headers, timeout=30)
        assert code_of(answer) == (400, "body_invalid"), url
    zekt.sql(
        "INSERT INTO notice_settings (account_id, url) SELECT id, %s FROM accounts WHERE login = 'infra-team'",
        receiver.url,
    )
    tried = requests.post(f"{zekt.url}{PATH}/test", headers=headers, timeout=30).json()
    assert (tried["delivered"], tried["status"], receiver.letters) == (False, None, [])
