"""What the logs of hooks and the lists of runs say, and what is made of an answer that says something else."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from zekt_backend.errors import ZektError
from zekt_backend.github import hook_log, runs
from zekt_backend.github.budget import APP
from zekt_backend.github.client import GitHubApp
from zekt_backend.github.hook_log import HookLog, same_address
from zekt_backend.github.metered import Metered, SetAsideError
from zekt_backend.rules.records import RunKey

LOG = "/app/hook/deliveries?per_page=100"
LINE = {
    "id": 12345678901,
    "guid": "g-1",
    "delivered_at": "2026-11-21T10:00:00Z",
    "redelivery": False,
    "status": "OK",
    "status_code": 200,
    "event": "workflow_run",
    "action": "completed",
    "repository_id": 7,
}


@pytest.fixture
def app(github: Any, app_key: str, clock: Any) -> Iterator[GitHubApp]:
    made = GitHubApp(api_url=github.url, app_id="123", private_key=app_key, timeout=0.5, clock=clock)
    yield made
    made.close()


@pytest.fixture
def metered(app: GitHubApp) -> Metered:
    return Metered(app, reserve=100)


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("https://zekt.example.com/api/x", "https://ZEKT.example.com:443/api/x/", True),
        ("https://zekt.example.com/api/x", "http://zekt.example.com/api/x", False),
        ("https://zekt.example.com/api/x", "https://zekt.example.com/api/X", False),
        ("https://zekt.example.com/api/x", "https://zekt.example.com.evil.example/api/x", False),
        ("https://zekt.example.com/api/x", "https://zekt.example.com/api/x?y", False),
        ("http://[::1", "http://[::1", False),
        ("http://a:port", "http://a:port", False),
    ],
)
def test_an_address_is_ours_whatever_its_spelling(one: str, other: str, same: bool) -> None:
    assert same_address(one, other) is same


def test_a_page_names_the_next_by_its_cursor_and_by_nothing_else(github: Any, metered: Metered) -> None:
    link = '<https://evil.example/steal?cursor=v1_9%262&per_page=100>; rel="next", <https://x/>; rel="prev"'
    github.script("GET", LOG, 200, headers={"Link": link}, body=json.dumps([LINE]))
    page = hook_log.page(metered, HookLog(), None)
    assert (page.lines[0].guid, page.lines[0].ok, page.following) == ("g-1", True, "v1_9&2")
    github.script("GET", "/app/hook/deliveries?cursor=v1_9%262&per_page=100", 200, body="[]")
    assert hook_log.page(metered, HookLog(), page.following).following is None
    assert len(github.requests) == 2


@pytest.mark.parametrize("status", ["Invalid HTTP Response: 500", "timed out", "failed to connect to host", "ok", ""])
def test_only_ok_is_delivered(github: Any, metered: Metered, status: str) -> None:
    github.script("GET", LOG, 200, body=json.dumps([{**LINE, "status": status}]))
    assert [line.ok for line in hook_log.page(metered, HookLog(), None).lines] == [False]


@pytest.mark.parametrize("body", ["{}", "[{}]", "", "[" * 5000, '[{"id": "x"}]'])
def test_a_log_that_is_none_is_refused(github: Any, metered: Metered, body: str) -> None:
    github.script("GET", LOG, 200, body=body)
    with pytest.raises(ZektError) as caught:
        hook_log.page(metered, HookLog(), None)
    assert caught.value.code == "github_refused"


@pytest.mark.parametrize(("status", "known"), [(202, True), (404, False), (410, False), (422, False)])
def test_github_takes_a_redelivery_or_has_forgotten_it(github: Any, metered: Metered, status: int, known: bool) -> None:
    github.script("POST", "/app/hook/deliveries/9/attempts", status, body="{}")
    assert hook_log.redeliver(metered, HookLog(), 9) is known
    assert len(github.requests) == 1


def test_no_hook_of_the_app_is_no_address(github: Any, metered: Metered) -> None:
    github.script("GET", "/app/hook/config", 404, body="{}")
    github.script("GET", "/app/hook/config", 200, body='{"content_type": "json"}')
    assert hook_log.app_hook_url(metered) is None
    assert hook_log.app_hook_url(metered) is None


def test_a_low_budget_sets_its_owner_aside_before_it_is_used_up(github: Any, metered: Metered) -> None:
    low = {"x-ratelimit-remaining": "100", "x-ratelimit-limit": "5000"}
    github.script("GET", LOG, 200, headers=low, body="[]")
    assert hook_log.page(metered, HookLog(), None).lines == []
    with pytest.raises(SetAsideError):
        hook_log.page(metered, HookLog(), None)
    assert len(github.requests) == 1
    assert "100 requests are left" in metered.aside[APP]


def test_a_limit_sets_its_owner_aside(github: Any, metered: Metered) -> None:
    github.script("GET", LOG, 403, headers={"Retry-After": "60"}, body='{"message": "secondary rate limit"}')
    with pytest.raises(SetAsideError):
        hook_log.page(metered, HookLog(), None)
    assert "limit" in metered.aside[APP]


def test_three_silences_in_a_row_are_a_github_that_is_down(github: Any, metered: Metered) -> None:
    github.script("GET", LOG, "cut", times=3)
    for _ in range(3):
        with pytest.raises(ZektError):
            hook_log.page(metered, HookLog(), None)
    with pytest.raises(SetAsideError):
        hook_log.page(metered, HookLog(), None)
    with pytest.raises(SetAsideError):
        runs.attempt(metered, 51, "a/b", RunKey(1, 2, 3))
    assert metered.aside == {APP: "GitHub does not answer", 51: "GitHub does not answer"}


def test_nothing_is_asked_when_the_process_is_stopping(github: Any, app: GitHubApp) -> None:
    with pytest.raises(SetAsideError):
        hook_log.page(Metered(app, reserve=0, stopped=lambda: True), HookLog(), None)
    assert github.requests == []
