"""One dispatch is one POST and one answer, whatever GitHub or the network does."""

import asyncio
import json
import logging
import socket
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import pytest

from zekt_backend.github.client import GitHubApp
from zekt_backend.github.dispatch import Dispatcher
from zekt_backend.rules.records import Answer

BODY = {"event_type": "order", "client_payload": {"zekt": {"payload": {"größe": "L"}}}}
PATH = "/repos/infra-team/platform/dispatches"
MINT = "/app/installations/51/access_tokens"


@pytest.fixture
def app(github: Any, app_key: str, clock: Any) -> Iterator[GitHubApp]:
    made = GitHubApp(api_url=github.url, app_id="123", private_key=app_key, timeout=0.5, clock=clock)
    yield made
    made.close()


Send = Callable[..., Answer]


@contextmanager
def sending(app: GitHubApp) -> Iterator[Send]:
    """Sends, on one event loop."""
    with ThreadPoolExecutor(1) as threads, asyncio.Runner() as loop:
        dispatcher = Dispatcher(app, threads)

        def send(repository: str = "infra-team/platform") -> Answer:
            return loop.run(dispatcher.send(installation_id=51, repository=repository, body=BODY))

        yield send
        loop.run(dispatcher.close())


@pytest.fixture
def send(app: GitHubApp) -> Iterator[Send]:
    with sending(app) as made:
        yield made


def test_204_is_accepted_with_githubs_request_id(send: Send, github: Any) -> None:
    github.script("POST", PATH, 204, headers={"X-GitHub-Request-Id": "ABCD:1"})
    answer = send()
    assert answer.accepted
    assert (answer.http_status, answer.request_id) == (204, "ABCD:1")
    assert json.loads(github.posts(PATH)[0].body) == BODY


def test_the_bytes_on_the_wire_are_as_many_as_the_envelope_was_measured_to_have(send: Send, github: Any) -> None:
    github.script("POST", PATH, 204)
    send()
    assert github.posts(PATH)[0].body == json.dumps(BODY).encode()


def test_what_follows_on_goes_by_the_same_connection(send: Send, github: Any) -> None:
    for _ in range(3):
        github.script("POST", PATH, 204)
        assert send().accepted
    assert len(github.connections) == 2, "one of them is for the token"


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
    send: Send, github: Any, status: int, category: str, meaning: tuple[bool, bool]
) -> None:
    github.script("POST", PATH, status, headers={"Location": f"{github.url}{PATH}"}, times=5)
    answer = send()
    assert answer.category == category
    assert (answer.permanent, answer.ambiguous) == meaning
    assert answer.http_status == status
    assert len(github.posts(PATH)) == 1


def test_a_secondary_limit_is_told_from_a_missing_permission(send: Send, github: Any) -> None:
    github.script("POST", PATH, 403, headers={"Retry-After": "7"}, body='{"message": "secondary rate limit"}')
    answer = send()
    assert (answer.category, answer.limited, answer.retry_after) == ("rate_limit", True, 7)


@pytest.mark.parametrize("body", ["", "<html>", "[1]", "{broken", '{"message": 7}', "[" * 5000, "\xff" * 9])
@pytest.mark.parametrize("status", [404, 502])
def test_an_answer_that_is_not_githubs_json_is_still_sorted(send: Send, github: Any, status: int, body: str) -> None:
    github.script("POST", PATH, status, body=body)
    assert send().http_status == status


@pytest.mark.parametrize(
    ("what", "category", "ambiguous"),
    [("hang", "timeout", True), ("drip", "timeout", True), ("cut", "network", True), ("cut_body", "network", True)],
)
def test_what_broke_after_sending_is_ambiguous_and_one_post(
    send: Send, github: Any, what: str, category: str, ambiguous: bool
) -> None:
    github.script("POST", PATH, what, times=5)
    answer = send()
    assert (answer.category, answer.ambiguous, answer.permanent) == (category, ambiguous, False)
    assert answer.http_status is None
    assert len(github.posts(PATH)) == 1


def test_a_rate_header_that_is_no_number_takes_nothing_from_the_answer(send: Send, github: Any) -> None:
    github.script("POST", PATH, 204, headers={"X-RateLimit-Remaining": "many", "X-RateLimit-Limit": "few"})
    assert send().accepted


def _nobody(app_key: str, host: str) -> Answer:
    app = GitHubApp(api_url=host, app_id="1", private_key=app_key, timeout=2)
    with sending(app) as send:
        answer = send()
    app.close()
    return answer


def test_a_refused_connection_is_not_ambiguous(app_key: str) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))  # Bound but not listening: a connection to it is refused.
        answer = _nobody(app_key, f"http://127.0.0.1:{unused.getsockname()[1]}")
    assert (answer.category, answer.ambiguous, answer.permanent) == ("network", False, False)
    assert "nothing was sent" in answer.advice


def test_a_name_that_does_not_resolve_is_not_ambiguous(app_key: str) -> None:
    answer = _nobody(app_key, "http://github.invalid")
    assert (answer.category, answer.ambiguous) == ("network", False)


