"""What an account is here for: provider, consumer or both; upgraded at any time, never down."""

import json
from collections.abc import Callable
from typing import Any

import pytest
import requests

from zekt_backend.errors import ZektError
from zekt_backend.flows import accounts
from zekt_backend.store.database import Database
from zekt_testing import setup
from zekt_testing.broker import ADMIN_TOKEN, Zekt

PATH = "/api/accounts/infra-team"


def personas(ask: Any) -> dict[str, tuple[bool, bool]]:
    found = ask(None, "/api/accounts").json()["accounts"]
    return {account["login"]: (account["provider"], account["consumer"]) for account in found}


def patch(zekt: Zekt, body: Any, version: str | None = None) -> requests.Response:
    headers = {"Authorization": f"Bearer {ADMIN_TOKEN}", **({"If-Match": version} if version else {})}
    return requests.patch(zekt.url + PATH, json=body, headers=headers, timeout=30)


def test_who_has_a_workflow_provides_and_who_has_a_subscription_consumes(ask: Any) -> None:
    assert personas(ask) == {"shop-team": (True, False), "infra-team": (False, True)}


def test_a_consumer_becomes_a_provider_too_and_the_trail_says_so(zekt: Zekt, ask: Any) -> None:
    answer = patch(zekt, {"provider": True})
    assert answer.status_code == 200
    assert (answer.json()["provider"], answer.json()["consumer"]) == (True, True)
    line = ask(None, "/api/audit?limit=1").json()["audit"][0]
    assert (line["action"], line["subject"], line["account"]) == ("account.upgrade", "infra-team", "infra-team")
    assert (line["before"], line["after"]) == ({"provider": False}, {"provider": True})


def test_the_same_again_changes_nothing(zekt: Zekt, ask: Any) -> None:
    first = patch(zekt, {"provider": True})
    lines = ask(None, "/api/audit").json()
    for body in ({"provider": True}, {}, {"consumer": None}):
        again = patch(zekt, body)
        assert (again.json(), again.headers["etag"]) == (first.json(), first.headers["etag"])
    assert ask(None, "/api/audit").json() == lines


def test_no_persona_is_taken_away(zekt: Zekt, ask: Any) -> None:
    for body in ({"consumer": False}, {"provider": True, "consumer": False}):
        answer = patch(zekt, body)
        assert (answer.status_code, answer.json()["code"]) == (409, "conflict")
        assert "infra-team is a consumer, and remains one" in answer.json()["detail"]
    assert patch(zekt, {"provider": False}).status_code == 200
    assert personas(ask)["infra-team"] == (False, True)


def test_a_change_that_rests_on_an_old_version_is_refused(zekt: Zekt, ask: Any) -> None:
    seen = ask(None, PATH).headers["etag"]
    assert patch(zekt, {"provider": True}, seen).status_code == 200
    for stale in (seen, '"x"', "1", '"999999999999"'):
        answer = patch(zekt, {"provider": True}, stale)
        assert (answer.status_code, answer.json()["code"]) == (412, "version_stale")
    assert patch(zekt, {"provider": True}, ask(None, PATH).headers["etag"]).status_code == 200
    assert patch(zekt, {"provider": True}, "*").status_code == 200


def test_what_an_account_has_no_use_for_is_refused(zekt: Zekt) -> None:
    wrong: list[Any] = [{"verified": True}, {"provider": "perhaps"}, [], {"login": "x"}]
    for body in wrong:
        assert patch(zekt, body).json()["code"] == "body_invalid"


def test_a_token_sees_its_own_account_in_any_spelling_and_changes_nothing(ask: Any, make: Callable[..., str]) -> None:
    token = make("infra-team", scope="manage")
    assert [account["login"] for account in ask(token, "/api/accounts").json()["accounts"]] == ["infra-team"]
    assert ask(token, "/api/accounts/INFRA-Team").json()["members"] == []
    assert ask(token, "/api/accounts/shop-team").json() == ask(token, "/api/accounts/nobody").json()
    assert ask(token, PATH, "PATCH", {"provider": True}).json()["code"] == "not_yours"


def test_the_people_of_an_account_are_shown_with_their_roles(zekt: Zekt, ask: Any) -> None:
    zekt.sql("INSERT INTO people (id, login) VALUES (1, 'alice'), (2, 'bob')")
    zekt.sql(
        """INSERT INTO members (account_id, person_id, role, checked_at)
           SELECT a.id, p.id, CASE p.id WHEN 1 THEN 'owner' ELSE 'member' END, now()
           FROM accounts a, people p WHERE a.login = 'infra-team'"""
    )
    people = [{"login": "alice", "role": "owner"}, {"login": "bob", "role": "member"}]
    assert ask(None, PATH).json()["members"] == people


async def test_who_does_what_it_is_not_here_for_is_told_how_to_become_that(zekt: Zekt) -> None:
    ((account_id,),) = zekt.sql("SELECT id FROM accounts WHERE login = 'infra-team'")
    db = await Database(zekt.database_url, size=2).open()
    try:
        async with db.transaction() as tx:
            await accounts.require_persona(tx, account_id, "consumer")
            with pytest.raises(ZektError, match=r"conflict: infra-team is no provider yet.*PATCH /api/accounts/infra"):
                await accounts.require_persona(tx, account_id, "provider")
            assert patch(zekt, {"provider": True}).status_code == 200
            await accounts.require_persona(tx, account_id, "provider")
            with pytest.raises(ZektError, match="not_yours"):
                await accounts.require_persona(tx, 999_999, "provider")
    finally:
        await db.close()


def test_a_setup_file_adds_a_persona_and_takes_none_away(zekt: Zekt, ask: Any) -> None:
    wanted = setup.directory()
    wanted["accounts"][1]["persona"] = "both"
    wanted["accounts"].append({"login": "third-team", "persona": "provider"})
    setup.apply(zekt.database_url, wanted)
    assert personas(ask) == {"shop-team": (True, False), "infra-team": (True, True), "third-team": (True, False)}
    lines = ask(None, "/api/audit").json()
    wanted["accounts"][1]["persona"] = "consumer"
    setup.apply(zekt.database_url, wanted)
    assert personas(ask)["infra-team"] == (True, True)
    assert ask(None, "/api/audit").json() == lines


def test_a_changed_account_has_a_new_version_and_an_unchanged_one_has_not(zekt: Zekt, ask: Any) -> None:
    before = ask(None, PATH).json()["version"]
    wanted = setup.directory()
    setup.apply(zekt.database_url, wanted)
    assert ask(None, PATH).json()["version"] == before
    wanted["accounts"][1]["persona"] = "both"
    setup.apply(zekt.database_url, wanted)
    assert ask(None, PATH).json()["version"] == before + 1


def test_the_commands_list_and_upgrade(zekt_command: Any) -> None:
    assert "infra-team" in zekt_command("accounts", "list").stdout
    assert (
        "infra-team is provider and consumer." in zekt_command("accounts", "upgrade", "infra-team", "--provider").stderr
    )
    listed = json.loads(zekt_command("accounts", "list", "--json").stdout)
    assert {account["login"]: account["provider"] for account in listed} == {"infra-team": True, "shop-team": True}
    assert zekt_command("accounts", "upgrade", "infra-team").exit_code == 2
    with pytest.raises(ZektError, match="not_yours"):
        zekt_command("accounts", "upgrade", "nobody", "--consumer")
