"""One dispatch is one POST and one answer, whatever GitHub or the network does."""

import json
import logging
import socket
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from zekt_backend.github import dispatch
from zekt_backend.github.client import GitHubApp
from zekt_backend.rules.records import Answer

BODY = {"event_type": "order", "client_payload": {"zekt": {"payload": {"größe": "L"}}}}
PATH = "/repos/infra-team/platform/dispatches"
MINT = "/app/installations/51/access_tokens"


@pytest.fixture
def app(github: Any, app_key: str, clock: Any) -> Iterator[GitHubApp]:
    made = GitHubApp(api_url=github.url, app_id="123", private_key=app_key, timeout=0.5, clock=clock)
    yield made
    made.close()


def send(app: GitHubApp, repository: str = "infra-team/platform") -> Answer:
    return dispatch.send(app, installation_id=51, repository=repository, body=BODY)


def test_204_is_accepted_with_githubs_request_id(app: GitHubApp, github: Any) -> None:
    github.script("POST", PATH, 204, headers={"X-GitHub-Request-Id": "ABCD:1"})
    answer = send(app)
    assert answer.accepted
    assert (answer.http_status, answer.request_id) == (204, "ABCD:1")
    assert json.loads(github.posts(PATH)[0].body) == BODY


def test_the_bytes_on_the_wire_are_as_many_as_the_envelope_was_measured_to_have(app: GitHubApp, github: Any) -> None:
    github.script("POST", PATH, 204)
    send(app)
    assert github.posts(PATH)[0].body == json.dumps(BODY).encode()


@pytest.fixture(scope="session")
def writes() -> list[bytes]:
    """What http.client writes. A hook stays: https://docs.python.org/3/library/sys.html#sys.addaudithook"""
    heard: list[bytes] = []
    sys.addaudithook(lambda event, told: heard.append(bytes(told[1])) if event == "http.client.send" else None)
    return heard


def test_a_dispatch_is_one_write_on_a_new_connection_and_on_a_kept_one(
    app: GitHubApp, github: Any, writes: list[bytes]
) -> None:
    github.script("POST", PATH, 204)
    github.script("POST", PATH, 204)
    writes.clear()
    assert send(app).accepted
    assert send(app).accepted
    sent = [write for write in writes if PATH.encode() in write]
    assert len(writes) == 3, "one of them is for the token"
    assert [write.partition(b"\r\n\r\n")[2] for write in sent] == [json.dumps(BODY).encode()] * 2


# What an answer means, as permanent and ambiguous.
PERMANENT, AMBIGUOUS, NEITHER = (True, False), (False, True), (False, False)


@pytest.mark.parametrize(
    ("status", "category", "meaning"),
    [
        (401, "auth", PERMANENT),
        (403, "permission", PERMANENT),
        (404, "not_found", PERMANENT),
        (422, "invalid", PERMANENT),
        (408, "timeout", NEITHER),
        (429, "rate_limit", NEITHER),
        (500, "unavailable", AMBIGUOUS),
        (502, "unavailable", AMBIGUOUS),
        (503, "unavailable", AMBIGUOUS),
        (504, "unavailable", AMBIGUOUS),
        (200, "unexpected", AMBIGUOUS),
        (202, "unexpected", AMBIGUOUS),
        (301, "unexpected", NEITHER),
        (307, "unexpected", NEITHER),
    ],
)
def test_every_status_is_one_post(
    app: GitHubApp, github: Any, status: int, category: str, meaning: tuple[bool, bool]
) -> None:
    github.script("POST", PATH, status, headers={"Location": f"{github.url}{PATH}"}, times=5)
    answer = send(app)
    assert answer.category == category
    assert (answer.permanent, answer.ambiguous) == meaning
    assert answer.http_status == status
    assert len(github.posts(PATH)) == 1


def test_a_secondary_limit_is_told_from_a_missing_permission(app: GitHubApp, github: Any) -> None:
    github.script("POST", PATH, 403, headers={"Retry-After": "7"}, body='{"message": "secondary rate limit"}')
    answer = send(app)
    assert (answer.category, answer.limited, answer.retry_after) == ("rate_limit", True, 7)


@pytest.mark.parametrize("body", ["", "<html>", "[1]", "{broken", '{"message": 7}', "[" * 5000, "\xff" * 9])
@pytest.mark.parametrize("status", [404, 502])
def test_an_answer_that_is_not_githubs_json_is_still_sorted(
    app: GitHubApp, github: Any, status: int, body: str
) -> None:
    github.script("POST", PATH, status, body=body)
    assert send(app).http_status == status


@pytest.mark.parametrize(
    ("what", "category", "ambiguous"),
    [("hang", "timeout", True), ("drip", "timeout", True), ("cut", "network", True), ("cut_body", "network", True)],
)
def test_what_broke_after_sending_is_ambiguous_and_one_post(
    app: GitHubApp, github: Any, what: str, category: str, ambiguous: bool
) -> None:
    github.script("POST", PATH, what, times=5)
    answer = send(app)
    assert (answer.category, answer.ambiguous, answer.permanent) == (category, ambiguous, False)
    assert answer.http_status is None
    assert len(github.posts(PATH)) == 1


