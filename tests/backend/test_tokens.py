"""Whom the broker believes: real RSA keys, a real issuer, and a set of forgeries."""

from collections.abc import Callable
from typing import Any

import pytest
import requests

BODY = b'{"eventType": "order", "payload": {}}'


def refused(answer: requests.Response) -> tuple[int, str]:
    problem = answer.json()
    assert answer.headers["content-type"] == "application/problem+json"
    assert set(problem) >= {"type", "title", "status", "detail", "code", "error", "message"}
    return problem["status"], problem["code"]


FORGERIES: dict[str, tuple[str, Callable[[Any, Any], str]]] = {
    "alg none": ("token_algorithm", lambda gh, run: gh.keys.forge(run.claims(), alg="none")),
    "HS256 with the public key": ("token_algorithm", lambda gh, run: gh.keys.forge(run.claims(), alg="HS256")),
    "unknown key id": ("token_unknown_key", lambda gh, run: gh.keys.forge(run.claims(), kid="nobody")),
    "another key under the published id": (
        "token_signature",
        lambda gh, run: gh.keys.forge(run.claims(), foreign_key=True),
    ),
    "wrong issuer": ("token_issuer", lambda _, run: run.token(iss="https://evil.example")),
    "wrong audience": ("token_audience", lambda _, run: run.token(audience="https://github.com/shop-team")),
    "expired": ("token_expired", lambda _, run: run.token(iat=1_700_000_000, nbf=1_700_000_000, exp=1_700_000_300)),
    "not yet valid": (
        "token_not_yet_valid",
        lambda _, run: run.token(iat=4_000_000_000, nbf=4_000_000_000, exp=4_000_000_300),
    ),
    "not a token": ("token_malformed", lambda *_: "not.a.token"),
    "no run id": ("token_claims", lambda gh, run: gh.keys.forge({**run.claims(), "run_id": ""})),
}


@pytest.mark.parametrize("forgery", FORGERIES)
def test_a_forged_token_is_refused_by_name_and_stores_nothing(zekt: Any, forgery: str) -> None:
    code, forge = FORGERIES[forgery]
    answer = zekt.post("/api/events/receive", forge(zekt.github, zekt.start_run()), BODY)
    assert refused(answer) == (401, code)
    assert zekt.sql("SELECT count(*) FROM messages") == [(0,)]


def test_no_token_says_which_permission_to_paste(zekt: Any) -> None:
    answer = requests.post(f"{zekt.url}/api/events/receive", data=BODY, timeout=10)
    assert refused(answer) == (401, "token_missing")
    assert "id-token: write" in answer.json()["detail"]


@pytest.mark.parametrize(
    "path", ["/api/event-delivery/confirm", "/api/event-delivery/complete", "/api/event-delivery/x/payload"]
)
def test_every_other_door_of_runs_wants_a_token_too(zekt: Any, path: str) -> None:
    method = "GET" if path.endswith("payload") else "POST"
    answer = requests.request(method, zekt.url + path, data=b"{}", timeout=10)
    assert refused(answer) == (401, "token_missing")


def test_a_repository_that_took_the_name_of_a_known_one_is_a_stranger(zekt: Any) -> None:
    answer = zekt.post("/api/events/receive", zekt.start_run().token(repository_id="999999"), BODY)
    assert refused(answer) == (403, "not_yours")


def test_a_renamed_repository_is_still_itself(zekt: Any) -> None:
    token = zekt.start_run().token(repository="shop-team/renamed")
    assert zekt.post("/api/events/receive", token, BODY).status_code == 202


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("repository", "infra-team/platform"),
        ("workflowRunId", "1"),
        ("runAttempt", 2),
        ("workflow", "Another workflow"),
    ],
)
def test_a_body_that_disagrees_with_the_signed_claims_is_refused(zekt: Any, field: str, value: Any) -> None:
    answer = zekt.send(zekt.start_run(), **{field: value})
    assert refused(answer) == (403, "claims_mismatch")
    assert field in answer.json()["detail"]
    assert zekt.sql("SELECT count(*) FROM messages") == [(0,)]


def test_the_repository_header_must_agree_too(zekt: Any) -> None:
    headers = {"Authorization": f"Bearer {zekt.start_run().token()}", "x-github-repository": "evil/twin"}
    answer = requests.post(f"{zekt.url}/api/events/receive", data=BODY, headers=headers, timeout=10)
    assert refused(answer) == (403, "claims_mismatch")


def test_pull_request_target_may_not_send_unless_the_repository_allows_it(zekt: Any) -> None:
    run = zekt.start_run(event="pull_request_target")
    assert refused(zekt.send(run)) == (403, "pull_request_target_refused")
    zekt.sql("UPDATE repositories SET allow_pull_request_target = true WHERE id = 1001")
    assert zekt.send(run).status_code == 202


def test_a_repository_that_is_switched_off_looks_like_one_that_is_not_there(zekt: Any) -> None:
    run = zekt.start_run()
    zekt.sql("UPDATE repositories SET enabled = false WHERE id = 1001")
    off = zekt.send(run)
    unknown = zekt.post("/api/events/receive", run.token(repository_id="999999"), BODY)
    assert refused(off) == (403, "not_yours")
    assert off.json() == unknown.json()


def test_a_rotated_key_is_fetched_and_the_old_one_still_holds(zekt: Any) -> None:
    run = zekt.start_run()
    old = run.token()
    assert zekt.post("/api/events/receive", old, BODY).status_code == 202
    zekt.github.keys.rotate()
    assert zekt.post("/api/events/receive", old, BODY).status_code == 200


def test_keys_that_cannot_be_fetched_are_a_503_that_says_when_to_try_again(zekt: Any) -> None:
    zekt.github.faults.add(where="jwks", kind="status", status=500, times=None)
    answer = zekt.send(zekt.start_run())
    assert refused(answer) == (503, "issuer_unreachable")
    assert int(answer.headers["retry-after"]) > 0


def test_the_management_api_wants_its_own_token(zekt: Any) -> None:
    for token in ("", "Bearer wrong", f"Bearer {zekt.start_run().token()}"):
        answer = requests.get(f"{zekt.url}/api/deliveries", headers={"Authorization": token}, timeout=10)
        assert refused(answer) == (401, "admin_token_refused")


def test_without_an_admin_token_the_management_api_is_off(start: Callable[..., Any]) -> None:
    zekt = start(settings={"admin_token": None})
    answer = requests.get(f"{zekt.url}/api/deliveries", headers={"Authorization": "Bearer "}, timeout=10)
    assert refused(answer) == (403, "management_off")
