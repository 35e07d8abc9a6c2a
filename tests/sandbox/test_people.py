"""People at GitHub: signing in with code, state and PKCE; what they see; what may be asked about them."""

import base64
import hashlib
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from zekt_sandbox.server import SandboxServer

ORDERS = "shop-team/orders"
CALLBACK = "http://127.0.0.1:8750/auth/callback"
VERIFIER = "v" * 43
CHALLENGE = base64.urlsafe_b64encode(hashlib.sha256(VERIFIER.encode()).digest()).rstrip(b"=").decode()


def authorize(gh: SandboxServer, client: Any, who: str | None = "alice", **changes: Any) -> Any:
    query = {
        "client_id": gh.world.oauth.client_id,
        "redirect_uri": CALLBACK,
        "state": "of our own & random",
        "code_challenge": CHALLENGE,
        "code_challenge_method": "S256",
        **({} if who is None else {"as": who}),
        **changes,
    }
    return client.call("GET", "/login/oauth/authorize", params=query, allow_redirects=False)


def told(answer: Any) -> dict[str, str]:
    """What GitHub sent the browser back with."""
    assert answer.status_code == 302, answer.text
    return {name: values[0] for name, values in parse_qs(urlsplit(answer.headers["location"]).query).items()}


def exchange(gh: SandboxServer, client: Any, code: str, **changes: Any) -> dict[str, Any]:
    body = {
        "client_id": gh.world.oauth.client_id,
        "client_secret": gh.world.oauth.client_secret,
        "code": code,
        "redirect_uri": CALLBACK,
        "code_verifier": VERIFIER,
        **changes,
    }
    answer = client.call("POST", "/login/oauth/access_token", data=body, headers={"Accept": "application/json"})
    assert answer.status_code == 200
    found: dict[str, Any] = answer.json()
    return found


@pytest.fixture
def gh(gh: SandboxServer) -> SandboxServer:
    gh.set_person("alice", organizations={"shop-team": "admin"}, repositories={"infra-team/platform": "write"})
    gh.set_person("bob", organizations={"Shop-Team": "member"}, repositories={"Shop-Team/Orders": "admin"})
    return gh


def test_who_signs_in_comes_back_with_the_state_and_a_code_for_a_token(gh: SandboxServer, anonymous: Any) -> None:
    back = told(authorize(gh, anonymous))
    assert back["state"] == "of our own & random"
    token = exchange(gh, anonymous, back["code"])
    assert (token["token_type"], token["access_token"][:4]) == ("bearer", "ghu_")
    user = anonymous.call("GET", "/user", headers={"Authorization": f"Bearer {token['access_token']}"}).json()
    assert (user["login"], user["id"]) == ("alice", gh.set_person("alice").id)


def test_a_code_is_good_once_and_for_ten_minutes(gh: SandboxServer, anonymous: Any) -> None:
    code = told(authorize(gh, anonymous))["code"]
    assert "access_token" in exchange(gh, anonymous, code)
    assert exchange(gh, anonymous, code)["error"] == "bad_verification_code"
    code = told(authorize(gh, anonymous))["code"]
    gh.world.oauth.age_codes(timedelta(minutes=11))
    assert exchange(gh, anonymous, code)["error_description"] == "The code passed is incorrect or expired."


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"client_secret": "x"}, "incorrect_client_credentials"),
        ({"client_id": "x"}, "incorrect_client_credentials"),
        ({"redirect_uri": CALLBACK + "/x"}, "redirect_uri_mismatch"),
        ({"code_verifier": "w" * 43}, "bad_verification_code"),
        ({"code_verifier": ""}, "bad_verification_code"),
        ({"grant_type": "password"}, "unsupported_grant_type"),
    ],
)
def test_what_does_not_fit_the_code_is_refused_with_status_200(
    gh: SandboxServer, anonymous: Any, changes: dict[str, str], error: str
) -> None:
    assert exchange(gh, anonymous, told(authorize(gh, anonymous))["code"], **changes)["error"] == error


def test_who_cancels_comes_back_with_access_denied(gh: SandboxServer, anonymous: Any) -> None:
    back = told(authorize(gh, anonymous, ""))
    assert (back["error"], back["state"]) == ("access_denied", "of our own & random")


def test_the_page_asks_who_one_is(gh: SandboxServer, anonymous: Any) -> None:
    page = authorize(gh, anonymous, None)
    assert page.status_code == 200
    assert "as=alice" in page.text
    assert "as=bob" in page.text


@pytest.mark.parametrize(
    "address",
    [
        "https://evil.example/auth/callback",
        "http://127.0.0.1/elsewhere",
        "http://127.0.0.1/auth/callback?x=1",
        "http://127.0.0.1@evil.example/auth/callback",
        "",
    ],
)
def test_nobody_is_sent_to_an_address_that_is_not_registered(gh: SandboxServer, anonymous: Any, address: str) -> None:
    answer = authorize(gh, anonymous, redirect_uri=address)
    assert answer.status_code == 400
    assert "location" not in answer.headers


