"""API tokens: told once, kept as a digest, and good for their account, their scope and their time."""

import hashlib
import json
from collections.abc import Callable
from typing import Any

import pytest
import requests
from pydantic import SecretStr
from typer.testing import CliRunner

from zekt_backend.cli import app
from zekt_backend.errors import ZektError
from zekt_testing.broker import Zekt

WANTED = {"account": "infra-team", "name": "ci", "scope": "read", "expiresInDays": 30}


def code(answer: requests.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["code"]


def test_a_token_is_told_once_and_kept_as_its_digest_alone(zekt: Zekt, ask: Any) -> None:
    answer = ask(None, "/api/tokens", "POST", WANTED)
    made = answer.json()
    secret = made.pop("token")
    assert (answer.status_code, answer.headers["cache-control"]) == (201, "no-store")
    assert secret.startswith("zekt_")
    assert len(secret) >= 48
    ((digest,),) = zekt.sql("SELECT digest FROM api_tokens")
    assert digest == hashlib.sha256(secret.encode()).digest()
    assert ask(None, "/api/tokens").json() == {"tokens": [made], "next": None}
    assert (made["account"], made["scope"], made["createdBy"]) == ("infra-team", "read", "operator")
    for table in ("api_tokens", "audit"):
        assert secret not in str(zekt.sql(f"SELECT t::text FROM {table} t"))


def test_what_a_token_has_no_use_for_is_refused(zekt: Zekt, ask: Any) -> None:
    wrong = [("scope", "own"), ("expiresInDays", 367), ("expiresInDays", 0), ("name", "\x1b[2J"), ("scopes", [])]
    for name, value in wrong:
        assert code(ask(None, "/api/tokens", "POST", {**WANTED, name: value})) == (400, "body_invalid")
    assert code(ask(None, "/api/tokens", "POST", {**WANTED, "account": "nobody"})) == (404, "not_found")
    assert zekt.sql("SELECT 1 FROM api_tokens") == []


def test_a_token_opens_until_it_expires(zekt: Zekt, ask: Any, make: Callable[..., str]) -> None:
    token = make("infra-team")
    assert ask(token, "/api/deliveries").status_code == 200
    assert ask(None, "/api/tokens").json()["tokens"][0]["lastUsedAt"] is not None
    zekt.sql("UPDATE api_tokens SET expires_at = now()")
    assert code(ask(token, "/api/deliveries")) == (401, "api_token_refused")


def test_a_revoked_token_opens_nothing_from_then_on(ask: Any, make: Callable[..., str]) -> None:
    token, other = make("infra-team"), make("infra-team")
    path = f"/api/tokens/{ask(None, '/api/tokens').json()['tokens'][1]['id']}"
    first, again = (ask(None, path, "DELETE").json() for _ in range(2))
    assert first["revokedAt"] is not None
    assert again == first
    assert code(ask(token, "/api/deliveries")) == (401, "api_token_refused")
    assert ask(other, "/api/deliveries").status_code == 200
    assert [line["action"] for line in ask(None, "/api/audit?limit=3").json()["audit"]].count("token.revoke") == 1


def test_an_invented_an_expired_and_a_revoked_token_look_alike(zekt: Zekt, ask: Any, make: Callable[..., str]) -> None:
    expired, revoked = make("infra-team"), make("infra-team")
    zekt.sql("UPDATE api_tokens SET expires_at = now() WHERE id = 1")
    ask(None, "/api/tokens/2", "DELETE")
    answers = [ask(token, "/api/deliveries") for token in (expired, revoked, "zekt_" + "x" * 43, "zekt_")]
    assert {answer.text for answer in answers} == {answers[0].text}
    assert code(answers[0]) == (401, "api_token_refused")


def test_a_token_makes_and_revokes_no_tokens(ask: Any, make: Callable[..., str]) -> None:
    """Else one that is stolen could outlive its own end."""
    token = make("infra-team", scope="manage")
    assert code(ask(token, "/api/tokens", "POST", WANTED)) == (403, "not_yours")
    assert code(ask(token, "/api/tokens/1", "DELETE")) == (403, "not_yours")
    assert len(ask(token, "/api/tokens").json()["tokens"]) == 1


def test_a_token_lists_the_tokens_of_its_own_account_page_by_page(ask: Any, make: Callable[..., str]) -> None:
    token, _ = make("infra-team", name="first"), make("shop-team")
    make("infra-team", name="second")
    first = ask(token, "/api/tokens?limit=1").json()
    then = ask(token, f"/api/tokens?limit=1&before={first['next']}").json()
    assert [page["tokens"][0]["name"] for page in (first, then)] == ["second", "first"]
    assert then["next"] is None


@pytest.mark.parametrize("spelling", ["x", "-1", "0", "99999999999999999999", "1.0", "%C2%B2", "9223372036854775808"])
def test_a_token_that_cannot_be_there_is_not_there(ask: Any, spelling: str) -> None:
    assert code(ask(None, f"/api/tokens/{spelling}", "DELETE")) == (404, "not_found")


def test_the_operators_own_may_begin_like_a_token(start: Callable[..., Zekt]) -> None:
    zekt = start(settings={"admin_token": SecretStr("zekt_chosen by the operator")})
    answers = [
        requests.get(f"{zekt.url}/api/deliveries", headers={"Authorization": f"Bearer {given}"}, timeout=10)
        for given in ("zekt_chosen by the operator", "zekt_chosen by the operators")
    ]
    assert [answer.status_code for answer in answers] == [200, 401]


def test_tokens_work_where_the_operators_own_is_not_set(start: Callable[..., Zekt]) -> None:
    zekt = start(settings={"admin_token": None})
    environment = {"ZEKT_DATABASE_URL": zekt.database_url}
    made = CliRunner().invoke(app, ["tokens", "create", "infra-team", "ci"], env=environment, catch_exceptions=False)
    answer = requests.get(
        f"{zekt.url}/api/deliveries", headers={"Authorization": f"Bearer {made.stdout.strip()}"}, timeout=10
    )
    assert answer.json() == {"deliveries": [], "next": None}


def test_the_commands_make_list_and_revoke(ask: Any, zekt_command: Any) -> None:
    made = zekt_command("tokens", "create", "infra-team", "night job", "--scope", "manage", "--days", "7")
    token = made.stdout.strip()
    assert ask(token, "/api/deliveries").status_code == 200
    assert "Token 1 of infra-team may manage until" in made.stderr
    shown = zekt_command("tokens", "list", "--account", "Infra-Team")
    assert "night job" in shown.stdout
    assert token not in shown.stdout + made.stderr
    assert json.loads(zekt_command("tokens", "list", "--account", "shop-team", "--json").stdout) == []
    assert "is revoked" in zekt_command("tokens", "revoke", "1").stderr
    assert ask(token, "/api/deliveries").status_code == 401
    assert json.loads(zekt_command("tokens", "create", "shop-team", "x", "--json").stdout)["token"].startswith("zekt_")


def test_the_commands_say_what_is_not_there(zekt_command: Any) -> None:
    for arguments in (("create", "nobody", "ci"), ("revoke", "7")):
        with pytest.raises(ZektError, match="not_yours"):
            zekt_command("tokens", *arguments)
    with pytest.raises(ZektError, match="There is no account 'nobody' here"):
        zekt_command("tokens", "list", "--account", "nobody")
    assert zekt_command("tokens", "create", "infra-team", "\x1b[2J").exit_code == 2
