"""Who may do what: tokens, installations and permissions, with GitHub's answers."""

import time
from datetime import timedelta
from typing import Any

import jwt
import pytest

from zekt_sandbox.keys import new_key, private_pem
from zekt_sandbox.server import SandboxServer

ORDERS = "shop-team/orders"
PLATFORM = "infra-team/platform"


def _app_jwt(gh: SandboxServer, key: str | None = None, **claims: Any) -> dict[str, str]:
    now = int(time.time())
    full = {"iat": now - 60, "exp": now + 300, "iss": gh.app_id, **claims}
    token = jwt.encode({k: v for k, v in full.items() if v is not None}, key or gh.app_private_key, "RS256")
    return {"Authorization": f"Bearer {token}"}


def test_without_a_token_nothing_is_answered(anonymous: Any) -> None:
    answer = anonymous.dispatch(ORDERS)
    assert (answer.status_code, answer.json()["message"]) == (401, "Requires authentication")


def test_a_made_up_token_is_bad_credentials(anonymous: Any) -> None:
    answer = anonymous.dispatch(ORDERS, headers={"Authorization": "Bearer ghs_made-up"})
    assert (answer.status_code, answer.json()["message"]) == (401, "Bad credentials")


def test_a_repository_that_is_not_there_and_one_of_others_are_the_same_404(orders: Any) -> None:
    stranger, missing = orders.dispatch(PLATFORM), orders.dispatch("nobody/nothing")
    assert stranger.status_code == missing.status_code == 404
    assert stranger.json() == missing.json()


def test_without_contents_write_a_dispatch_is_403(gh: SandboxServer, orders: Any) -> None:
    gh.set_permissions(ORDERS, contents="read", metadata="read")
    answer = orders.dispatch(ORDERS)
    assert (answer.status_code, answer.json()["message"]) == (403, "Resource not accessible by integration")
    assert answer.headers["x-accepted-github-permissions"] == "contents=write"


def test_an_uninstalled_app_has_bad_credentials_and_no_installation(gh: SandboxServer, orders: Any) -> None:
    gh.world.repositories.uninstall(51)
    assert orders.dispatch(ORDERS).status_code == 401
    answer = orders.call("POST", "/app/installations/51/access_tokens", headers=_app_jwt(gh))
    assert answer.status_code == 404


def test_a_token_expires(gh: SandboxServer, anonymous: Any) -> None:
    gh.world.credentials.token_lifetime = timedelta(0)
    made = anonymous.call("POST", "/app/installations/51/access_tokens", headers=_app_jwt(gh)).json()
    assert anonymous.dispatch(ORDERS, headers={"Authorization": f"token {made['token']}"}).status_code == 401


def test_a_token_may_be_narrowed_but_not_widened(gh: SandboxServer, anonymous: Any) -> None:
    where = "/app/installations/51/access_tokens"
    narrow = anonymous.call("POST", where, headers=_app_jwt(gh), json={"permissions": {"metadata": "read"}})
    token = {"Authorization": f"Bearer {narrow.json()['token']}"}
    assert narrow.status_code == 201
    assert anonymous.call("GET", f"/repos/{ORDERS}", headers=token).status_code == 200
    assert anonymous.dispatch(ORDERS, headers=token).status_code == 403
    wide = anonymous.call("POST", where, headers=_app_jwt(gh), json={"permissions": {"secrets": "write"}})
    assert wide.status_code == 422
    foreign = anonymous.call("POST", where, headers=_app_jwt(gh), json={"repository_ids": [2002]})
    assert foreign.status_code == 422


@pytest.mark.parametrize(
    ("claims", "message"),
    [
        ({"exp": -1}, "the future time at which the assertion expires"),
        ({"exp": 700}, "too far in the future"),
        ({"iat": 300}, "a time in the past"),
        ({"iss": "999"}, "'Issuer' claim"),
        ({"iss": None}, "could not be decoded"),
    ],
)
def test_an_app_token_with_a_wrong_claim_is_401(
    gh: SandboxServer, anonymous: Any, claims: dict[str, Any], message: str
) -> None:
    now = int(time.time())
    moved = {k: now + v if isinstance(v, int) else v for k, v in claims.items()}
    answer = anonymous.call("GET", "/app", headers=_app_jwt(gh, None, **moved))
    assert answer.status_code == 401
    assert message in answer.json()["message"]


def test_an_app_token_signed_with_another_key_is_401(gh: SandboxServer, anonymous: Any) -> None:
    answer = anonymous.call("GET", "/app", headers=_app_jwt(gh, private_pem(new_key())))
    assert answer.status_code == 401


def test_an_installation_token_is_no_app_token(orders: Any) -> None:
    assert orders.call("GET", "/app").status_code == 403


def test_the_app_finds_the_installation_of_a_repository(gh: SandboxServer, anonymous: Any) -> None:
    answer = anonymous.call("GET", f"/repos/{PLATFORM}/installation", headers=_app_jwt(gh))
    assert answer.json()["id"] == 62
    assert answer.json()["account"]["login"] == "infra-team"
    listed = anonymous.call("GET", "/app/installations", headers=_app_jwt(gh)).json()
    assert {each["id"] for each in listed} == {51, 62}
    assert anonymous.call("GET", "/app/installations/62", headers=_app_jwt(gh)).json()["id"] == 62
    assert anonymous.call("GET", "/app/installations/63", headers=_app_jwt(gh)).status_code == 404


def test_every_answer_has_a_request_id_and_the_rate_limit(anonymous: Any, orders: Any) -> None:
    for answer in (anonymous.call("GET", "/nowhere"), orders.dispatch(ORDERS), orders.call("GET", f"/repos/{ORDERS}")):
        assert answer.headers["x-github-request-id"]
        assert answer.headers["x-ratelimit-limit"] == "5000"
        assert int(answer.headers["x-ratelimit-reset"]) > time.time()


def test_a_page_that_is_not_there_is_githubs_404(anonymous: Any) -> None:
    answer = anonymous.call("GET", "/nowhere")
    assert answer.json()["message"] == "Not Found"
    assert answer.json()["status"] == "404"


def test_a_repository_is_found_by_its_id(orders: Any) -> None:
    assert orders.call("GET", "/repositories/1001").json()["full_name"] == ORDERS
    assert orders.call("GET", "/repositories/2002").status_code == 404
    listed = orders.call("GET", "/installation/repositories").json()
    assert [r["id"] for r in listed["repositories"]] == [1001]
