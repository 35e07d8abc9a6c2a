"""Tokens of the sandbox verify as GitHub's do, and forged ones do not."""

from typing import Any

import jwt
import pytest
import requests

from zekt_sandbox.runs import Run
from zekt_sandbox.server import SandboxServer

ORDERS = "shop-team/orders"


@pytest.fixture
def run(gh: SandboxServer) -> Run:
    return gh.start_run(ORDERS, workflow=".github/workflows/order.yml", name="Order", actor="mona")


def _verify(gh: SandboxServer, token: str) -> dict[str, Any]:
    """As a relying party does: discovery, key set, signature, issuer, audience and times."""
    with requests.Session() as session:
        session.trust_env = False
        about = session.get(f"{gh.issuer}/.well-known/openid-configuration", timeout=10).json()
        published = jwt.PyJWKSet.from_dict(session.get(about["jwks_uri"], timeout=10).json())
    key = published[jwt.get_unverified_header(token)["kid"]]
    claims: dict[str, Any] = jwt.decode(token, key, algorithms=["RS256"], audience="api://zekt", issuer=about["issuer"])
    return claims


def _ask(environment: dict[str, str], audience: str | None = "api://zekt", **headers: str) -> requests.Response:
    suffix = f"&audience={audience}" if audience else ""
    bearer = {"Authorization": f"bearer {environment['ACTIONS_ID_TOKEN_REQUEST_TOKEN']}", **headers}
    url = environment["ACTIONS_ID_TOKEN_REQUEST_URL"] + suffix
    with requests.Session() as session:
        session.trust_env = False
        return session.get(url, headers=bearer, timeout=10)


def test_a_runner_gets_a_token_that_verifies(gh: SandboxServer, run: Run) -> None:
    answer = _ask(run.environment()).json()
    claims = _verify(gh, answer["value"])
    assert answer["count"] == len(answer["value"])
    assert claims["repository"] == ORDERS
    assert claims["workflow_ref"] == f"{ORDERS}/.github/workflows/order.yml@refs/heads/main"


def test_every_claim_of_githubs_own_is_a_string(run: Run) -> None:
    claims = run.claims()
    assert {name for name, value in claims.items() if not isinstance(value, str)} == {"nbf", "iat", "exp"}
    assert claims["repository_id"] == "1001"
    assert claims["run_id"] == str(run.id)
    assert claims["run_attempt"] == "1"


def test_a_token_lives_300_seconds_and_begins_ten_minutes_before(run: Run) -> None:
    claims = run.claims()
    assert claims["exp"] - claims["iat"] == 300
    assert claims["iat"] - claims["nbf"] == 600


def test_each_token_has_an_id_of_its_own(run: Run) -> None:
    environment = run.environment()
    first, second = (_ask(environment).json()["value"] for _ in range(2))
    assert (
        jwt.decode(first, options={"verify_signature": False})["jti"]
        != (jwt.decode(second, options={"verify_signature": False})["jti"])
    )


def test_without_an_audience_it_is_the_owners_url(run: Run) -> None:
    token = _ask(run.environment(), audience=None).json()["value"]
    assert jwt.decode(token, options={"verify_signature": False})["aud"] == "https://github.com/shop-team"


def test_a_wrong_request_token_gets_nothing(run: Run) -> None:
    assert _ask(run.environment(), Authorization="bearer wrong").status_code == 401


def test_a_request_token_of_another_run_gets_nothing(gh: SandboxServer, run: Run) -> None:
    other = gh.start_run(ORDERS).environment()
    mixed = {**run.environment(), "ACTIONS_ID_TOKEN_REQUEST_TOKEN": other["ACTIONS_ID_TOKEN_REQUEST_TOKEN"]}
    assert _ask(mixed).status_code == 401


def test_jobs_and_legs_of_a_matrix_differ_in_their_check_run(run: Run) -> None:
    seen = {run.claims(job=job, leg=leg)["check_run_id"] for job in ("a", "b") for leg in ("1", "2")}
    assert len(seen) == 4
    assert run.claims(job="a", leg="1")["check_run_id"] in seen


def test_a_rerun_keeps_its_id_and_raises_the_attempt(gh: SandboxServer, run: Run) -> None:
    again = gh.rerun(run)
    assert again.id == run.id
    assert again.claims()["run_attempt"] == "2"
    assert again.environment()["GITHUB_RUN_ATTEMPT"] == "2"


def test_old_tokens_still_verify_after_a_rotation_until_the_old_key_goes(gh: SandboxServer, run: Run) -> None:
    old = run.token()
    gh.keys.rotate()
    assert _verify(gh, old)
    assert _verify(gh, run.token())
    gh.keys.rotate(keep_old=False)
    with pytest.raises(KeyError):
        _verify(gh, old)


@pytest.mark.parametrize(
    ("how", "error"),
    [
        ({"foreign_key": True}, jwt.InvalidSignatureError),
        ({"alg": "none"}, jwt.InvalidAlgorithmError),
        ({"alg": "HS256"}, jwt.InvalidAlgorithmError),
        ({"kid": "unknown"}, KeyError),
        ({"kid": ""}, KeyError),
    ],
)
def test_forged_tokens_are_found_out(gh: SandboxServer, run: Run, how: dict[str, Any], error: type[Exception]) -> None:
    with pytest.raises(error):
        _verify(gh, gh.keys.forge(run.claims(), **how))


@pytest.mark.parametrize(
    ("override", "error"),
    [
        ({"exp": 1}, jwt.ExpiredSignatureError),
        ({"aud": "api://other"}, jwt.InvalidAudienceError),
        ({"iss": "https://evil.example"}, jwt.InvalidIssuerError),
        ({"aud": None}, jwt.MissingRequiredClaimError),
    ],
)
def test_claims_can_be_replaced_or_taken_away(
    gh: SandboxServer, run: Run, override: dict[str, Any], error: type[Exception]
) -> None:
    with pytest.raises(error):
        _verify(gh, run.token(**override))