def test_a_rate_header_that_is_no_number_is_no_crash(app: GitHubApp, github: Any) -> None:
    github.script("POST", PATH, 204, headers={"X-RateLimit-Remaining": "many", "X-RateLimit-Limit": "few"})
    answer = send(app)
    assert (answer.accepted, answer.ambiguous) == (False, True)


def _nobody(app_key: str, host: str) -> Answer:
    app = GitHubApp(api_url=host, app_id="1", private_key=app_key, timeout=2)
    try:
        return send(app)
    finally:
        app.close()


def test_a_refused_connection_is_not_ambiguous(app_key: str) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))  # Bound but not listening: a connection to it is refused.
        answer = _nobody(app_key, f"http://127.0.0.1:{unused.getsockname()[1]}")
    assert (answer.category, answer.ambiguous, answer.permanent) == ("network", False, False)
    assert "nothing was sent" in answer.advice


def test_a_name_that_does_not_resolve_is_not_ambiguous(app_key: str) -> None:
    answer = _nobody(app_key, "http://github.invalid")
    assert (answer.category, answer.ambiguous) == ("network", False)


def test_a_connection_that_is_refused_after_the_token_is_not_ambiguous(app: GitHubApp, github: Any, serve: Any) -> None:
    app.requester(51)
    serve.stop(github.url)
    with ThreadPoolExecutor(1) as another_thread:
        answer = another_thread.submit(send, app).result()
    assert (answer.category, answer.ambiguous, answer.permanent) == ("network", False, False)


@pytest.mark.parametrize(
    ("status", "names"), [(401, "ZEKT_GITHUB_APP_PRIVATE_KEY"), (403, "Unsuspend"), (404, "installs the Zekt app")]
)
def test_a_refused_token_is_permanent_with_advice_of_its_own(
    app: GitHubApp, github: Any, status: int, names: str
) -> None:
    github.script("POST", MINT, status, body='{"message": "No."}')
    answer = send(app)
    assert (answer.permanent, answer.ambiguous, answer.http_status) == (True, False, status)
    assert names in answer.advice
    assert answer.text == "No token for the installation: No."
    assert github.posts(PATH) == []


def test_a_token_request_that_is_answered_like_a_dispatch_is_no_accepted_dispatch(app: GitHubApp, github: Any) -> None:
    github.script("POST", MINT, 204)
    answer = send(app)
    assert (answer.accepted, answer.permanent, answer.category) == (False, False, "unexpected")
    assert github.posts(PATH) == []


@pytest.mark.parametrize(
    ("message", "names", "category", "permanent"),
    [
        ("This installation has been suspended", "Unsuspend", "suspended", False),
        ("the `infra-team` organization has an IP allow list enabled", "IP allow list", "permission", True),
    ],
)
def test_a_token_refused_in_words_that_are_known_gets_their_advice(  # noqa: PLR0917
    app: GitHubApp, github: Any, message: str, names: str, category: str, permanent: bool
) -> None:
    github.script("POST", MINT, 403, body=json.dumps({"message": message}))
    answer = send(app)
    assert (answer.category, answer.permanent, answer.limited) == (category, permanent, False)
    assert names in answer.advice


@pytest.mark.parametrize("status", [403, 429])
def test_a_token_refused_for_a_limit_holds_the_installation_and_is_tried_again(
    app: GitHubApp, github: Any, status: int
) -> None:
    github.script("POST", MINT, status, headers={"retry-after": "77"}, body='{"message": "secondary rate limit"}')
    answer = send(app)
    assert (answer.permanent, answer.limited, answer.retry_after) == (False, True, 77)
    assert (answer.category, github.posts(PATH)) == ("rate_limit", [])


@pytest.mark.parametrize("what", [500, 502, 429, "hang", "cut", 204])
def test_a_token_that_could_not_be_had_is_tried_again_and_never_ambiguous(
    app: GitHubApp, github: Any, what: Any
) -> None:
    github.script("POST", MINT, what)
    answer = send(app)
    assert (answer.accepted, answer.permanent, answer.ambiguous) == (False, False, False)
    assert github.posts(PATH) == []


def test_a_token_revoked_before_its_time_is_minted_again_at_the_next_try(
    app: GitHubApp, github: Any, clock: Any
) -> None:
    github.script("POST", PATH, 204)
    assert send(app).accepted
    clock.move(minutes=30)
    github.script("POST", PATH, 401)
    refused = send(app)
    assert (refused.category, refused.permanent) == ("auth", False)
    github.script("POST", PATH, 204)
    assert send(app).accepted
    assert github.mints == [51, 51]


@pytest.mark.parametrize("name", ["", "no-slash", "a/b/c", "../b", "a/..", "a/b?x=1", "a/b#", "a/b\n", "a b/c"])
def test_a_name_that_would_change_the_address_is_not_sent(app: GitHubApp, github: Any, name: str) -> None:
    answer = send(app, name)
    assert (answer.category, answer.permanent, answer.http_status) == ("not_found", True, None)
    assert github.requests == []


def test_neither_token_nor_message_is_logged_even_at_debug(
    app: GitHubApp, github: Any, caplog: pytest.LogCaptureFixture
) -> None:
    github.script("POST", PATH, 204)
    with caplog.at_level(logging.DEBUG):
        send(app)
    assert "minted-1" not in caplog.text
    assert "client_payload" not in caplog.text
