"""Forged tokens against the running broker: each is refused by name, and leaves nothing behind.

`tests/github/test_oidc.py` holds the verifier to more of them; here they come over the wire.
"""

import json
import time
from collections.abc import Callable
from typing import Any

import pytest
import requests

from zekt_sandbox.keys import assemble, jwk, process_key
from zekt_sandbox.runs import Run
from zekt_sandbox.server import SandboxServer

Forge = Callable[[SandboxServer, Run], str]

THIEF = process_key("foreign")
"""A key of the forger's own."""
BODY = {"eventType": "order", "payload": {}}
HOUR = 3_600


def stolen(member: str, value: Any) -> Forge:
    """Signed by the thief, whose header brings the key that fits, or says where it is to be found."""

    def forge(gh: SandboxServer, run: Run) -> str:
        told = gh.url + value if isinstance(value, str) else value
        return assemble({"typ": "JWT", "alg": "RS256", "kid": "thief", member: told}, run.claims(), THIEF)

    return forge


def named(kid: Any) -> Forge:
    """Rightly signed, under another key's name."""
    return lambda gh, run: gh.keys.forge(run.claims(), header={"kid": kid})


def said(**claims: Any) -> Forge:
    """Rightly signed by our issuer, saying something else; None takes a claim away."""
    return lambda _, run: run.token(**claims)


def timed(claim: str, seconds: int) -> Forge:
    """Rightly signed, with a time so far from now."""

    def forge(_: SandboxServer, run: Run) -> str:
        times: dict[str, Any] = {claim: int(time.time()) + seconds}
        return run.token(**times)

    return forge


def twice(name: str, last: str) -> Forge:
    """Rightly signed, with a claim that stands there twice."""
    return lambda gh, run: gh.keys.forge(json.dumps(run.claims())[:-1].encode() + f',"{name}":"{last}"}}'.encode())


def cut(*parts: int | str) -> Forge:
    """Segments of a genuine token, by number, and others as they are."""
    return lambda _, run: ".".join(run.token().split(".")[p] if isinstance(p, int) else p for p in parts)


def flipped(segment: int) -> Forge:
    """One character in the middle of a segment is another one."""

    def forge(_: SandboxServer, run: Run) -> str:
        parts = run.token().split(".")
        text = parts[segment]
        middle = len(text) // 2
        parts[segment] = text[:middle] + ("A" if text[middle] != "A" else "B") + text[middle + 1 :]
        return ".".join(parts)

    return forge


