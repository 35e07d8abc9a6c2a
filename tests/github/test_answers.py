"""What each answer of GitHub's means for a delivery."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from zekt_backend.rules import answers
from zekt_backend.rules.records import Answer

NOW = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
_IN_90 = str(int((NOW + timedelta(seconds=90)).timestamp()))


def of(status: int, headers: dict[str, str] | None = None, text: str = "") -> Answer:
    return answers.from_response(status, headers or {}, text, now=NOW)


def said(message: str) -> str:
    return json.dumps({"message": message, "documentation_url": "https://docs.github.com/rest"})


def test_only_204_is_a_yes() -> None:
    answer = of(204, {"X-GitHub-Request-Id": "C0FF:EE:1"})
    assert answer.accepted
    assert (answer.category, answer.advice, answer.request_id) == ("accepted", "", "C0FF:EE:1")
    assert not any(of(status).accepted for status in range(100, 600) if status != 204)


@pytest.mark.parametrize(
    ("status", "category", "names"),
    [
        (401, "auth", "Generate a private key"),
        (403, "permission", "Contents: Read and write"),
        (404, "not_found", "Repository access"),
        (422, "invalid", "64 KB"),
    ],
)
def test_what_trying_again_cannot_help_is_permanent_and_names_the_fix(status: int, category: str, names: str) -> None:
    answer = of(status, text=said("No."))
    assert answer.permanent
    assert not answer.ambiguous
    assert not answer.limited
    assert answer.category == category
    assert names in answer.advice
    assert answer.text == "No."


@pytest.mark.parametrize("status", [500, 502, 503, 504, 599])
def test_githubs_trouble_is_tried_again_and_may_have_been_a_yes(status: int) -> None:
    answer = of(status)
    assert (answer.category, answer.permanent, answer.ambiguous) == ("unavailable", False, True)


def test_408_is_tried_again() -> None:
    answer = of(408)
    assert (answer.category, answer.permanent, answer.ambiguous) == ("timeout", False, False)


@pytest.mark.parametrize("status", [200, 202, 301, 302, 307, 400, 410, 418])
def test_an_answer_github_does_not_document_is_unexpected_and_tried_again(status: int) -> None:
    answer = of(status)
    assert (answer.category, answer.permanent, answer.accepted) == ("unexpected", False, False)
    assert "ZEKT_GITHUB_API_URL" in answer.advice


def test_another_yes_than_githubs_may_have_been_one() -> None:
    assert of(202).ambiguous
    assert not of(302).ambiguous


def test_a_redirect_tells_of_a_rename() -> None:
    assert "renamed" in of(307).advice


@pytest.mark.parametrize(
    ("headers", "message"),
    [
        ({"Retry-After": "30"}, "Forbidden"),
        ({"x-ratelimit-remaining": "0"}, "API rate limit exceeded for installation ID 51."),
        ({}, "You have exceeded a secondary rate limit. Please wait a few minutes before you try again."),
        ({}, "You have triggered an abuse detection mechanism."),
    ],
)
def test_a_403_is_a_limit_when_github_says_so_in_any_of_its_ways(headers: dict[str, str], message: str) -> None:
    answer = of(403, headers, said(message))
    assert (answer.category, answer.permanent, answer.limited) == ("rate_limit", False, True)


@pytest.mark.parametrize(
    "message",
    [
        "You have exceeded a secondary rate limit and have been temporarily blocked from content creation.",
        "You have triggered an abuse detection mechanism and have been temporarily blocked from content creation.",
        "Maximum number of login attempts exceeded. Please try again later.",
    ],
)
def test_a_limit_that_names_no_time_is_known_by_its_words(message: str) -> None:
    answer = of(403, {"x-ratelimit-remaining": "4999", "x-ratelimit-reset": _IN_90}, said(message))
    assert (answer.limited, answer.permanent, answer.retry_after) == (True, False, None)


@pytest.mark.parametrize(
    ("message", "names"),
    [
        ("the `infra-team` organization has an IP allow list enabled, and your IP address is not", "IP allow list"),
        ("Resource protected by organization SAML enforcement. You must grant your OAuth token access", "SAML"),
        ("Repository was archived so is read-only.", "Unarchive"),
        ("Repository access blocked", "GitHub Support"),
        ("Resource not accessible by integration", "Contents: Read and write"),
    ],
)
@pytest.mark.parametrize("remaining", ["4999", "0"])
def test_a_403_that_is_no_limit_names_its_own_fix_even_as_the_last_request_of_an_hour(
    message: str, names: str, remaining: str
) -> None:
    answer = of(403, {"x-ratelimit-remaining": remaining, "x-ratelimit-reset": _IN_90}, said(message))
    assert (answer.category, answer.permanent) == ("permission", True)
    assert names in answer.advice
    assert answer.limited == (remaining == "0"), "others of the installation wait all the same"


def test_a_suspension_may_end_and_is_tried_again() -> None:
    answer = of(403, {}, said("This installation has been suspended"))
    assert (answer.category, answer.permanent, answer.limited) == ("suspended", False, False)
    assert "Unsuspend" in answer.advice


@pytest.mark.parametrize("status", [204, 404, 422, 500])
def test_any_answer_may_say_that_nothing_remains_of_the_hour(status: int) -> None:
    spent = of(status, {"x-ratelimit-remaining": "0", "x-ratelimit-reset": _IN_90})
    assert (spent.limited, spent.retry_after) == (True, 90)
    assert not of(status, {"x-ratelimit-remaining": "1", "x-ratelimit-reset": _IN_90}).limited
    assert spent.accepted == (status == 204)


def test_whatever_is_no_yes_comes_with_advice_in_whole_sentences() -> None:
    kinds: list[Any] = ["timeout", "connect", "cut", "lost"]
    sorted_ = [of(status) for status in range(100, 600)] + [answers.from_failure(kind, "") for kind in kinds]
    categories = {answer.category for answer in sorted_}
    assert categories == {
        "accepted",
        "auth",
        "permission",
        "not_found",
        "invalid",
        "rate_limit",
        "unavailable",
        "timeout",
        "network",
        "lost",
        "unexpected",
    }
    for answer in sorted_:
        assert answer.accepted == (answer.advice == "")
        assert answer.accepted or answer.advice.endswith("."), answer
        assert not (answer.accepted and answer.permanent)
        # A try that is made again by itself says so, or what to check; a final one what to do.
        assert answer.accepted or len(answer.advice) > 60


@pytest.mark.parametrize(
    "message", ["Resource not accessible by integration", "Repository was archived so is read-only.", ""]
)
def test_a_403_with_budget_left_is_a_missing_permission(message: str) -> None:
    answer = of(403, {"x-ratelimit-remaining": "4999", "x-ratelimit-reset": "1"}, said(message))
    assert (answer.category, answer.permanent, answer.limited) == ("permission", True, False)


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"retry-after": "17"}, 17),
        ({"retry-after": "17", "x-ratelimit-remaining": "0", "x-ratelimit-reset": _IN_90}, 17),
        ({"x-ratelimit-remaining": "0", "x-ratelimit-reset": _IN_90}, 90),
        ({"x-ratelimit-remaining": "0", "x-ratelimit-reset": "1"}, 5),
        ({"x-ratelimit-remaining": "5", "x-ratelimit-reset": _IN_90}, None),
        ({"x-ratelimit-remaining": "0", "x-ratelimit-reset": _IN_90 + ".5"}, 90.5),
        ({"x-ratelimit-remaining": "0"}, None),
        ({"x-ratelimit-remaining": "0", "x-ratelimit-reset": "soon"}, None),
        ({"retry-after": "0"}, 1),
        ({"retry-after": "-5"}, None),
        ({"retry-after": "soon"}, None),
        ({"retry-after": "\u0661\u0662"}, None),
        ({"retry-after": "9" * 5000}, None),
        ({"retry-after": "Fri, 20 Nov 2026 12:00:42 GMT"}, 42),
        ({}, None),
    ],
)
def test_a_limit_says_how_long_to_wait_when_github_names_a_time(headers: dict[str, str], seconds: float | None) -> None:
    answer = of(429, headers)
    assert answer.limited
    assert answer.retry_after == seconds


def test_an_outage_that_names_a_time_is_obeyed_without_blocking_the_installation() -> None:
    answer = of(503, {"Retry-After": "120"})
    assert (answer.retry_after, answer.limited) == (120, False)


def test_an_outage_that_names_no_time_leaves_it_to_the_ladder() -> None:
    assert of(502).retry_after is None


@pytest.mark.parametrize(
    ("kind", "category", "ambiguous"),
    [("timeout", "timeout", True), ("connect", "network", False), ("cut", "network", True), ("lost", "lost", True)],
)
def test_a_failure_is_ambiguous_unless_nothing_was_sent(kind: Any, category: str, ambiguous: bool) -> None:
    answer = answers.from_failure(kind, "it broke")
    assert (answer.category, answer.ambiguous, answer.permanent) == (category, ambiguous, False)
    assert (answer.text, answer.http_status) == ("it broke", None)
    assert answer.advice


def test_githubs_words_keep_the_errors_it_lists() -> None:
    text = json.dumps({"message": "Invalid request.\n\nclient_payload is too large.", "errors": ["big"]})
    assert of(422, text=text).text == 'Invalid request. client_payload is too large. ["big"]'


def test_an_answer_without_words_is_still_told() -> None:
    assert of(502).text == "Bad Gateway"
    assert of(599).text == "HTTP 599"


def test_text_is_cut_and_cleaned() -> None:
    answer = of(500, text="\x1b[31m<b>\x00\u202ered\ud800</b>\r\n" + "x" * 10_000)
    assert answer.text.startswith("[31m<b> red</b> xxx")
    assert len(answer.text) == 2_000


@given(
    st.integers(100, 599),
    st.dictionaries(
        st.sampled_from(["Retry-After", "x-ratelimit-remaining", "X-RateLimit-Reset", "x-github-request-id"]),
        st.text(max_size=30) | st.integers().map(str),
    ),
    st.text(max_size=100),
)
def test_nothing_github_could_say_breaks_the_sorting(status: int, headers: dict[str, str], text: str) -> None:
    answer = of(status, headers, text)
    assert not (answer.accepted and answer.permanent)
    assert answer.retry_after is None or answer.retry_after >= 1
    assert answer.text.isprintable()


def test_a_hostile_body_is_only_cut() -> None:
    assert of(500, text="[" * 90_000).text == "[" * 2_000
    assert len(of(500, text='{"message": "' + "a" * 99_000 + '"}').text) == 2_000
