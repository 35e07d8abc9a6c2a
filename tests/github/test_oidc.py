"""Tokens of GitHub Actions: what is believed, and every forgery that is not."""

import base64
import hashlib
import hmac
import json
from collections.abc import Callable
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from hypothesis import given
from hypothesis import strategies as st

from zekt_backend.clock import SystemClock
from zekt_backend.errors import ZektError
from zekt_backend.github.oidc import Verifier
from zekt_backend.rules.records import RunKey


@pytest.fixture
def verifier(issuer: Any, clock: Any) -> Verifier:
    return Verifier(issuers=[issuer.url], audience="api://zekt", clock=clock)


async def refusal(verifier: Verifier, token: str) -> ZektError:
    with pytest.raises(ZektError) as caught:
        await verifier.verify(token)
    error = caught.value
    assert token not in f"{error} {error.__cause__} {error.detail}" or not token
    for part in token.split("."):
        assert len(part) < 20 or part not in error.detail
    return error


def b64(value: Any) -> str:
    raw = value if isinstance(value, bytes) else json.dumps(value).encode()
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


async def test_a_genuine_token_gives_its_signed_claims(verifier: Verifier, issuer: Any) -> None:
    claims = await verifier.verify(issuer.token())
    assert claims.key == RunKey(1001, 16123456789, 1)
    assert claims.issuer == issuer.url
    assert claims.repository == "shop-team/orders"
    assert claims.workflow_path == ".github/workflows/order.yml"
    assert (claims.ref, claims.sha) == ("refs/heads/main", "0" * 40)
    assert (claims.event_name, claims.actor, claims.check_run_id) == ("push", "octocat", "777")
    assert claims.extra["workflow"] == "Order"
    assert "aud" not in claims.extra


async def test_a_claim_that_github_adds_later_is_no_error(verifier: Verifier, issuer: Any) -> None:
    claims = await verifier.verify(issuer.token(brand_new="x"))
    assert claims.extra["brand_new"] == "x"


async def test_a_token_without_check_run_id_is_fine(verifier: Verifier, issuer: Any) -> None:
    assert (await verifier.verify(issuer.token(check_run_id=None))).check_run_id == ""


async def test_pull_request_target_is_told_and_left_to_the_policy(verifier: Verifier, issuer: Any) -> None:
    claims = await verifier.verify(issuer.token(event_name="pull_request_target"))
    assert claims.event_name == "pull_request_target"


async def test_a_workflow_file_of_another_repository_keeps_its_repository(verifier: Verifier, issuer: Any) -> None:
    claims = await verifier.verify(issuer.token(workflow_ref="evil/orders/.github/workflows/order.yml@main"))
    assert claims.workflow_path == "evil/orders/.github/workflows/order.yml"


async def test_alg_none_is_refused(verifier: Verifier, issuer: Any) -> None:
    token = jwt.encode(issuer.claims(), "", algorithm="none", headers={"kid": "first"})
    assert (await refusal(verifier, token)).code == "token_algorithm"


async def test_hs256_signed_with_the_public_key_is_refused(verifier: Verifier, issuer: Any) -> None:
    public = issuer.keys["first"].public_key()
    secret = public.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    signed = f"{b64({'alg': 'HS256', 'typ': 'JWT', 'kid': 'first'})}.{b64(issuer.claims())}"
    token = f"{signed}.{b64(hmac.digest(secret, signed.encode(), hashlib.sha256))}"
    assert (await refusal(verifier, token)).code == "token_algorithm"


@pytest.mark.parametrize("alg", ["RS384", "RS512", "PS256"])
async def test_another_rsa_algorithm_is_refused(verifier: Verifier, issuer: Any, alg: str) -> None:
    token = jwt.encode(issuer.claims(), issuer.keys["first"], algorithm=alg, headers={"kid": "first"})
    assert (await refusal(verifier, token)).code == "token_algorithm"


async def test_an_unknown_kid_is_refused(
    verifier: Verifier, issuer: Any, new_key: Callable[[str], rsa.RSAPrivateKey]
) -> None:
    assert (await refusal(verifier, issuer.token("other", key=new_key("other")))).code == "token_unknown_key"


@pytest.mark.parametrize("headers", [{}, {"kid": ""}])
async def test_a_token_that_names_no_key_is_refused(verifier: Verifier, issuer: Any, headers: dict[str, str]) -> None:
    token = jwt.encode(issuer.claims(), issuer.keys["first"], algorithm="RS256", headers=headers)
    assert (await refusal(verifier, token)).code == "token_unknown_key"


async def test_another_key_under_a_known_kid_is_refused(
    verifier: Verifier, issuer: Any, new_key: Callable[[str], rsa.RSAPrivateKey]
) -> None:
    assert (await refusal(verifier, issuer.token("first", key=new_key("other")))).code == "token_signature"


async def test_changed_claims_break_the_signature(verifier: Verifier, issuer: Any) -> None:
    header, _, signature = issuer.token().split(".")
    token = f"{header}.{b64(issuer.claims(repository_id='1'))}.{signature}"
    assert (await refusal(verifier, token)).code == "token_signature"


async def test_a_key_of_another_trusted_issuer_signs_only_for_that_issuer(
    issuer: Any, clock: Any, serve: Any, new_key: Callable[[str], rsa.RSAPrivateKey]
) -> None:
    other = type(issuer)(clock, {"theirs": new_key("theirs")})
    other.gate.set()
    other.url = serve(other.answer)
    verifier = Verifier(issuers=[issuer.url, other.url], audience="api://zekt", clock=clock)
    assert (await verifier.verify(other.token("theirs"))).issuer == other.url
    assert (await refusal(verifier, other.token("theirs", iss=issuer.url))).code == "token_unknown_key"