MALFORMED = {"token_malformed"}
FORGERIES: dict[str, tuple[set[str], Forge]] = {
    # The algorithm.
    "alg none": ({"token_algorithm"}, lambda gh, run: gh.keys.forge(run.claims(), alg="none")),
    "HS256 with the public key": ({"token_algorithm"}, lambda gh, run: gh.keys.forge(run.claims(), alg="HS256")),
    # The key.
    "no kid": ({"token_unknown_key"}, lambda gh, run: gh.keys.forge(run.claims(), kid="")),
    "a kid nobody has": ({"token_unknown_key"}, named("nobody")),
    "a kid that is a path": ({"token_unknown_key"}, named("../../../../dev/null")),
    "a kid that is an address": ({"token_unknown_key"}, named("https://evil.example/jwks#1")),
    "a kid that is SQL": ({"token_unknown_key"}, named("' OR '1'='1")),
    "a kid of another type": ({"token_malformed", "token_unknown_key"}, named(["a"])),
    "another key under the published name": (
        {"token_signature"},
        lambda gh, run: gh.keys.forge(run.claims(), foreign_key=True),
    ),
    "jwk": ({"token_unknown_key"}, stolen("jwk", jwk("thief", THIEF))),
    "jku": ({"token_unknown_key"}, stolen("jku", "/thief/jwks")),
    "x5u": ({"token_unknown_key"}, stolen("x5u", "/thief/x5u")),
    "x5c": ({"token_unknown_key"}, stolen("x5c", ["MIIB"])),
    "an unknown critical header": (MALFORMED, lambda gh, run: gh.keys.forge(run.claims(), header={"crit": ["x"]})),
    # Whose it is, and for whom.
    "another issuer": ({"token_issuer"}, said(iss="https://evil.example")),
    "GitHub's issuer, which is not ours": ({"token_issuer"}, said(iss="https://token.actions.githubusercontent.com")),
    "an issuer that begins like ours": ({"token_issuer"}, lambda gh, run: run.token(iss=gh.issuer + ".evil.example")),
    "an issuer with a slash": ({"token_issuer"}, lambda gh, run: run.token(iss=gh.issuer + "/")),
    "a list of issuers": ({"token_issuer", *MALFORMED}, lambda gh, run: run.token(iss=[gh.issuer])),
    "no issuer": ({"token_issuer"}, said(iss=None)),
    "another audience": ({"token_audience"}, said(aud="https://github.com/shop-team")),
    "a list of audiences with ours": ({"token_audience"}, said(aud=["api://zekt", "sts.amazonaws.com"])),
    "the audience's beginning": ({"token_audience"}, said(aud="api://zek")),
    "an audience that begins like ours": ({"token_audience"}, said(aud="api://zekt.evil.example")),
    "no audience": ({"token_audience"}, said(aud=None)),
    # When.
    "expired": ({"token_expired"}, timed("exp", -10)),
    "expired long ago": ({"token_expired"}, timed("exp", -HOUR)),
    "not yet valid": ({"token_not_yet_valid"}, timed("nbf", HOUR)),
    "issued in an hour": ({"token_not_yet_valid"}, timed("iat", HOUR)),
    "without an end": ({"token_claims"}, said(exp=None)),
    "an end in words": ({"token_claims"}, said(exp="tomorrow")),
    "an end beyond the calendar": ({"token_claims"}, said(exp=10**18)),
    "an infinite end": ({"token_claims", *MALFORMED}, said(exp=float("inf"))),
    # What it says.
    "no jti": ({"token_claims"}, said(jti=None)),
    "no repository id": ({"token_claims"}, said(repository_id=None)),
    "a repository id that is a number": ({"token_claims"}, said(repository_id=1001)),
    "a repository id that is a list": ({"token_claims"}, said(repository_id=["1001"])),
    "a repository id with a space": ({"token_claims"}, said(repository_id=" 1001")),
    "a repository id in other digits": ({"token_claims"}, said(repository_id="\u0661\u0660\u0660\u0661")),
    "a run id beyond the column": ({"token_claims"}, said(run_id="9" * 19)),
    "no run attempt": ({"token_claims"}, said(run_attempt="")),
    "a repository that is a path": ({"token_claims"}, said(repository="shop-team/../admin")),
    "no workflow": ({"token_claims"}, said(workflow_ref=None)),
    "a NUL": ({"token_claims"}, said(ref="refs/heads/a\0b")),
    "its issuer twice": ({"token_issuer"}, twice("iss", "https://evil.example")),
    "its audience twice": ({"token_audience"}, twice("aud", "evil")),
    "no object": (MALFORMED, lambda gh, _: gh.keys.forge(b'["iss"]')),
    "no JSON": (MALFORMED, lambda gh, _: gh.keys.forge(b"iss=x")),
    "deeper than any parser": (MALFORMED, lambda gh, _: gh.keys.forge(b"[" * 5_000 + b"]" * 5_000)),
    # How it is put together.
    "no signature": ({"token_signature"}, cut(0, 1, "")),
    "two segments": (MALFORMED, cut(0, 1)),
    "four segments": (MALFORMED, cut(0, 1, 2, 2)),
    "no header": (MALFORMED, cut("", 1, 2)),
    "no claims": (MALFORMED, cut(0, "", 2)),
    "another token's signature": ({"token_signature"}, lambda _, run: cut(0, 1, run.token().split(".")[2])(_, run)),
    "changed claims": ({"token_signature", *MALFORMED}, flipped(1)),
    "a changed signature": ({"token_signature"}, flipped(2)),
    "not base64": (MALFORMED, cut("!", "!", "!")),
    "too long": (MALFORMED, said(extra="x" * 20_000)),
    "no token at all": (MALFORMED, lambda *_: "ghp_" + "a" * 36),
}


@pytest.fixture
def before(town: Any) -> Any:
    return town.contents()


