"""Each webhook that the broker places has a secret of its own, which opens nothing of anybody else's."""

import hashlib
import hmac
import json

import pytest
import requests

from zekt_backend.github.webhook import hook_secret
from zekt_sandbox import events
from zekt_testing.broker import SECRET, Zekt

ORDERS, PLATFORM, UNKNOWN = 1001, 2002, 9009


def post(
    zekt: Zekt, body: bytes, secret: str, *, claims: int | str | None, name: str = "workflow_run"
) -> requests.Response:
    """A webhook signed with `secret` that says to be of the repository `claims`."""
    target = {"X-GitHub-Hook-Installation-Target-Type": "repository"}
    headers = {
        "X-GitHub-Event": name,
        "X-GitHub-Delivery": "72d3162e-cc78-11e3-81ab-4c9367dc0958",
        "X-Hub-Signature-256": "sha256=" + hmac.new(secret.encode(), body, hashlib.sha256).hexdigest(),
        **({} if claims is None else {**target, "X-GitHub-Hook-Installation-Target-ID": str(claims)}),
    }
    return requests.post(f"{zekt.url}/api/github/webhooks", data=body, headers=headers, timeout=10)


def own(repository_id: int, generation: int = 0) -> str:
    return hook_secret(SECRET.encode(), repository_id, generation)


@pytest.fixture
def body(zekt: Zekt) -> bytes:
    """The end of a run of shop-team/orders, which nobody has told yet."""
    run = zekt.start_run()
    run.status, run.conclusion = "completed", "success"
    return json.dumps(events.workflow_run_event(run, "completed")).encode()


def refused(answer: requests.Response) -> bool:
    return (answer.status_code, answer.json()["code"]) == (401, "webhook_signature_wrong")


def test_a_repositorys_own_secret_speaks_for_it_and_so_does_the_brokers(zekt: Zekt, body: bytes) -> None:
    assert post(zekt, body, own(ORDERS), claims=ORDERS).json()["outcome"] == "delivered"
    assert post(zekt, body, SECRET, claims=ORDERS).json()["outcome"] == "duplicate"
    assert post(zekt, body, SECRET, claims=None).json()["outcome"] == "duplicate"


def test_a_leaked_secret_forges_nothing_for_another_repository(zekt: Zekt, body: bytes) -> None:
    """Neither under its own name, nor under the other's, nor under none."""
    for claims in (PLATFORM, ORDERS, None, UNKNOWN):
        assert refused(post(zekt, body, own(PLATFORM), claims=claims)), claims
    assert zekt.sql("SELECT count(*) FROM events") == [(0,)]


def test_a_leaked_secret_tells_of_runs_alone(zekt: Zekt) -> None:
    """Of installations, repositories and accounts it may say nothing."""
    for name in ("installation", "installation_repositories", "repository", "organization", "ping"):
        told = json.dumps({"action": "deleted", "installation": {"id": 51}, "repository": {"id": ORDERS}}).encode()
        answer = post(zekt, told, own(ORDERS), claims=ORDERS, name=name)
        assert answer.status_code == 202
        assert "workflow_run only" in answer.json()["ignored"]


def test_who_guesses_learns_not_which_repositories_there_are(zekt: Zekt, body: bytes) -> None:
    answers = {
        post(zekt, body, "a guess", claims=claims).content
        for claims in (ORDERS, UNKNOWN, 2**63 - 1, 2**63, 10**30, "-1", "1001 ", "x", "", None)
    }
    assert len(answers) == 1
    assert b"webhook_signature_wrong" in answers.pop()
    # The secret of one that is not known here fits, and says nothing that would be believed.
    assert refused(post(zekt, body, own(UNKNOWN), claims=UNKNOWN))


def test_the_next_secret_is_believed_before_it_is_written_down_and_the_one_before_no_more(
    zekt: Zekt, body: bytes
) -> None:
    """GitHub has the new secret first: what it signs in between is not lost."""
    assert refused(post(zekt, body, own(ORDERS, 2), claims=ORDERS))
    assert post(zekt, body, own(ORDERS, 1), claims=ORDERS).json()["outcome"] == "delivered"
    zekt.sql("UPDATE repositories SET hook_generation = 1 WHERE id = %s", ORDERS)
    assert refused(post(zekt, body, own(ORDERS, 0), claims=ORDERS))
    for generation in (1, 2):
        assert post(zekt, body, own(ORDERS, generation), claims=ORDERS).json()["outcome"] == "duplicate"


def test_the_secret_is_derived_as_the_documents_say() -> None:
    text = b"zekt-hook:1001:3"
    assert hook_secret(b"master", 1001, 3) == hmac.new(b"master", text, hashlib.sha256).hexdigest()
    told = {hook_secret(b"master", *of) for of in ((1, 11), (11, 1), (1, 1), (111, 0), (11, 10))}
    assert len(told) == 5