@pytest.mark.parametrize("iss", ["https://evil.example", "", None, 7, ["a"], "{url}/", "{url}/oidc"])
async def test_another_issuer_is_refused_without_asking_it_for_keys(verifier: Verifier, issuer: Any, iss: Any) -> None:
    claims = issuer.claims(iss="x")
    claims["iss"] = iss.format(url=issuer.url) if isinstance(iss, str) else iss
    signed = f"{b64({'alg': 'RS256', 'kid': 'first'})}.{b64(claims)}"
    error = await refusal(verifier, f"{signed}.{b64(b'signature')}")
    assert error.code == "token_issuer"
    assert issuer.fetches == 0


@pytest.mark.parametrize("aud", ["sts.amazonaws.com", "api://zekt/", "API://ZEKT", ["api://zekt"], 7, "", None])
async def test_another_audience_is_refused_and_the_right_one_told(verifier: Verifier, issuer: Any, aud: Any) -> None:
    error = await refusal(verifier, issuer.token(aud=aud))
    assert error.code == "token_audience"
    assert "audience: api://zekt" in error.detail


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"exp": -5}, "token_expired"),
        ({"exp": -86_400}, "token_expired"),
        ({"nbf": 6}, "token_not_yet_valid"),
        ({"iat": 6}, "token_not_yet_valid"),
    ],
)
async def test_a_token_outside_its_times_is_refused(
    verifier: Verifier, issuer: Any, clock: Any, changes: dict[str, int], code: str
) -> None:
    now = int(clock.now().timestamp())
    token = issuer.token(**{name: now + seconds for name, seconds in changes.items()})
    assert (await refusal(verifier, token)).code == code


@pytest.mark.parametrize("changes", [{"exp": -4}, {"nbf": 5}, {"iat": 5}])
async def test_clocks_may_differ_by_five_seconds(
    verifier: Verifier, issuer: Any, clock: Any, changes: dict[str, int]
) -> None:
    now = int(clock.now().timestamp())
    await verifier.verify(issuer.token(**{name: now + seconds for name, seconds in changes.items()}))


async def test_a_token_expires_by_our_clock(verifier: Verifier, issuer: Any, clock: Any) -> None:
    token = issuer.token()
    await verifier.verify(token)
    clock.move(seconds=305)
    assert (await refusal(verifier, token)).code == "token_expired"


@pytest.mark.parametrize("name", ["exp", "nbf", "iat"])
@pytest.mark.parametrize("value", ["1763640000", True, [1], None, float("inf"), float("nan")])
async def test_a_time_that_is_no_number_is_refused(verifier: Verifier, issuer: Any, name: str, value: Any) -> None:
    error = await refusal(verifier, issuer.token(**{name: value}))
    assert error.code == "token_claims"
    assert name in error.detail


_REQUIRED = [
    "repository",
    "repository_id",
    "run_id",
    "run_attempt",
    "workflow_ref",
    "ref",
    "sha",
    "event_name",
    "actor",
]


@pytest.mark.parametrize("value", [None, "", 7, ["x"], "x" * 2001, "x\0"], ids=repr)
@pytest.mark.parametrize("name", _REQUIRED)
async def test_each_claim_of_a_runs_identity_must_be_a_string(
    verifier: Verifier, issuer: Any, name: str, value: Any
) -> None:
    error = await refusal(verifier, issuer.token(**{name: value}))
    assert error.code == "token_claims"
    assert name in error.detail


@pytest.mark.parametrize("value", ["0", "-1", "1.0", " 1", "1\n", "0x1", "\u0661", str(2**63), "1" * 20, "true"])
@pytest.mark.parametrize("name", ["repository_id", "run_id", "run_attempt"])
async def test_a_number_is_ascii_digits_in_range(verifier: Verifier, issuer: Any, name: str, value: str) -> None:
    assert (await refusal(verifier, issuer.token(**{name: value}))).code == "token_claims"


async def test_the_largest_id_that_the_database_holds_is_accepted(verifier: Verifier, issuer: Any) -> None:
    assert (await verifier.verify(issuer.token(run_id=str(2**63 - 1)))).run_id == 2**63 - 1


_DEEP = b"[" * 5_000 + b"]" * 5_000
_HUGE = b'{"alg": ' + b"9" * 9_000 + b"}"


@pytest.mark.parametrize(
    "token",
    [
        "",
        "x",
        "ghp_" + "a" * 36,
        "a.b",
        "a.b.c",
        "..",
        "!.!.!",
        "\ud800.x.y",
        "e30.e30.",
        "A" * 20_000,
        f"{b64([])}.{b64({})}.",
        f"{b64({'alg': 'RS256'})}.{b64([])}.",
        f"{b64({'alg': 'RS256', 'kid': 7})}.{b64({})}.",
        f"{b64({'alg': 'RS256', 'b64': False, 'crit': ['b64']})}..",
        f"{b64(_DEEP)}.{b64({})}.",
        f"{b64({'alg': 'RS256'})}.{b64(_DEEP)}.",
        f"{b64(_HUGE)}.{b64({})}.",
    ],
    ids=lambda token: ascii(token[:16]),
)
async def test_what_is_no_token_is_malformed(verifier: Verifier, token: str) -> None:
    assert (await refusal(verifier, token)).code in {"token_malformed", "token_algorithm"}


@given(st.text(max_size=60) | st.lists(st.binary(max_size=30).map(b64), min_size=2, max_size=4).map(".".join))
async def test_no_text_at_all_gives_another_exception(token: str) -> None:
    verifier = Verifier(issuers=["https://issuer.invalid"], audience="api://zekt", clock=SystemClock())
    with pytest.raises(ZektError, match=r"token_(malformed|algorithm|issuer)"):
        await verifier.verify(token)