def test_a_connection_that_is_refused_after_the_token_is_not_ambiguous(
    app: GitHubApp, send: Send, github: Any, serve: Any
) -> None:
    app.requester(51)
    serve.stop(github.url)
    answer = send()
    assert (answer.category, answer.ambiguous, answer.permanent) == ("network", False, False)


@pytest.mark.parametrize(
    ("status", "names"), [(401, "ZEKT_GITHUB_APP_PRIVATE_KEY"), (403, "Unsuspend"), (404, "installs the Zekt app")]
)
def test_a_refused_token_is_permanent_with_advice_of_its_own(send: Send, github: Any, status: int, names: str) -> None:
    github.script("POST", MINT, status, body='{"message": "No."}')
    answer = send()
    assert (answer.permanent, answer.ambiguous, answer.http_status) == (True, False, status)
    assert names in answer.advice
    assert answer.text == "No token for the installation: No."
    assert github.posts(PATH) == []


def test_a_token_request_that_is_answered_like_a_dispatch_is_no_accepted_dispatch(send: Send, github: Any) -> None:
    github.script("POST", MINT, 204)
    answer = send()
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
    send: Send, github: Any, message: str, names: str, category: str, permanent: bool
) -> None:
    github.script("POST", MINT, 403, body=json.dumps({"message": message}))
    answer = send()
    assert (answer.category, answer.permanent, answer.limited) == (category, permanent, False)
    assert names in answer.advice


@pytest.mark.parametrize("status", [403, 429])
def test_a_token_refused_for_a_limit_holds_the_installation_and_is_tried_again(
    send: Send, github: Any, status: int
) -> None:
    github.script("POST", MINT, status, headers={"retry-after": "77"}, body='{"message": "secondary rate limit"}')
    answer = send()
    assert (answer.permanent, answer.limited, answer.retry_after) == (False, True, 77)
    assert (answer.category, github.posts(PATH)) == ("rate_limit", [])


@pytest.mark.parametrize("what", [500, 502, 429, "hang", "cut", 204])
def test_a_token_that_could_not_be_had_is_tried_again_and_never_ambiguous(send: Send, github: Any, what: Any) -> None:
    github.script("POST", MINT, what)
    answer = send()
    assert (answer.accepted, answer.permanent, answer.ambiguous) == (False, False, False)
    assert github.posts(PATH) == []


def test_a_token_revoked_before_its_time_is_minted_again_at_the_next_try(send: Send, github: Any, clock: Any) -> None:
    github.script("POST", PATH, 204)
    assert send().accepted
    clock.move(minutes=30)
    github.script("POST", PATH, 401)
    refused = send()
    assert (refused.category, refused.permanent) == ("auth", False)
    github.script("POST", PATH, 204)
    assert send().accepted
    assert github.mints == [51, 51]


async def test_who_waits_for_a_token_holds_up_nobody_who_has_one(app: GitHubApp, github: Any) -> None:
    app.token(51)
    github.script("POST", "/app/installations/52/access_tokens", "hang")
    with ThreadPoolExecutor(1) as threads:
        dispatcher = Dispatcher(app, threads)
        waits, goes = (
            asyncio.create_task(dispatcher.send(installation_id=id_, repository="infra-team/platform", body=BODY))
            for id_ in (52, 51)
        )
        assert (await goes).http_status == 200
        assert not waits.done()
        assert (await waits).ambiguous is False
        await dispatcher.close()


async def test_as_many_as_wait_for_one_token_hold_one_thread(app: GitHubApp, github: Any) -> None:
    github.script("POST", "/app/installations/52/access_tokens", "hang")
    with ThreadPoolExecutor(2) as threads:
        dispatcher = Dispatcher(app, threads)
        *wait, goes = (
            asyncio.create_task(dispatcher.send(installation_id=id_, repository="infra-team/platform", body=BODY))
            for id_ in (52, 52, 52, 51)
        )
        assert (await goes).http_status == 200
        assert not any(each.done() for each in wait)
        wait.pop().cancel()
        assert [(await each).ambiguous for each in wait] == [False, False]
        await dispatcher.close()
    asked = [each for each in github.requests if each.path == "/app/installations/52/access_tokens"]
    assert len(asked) == 1


@pytest.mark.parametrize("name", ["", "no-slash", "a/b/c", "../b", "a/..", "a/b?x=1", "a/b#", "a/b\n", "a b/c"])
def test_a_name_that_would_change_the_address_is_not_sent(send: Send, github: Any, name: str) -> None:
    answer = send(name)
    assert (answer.category, answer.permanent, answer.http_status) == ("not_found", True, None)
    assert github.requests == []


def test_neither_token_nor_message_is_logged_even_at_debug(
    send: Send, github: Any, caplog: pytest.LogCaptureFixture
) -> None:
    github.script("POST", PATH, 204)
    with caplog.at_level(logging.DEBUG):
        send()
    assert "minted-1" not in caplog.text
    assert "client_payload" not in caplog.text