def test_no_forgery_passes_and_none_leaves_anything_behind(town: Any, before: Any) -> None:
    run, issued = town.zekt.start_run(), len(town.zekt.github.visits())
    for name, (codes, forge) in FORGERIES.items():
        token = forge(town.zekt.github, run)
        answer = town.zekt.post("/api/events/receive", token, BODY)
        assert answer.status_code == 401, name
        assert answer.json()["code"] in codes, (name, answer.json())
        assert answer.headers["www-authenticate"] == "Bearer"
        assert not [part for part in token.split(".") if len(part) > 20 and part in answer.text], name
    assert town.contents() == before
    asked = {visit.path for visit in town.zekt.github.visits()[issued:]}
    assert all(path.endswith("/.well-known/jwks") for path in asked), "only the issuer's own keys are ever fetched"


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/api/event-delivery/confirm"),
        ("POST", "/api/event-delivery/complete"),
        ("GET", "/api/event-delivery/{delivery_id}/payload"),
    ],
)
def test_the_consumers_doors_believe_no_forgery_either(town: Any, before: Any, method: str, path: str) -> None:
    ids = {"correlationId": town.correlation_id, "deliveryId": town.delivery_id, "success": True}
    for name, (codes, forge) in FORGERIES.items():
        headers = {"Authorization": f"Bearer {forge(town.zekt.github, town.consumer)}"}
        url = town.zekt.url + path.format(delivery_id=town.delivery_id)
        answer = requests.request(method, url, json=ids, headers=headers, timeout=10)
        assert (answer.status_code, answer.json()["code"] in codes) == (401, True), name
    assert town.contents() == before


def test_a_new_repository_under_a_known_ones_old_name_is_a_stranger(town: Any, before: Any) -> None:
    """Names are free again after a rename, ids never: https://docs.github.com/en/repositories/creating-and-managing-repositories/renaming-a-repository."""
    squatter = town.consumer.token(repository_id="777777", repository_owner_id="888888")
    ids = {"correlationId": town.correlation_id, "deliveryId": town.delivery_id}
    answer = town.zekt.post("/api/event-delivery/confirm", squatter, ids)
    assert (answer.status_code, answer.json()["code"]) == (403, "not_yours")
    assert town.contents() == before


def test_a_known_id_counts_whatever_name_comes_with_it(town: Any, before: Any) -> None:
    """The rival's token that calls itself infra-team/platform is the rival's."""
    liar = town.rival.token(repository="infra-team/platform", repository_owner="infra-team")
    ids = {"correlationId": town.correlation_id, "deliveryId": town.delivery_id}
    answer = town.zekt.post("/api/event-delivery/confirm", liar, ids)
    assert (answer.status_code, answer.json()["code"]) == (403, "not_yours")
    assert town.contents() == before


def test_what_stands_last_counts_at_every_step(town: Any, before: Any) -> None:
    """Else one reader might check the first of two claims, and another believe the second."""
    forged = twice("repository_id", str(town.stranger.repository.id))(town.zekt.github, town.provider)
    answer = town.zekt.post("/api/events/receive", forged, BODY)
    assert (answer.status_code, answer.json()["code"]) == (403, "not_yours")
    assert town.contents() == before


@pytest.mark.parametrize("verb", ["confirm", "complete"])
def test_a_pull_request_target_run_speaks_for_no_consumer(town: Any, before: Any, verb: str) -> None:
    ids = {"correlationId": town.correlation_id, "deliveryId": town.delivery_id, "success": True}
    answer = town.zekt.post(f"/api/event-delivery/{verb}", town.consumer.token(event_name="pull_request_target"), ids)
    assert (answer.status_code, answer.json()["code"]) == (403, "pull_request_target_refused")
    assert town.contents() == before


@pytest.mark.parametrize("spelling", ["Bearer {}, Bearer {}", "Basic {}", "Bearer", "Token {}", "{}", "Bearer\t{}"])
def test_a_token_comes_as_a_bearer_token_or_not_at_all(town: Any, before: Any, spelling: str) -> None:
    header = spelling.format(*[town.zekt.start_run().token()] * 2)
    answer = requests.post(
        f"{town.zekt.url}/api/events/receive", json=BODY, headers={"Authorization": header}, timeout=10
    )
    assert answer.status_code == 401
    assert town.contents() == before


def test_a_token_in_the_address_is_no_token(town: Any, before: Any) -> None:
    """Addresses are logged by whatever stands in between."""
    token = town.zekt.start_run().token()
    answer = requests.post(f"{town.zekt.url}/api/events/receive?access_token={token}", json=BODY, timeout=10)
    assert (answer.status_code, answer.json()["code"]) == (401, "token_missing")
    assert town.contents() == before
