"""What is asked of GitHub: repositories at setup, and runs whose end nobody told."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from zekt_backend.errors import ZektError
from zekt_backend.github import lookup
from zekt_backend.github.client import GitHubApp
from zekt_backend.rules.records import RunState

RUN = "/repos/infra-team/platform/actions/runs/7"
MINT = "/app/installations/51/access_tokens"


@pytest.fixture
def app(github: Any, app_key: str, clock: Any) -> Iterator[GitHubApp]:
    made = GitHubApp(api_url=github.url, app_id="123", private_key=app_key, timeout=0.5, clock=clock)
    yield made
    made.close()


def ask_run(app: GitHubApp) -> RunState | None:
    return lookup.run_conclusion(app, 51, "infra-team/platform", 7)


def error_of(app: GitHubApp) -> ZektError:
    with pytest.raises(ZektError) as caught:
        ask_run(app)
    return caught.value


def test_a_repository_is_found_with_its_installation(app: GitHubApp, github: Any) -> None:
    github.script("GET", "/repos/shop-team/orders/installation", 200, body='{"id": 51, "account": {"id": 2001}}')
    github.script("GET", "/repos/shop-team/orders", 200, body='{"id": 1001, "owner": {"id": 2001, "login": "x"}}')
    found = lookup.repository(app, "shop-team/orders")
    assert found == lookup.Found(repository_id=1001, owner_id=2001, installation_id=51)
    schemes = [request.headers["Authorization"].split()[0] for request in github.requests]
    assert schemes == ["Bearer", "Bearer", "token"]


def test_a_repository_without_the_app_says_how_to_install_it(app: GitHubApp, github: Any) -> None:
    github.script("GET", "/repos/shop-team/orders/installation", 404, body='{"message": "Not Found"}')
    with pytest.raises(ZektError, match="Install App") as caught:
        lookup.repository(app, "shop-team/orders")
    assert caught.value.code == "github_refused"


@pytest.mark.parametrize("name", ["orders", "a/../b", "a/b?c", ""])
def test_what_is_no_repository_is_not_asked(app: GitHubApp, github: Any, name: str) -> None:
    with pytest.raises(ZektError, match="owner/name"):
        lookup.repository(app, name)
    assert github.requests == []


@pytest.mark.parametrize(
    ("status", "conclusion"), [("completed", "success"), ("completed", "cancelled"), ("in_progress", None)]
)
def test_a_run_is_told_as_it_stands(app: GitHubApp, github: Any, status: str, conclusion: str | None) -> None:
    github.script("GET", RUN, 200, body=json.dumps({"status": status, "conclusion": conclusion, "run_attempt": 3}))
    assert ask_run(app) == RunState(status, conclusion, 3)


def test_a_run_that_github_does_not_know_is_none(app: GitHubApp, github: Any) -> None:
    github.script("GET", RUN, 404)
    assert ask_run(app) is None


def test_an_installation_that_is_gone_knows_no_run(app: GitHubApp, github: Any) -> None:
    github.script("POST", MINT, 404)
    assert ask_run(app) is None


@pytest.mark.parametrize("what", [500, 502, 429, 301, "hang", "cut"])
def test_githubs_trouble_is_worth_another_try(app: GitHubApp, github: Any, what: Any) -> None:
    github.script("GET", RUN, what)
    error = error_of(app)
    assert error.code == "github_unavailable"
    assert error.retry_after


@pytest.mark.parametrize("status", [401, 403])
def test_a_refusal_is_told_with_advice(app: GitHubApp, github: Any, status: int) -> None:
    github.script("GET", RUN, status)
    error = error_of(app)
    assert error.code == "github_refused"
    assert error.retry_after is None


def test_a_token_that_has_ended_early_is_replaced_once(app: GitHubApp, github: Any, clock: Any) -> None:
    github.script("GET", RUN, 404)
    assert ask_run(app) is None
    clock.move(minutes=10)
    github.script("GET", RUN, 401)
    github.script("GET", RUN, 200, body='{"status": "completed", "conclusion": "success", "run_attempt": 1}')
    assert ask_run(app) == RunState("completed", "success", 1)
    assert github.mints == [51, 51]


@pytest.mark.parametrize("body", ["", "[]", "{}", '{"status": 1}', "[" * 5000, '{"status": "x", "run_attempt": 0}'])
def test_an_answer_that_does_not_fit_is_refused(app: GitHubApp, github: Any, body: str) -> None:
    github.script("GET", RUN, 200, body=body)
    assert error_of(app).code == "github_refused"