def test_an_unknown_client_is_a_404(gh: SandboxServer, anonymous: Any) -> None:
    assert authorize(gh, anonymous, client_id="x").status_code == 404


def test_a_person_sees_installations_and_repositories_with_own_permissions(gh: SandboxServer, anonymous: Any) -> None:
    headers = {"Authorization": f"Bearer {gh.user_token('alice')}"}
    found = anonymous.call("GET", "/user/installations", headers=headers).json()
    assert {one["account"]["login"]: one["id"] for one in found["installations"]} == {"shop-team": 51, "infra-team": 62}
    (orders,) = anonymous.call("GET", "/user/installations/51/repositories", headers=headers).json()["repositories"]
    assert (orders["full_name"], orders["permissions"]["admin"]) == (ORDERS, True)
    (platform,) = anonymous.call("GET", "/user/installations/62/repositories", headers=headers).json()["repositories"]
    assert (platform["permissions"]["push"], platform["permissions"]["admin"]) == (True, False)
    gh.world.repositories.uninstall(62)
    assert anonymous.call("GET", "/user/installations", headers=headers).json()["total_count"] == 1
    assert anonymous.call("GET", "/user/installations/62/repositories", headers=headers).status_code == 404
    assert anonymous.call("GET", "/user").status_code == 401


def test_a_persons_own_repositories_belong_to_a_user(gh: SandboxServer, anonymous: Any) -> None:
    gh.add_repository("carol/things", id=3003, installation_id=73)
    carol = gh.set_person("carol")
    headers = {"Authorization": f"Bearer {gh.user_token('carol')}"}
    (one,) = anonymous.call("GET", "/user/installations", headers=headers).json()["installations"]
    assert (one["account"]["id"], one["account"]["type"], one["target_type"]) == (carol.id, "User", "User")


def test_the_app_may_ask_about_members_and_collaborators(gh: SandboxServer, orders: Any) -> None:
    alice = orders.call("GET", "/orgs/shop-team/memberships/alice").json()
    assert (alice["role"], alice["state"], alice["organization"]["login"]) == ("admin", "active", "shop-team")
    assert orders.call("GET", "/orgs/shop-team/memberships/bob").json()["role"] == "member"
    assert orders.call("GET", "/orgs/shop-team/memberships/nobody").status_code == 404
    assert orders.call("GET", "/orgs/infra-team/memberships/alice").status_code == 403
    held = orders.call("GET", f"/repos/{ORDERS}/collaborators/bob/permission").json()
    assert (held["permission"], held["user"]["login"]) == ("admin", "bob")
    by_id = f"/repositories/{gh.world.repositories.get(ORDERS).id}/collaborators/bob/permission"
    assert orders.call("GET", by_id).json() == held
    assert orders.call("GET", "/repositories/2002/collaborators/bob/permission").status_code == 404
    gh.set_person("bob")
    assert orders.call("GET", by_id).json()["permission"] == "none"
    assert orders.call("GET", f"/repos/{ORDERS}/collaborators/bob/permission").json()["permission"] == "none"
    assert orders.call("GET", f"/repos/{ORDERS}/collaborators/nobody/permission").status_code == 404
    assert orders.call("GET", "/repos/infra-team/platform/collaborators/bob/permission").status_code == 404


def test_without_the_permission_members_are_not_told(gh: SandboxServer, orders: Any) -> None:
    gh.set_permissions(ORDERS, metadata="read")
    answer = orders.call("GET", "/orgs/shop-team/memberships/alice")
    assert (answer.status_code, answer.headers["x-accepted-github-permissions"]) == (403, "members=read")
    assert orders.call("GET", f"/repos/{ORDERS}/collaborators/bob/permission").status_code == 200


def test_people_are_made_and_get_tokens_over_http_too(anonymous: Any) -> None:
    made = anonymous.call("PUT", "/_sandbox/people", json={"login": "dora", "repositories": {ORDERS: "read"}}).json()
    assert made["repositories"] == {ORDERS: "read"}
    assert made in anonymous.call("GET", "/_sandbox/people").json()["people"]
    token = anonymous.call("POST", "/_sandbox/people/dora/tokens").json()["token"]
    assert anonymous.call("GET", "/user", headers={"Authorization": f"token {token}"}).json()["login"] == "dora"
    assert anonymous.call("POST", "/_sandbox/people/nobody/tokens").status_code == 404
    assert (
        anonymous.call("PUT", "/_sandbox/people", json={"login": "x", "organizations": {"y": "z"}}).status_code == 422
    )


def test_a_person_who_is_renamed_keeps_the_id(gh: SandboxServer, orders: Any) -> None:
    before = orders.call("GET", "/orgs/shop-team/memberships/alice").json()["user"]["id"]
    gh.world.people.rename("alice", "alice-2")
    assert orders.call("GET", "/orgs/shop-team/memberships/alice").status_code == 404
    assert orders.call("GET", "/orgs/shop-team/memberships/alice-2").json()["user"]["id"] == before
