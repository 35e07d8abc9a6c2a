"""Issues over the REST API, with GitHub's limits and words."""

from collections.abc import Iterator
from typing import Any

import pytest

import github
from zekt_sandbox.server import SandboxServer

ORDERS = "shop-team/orders"


@pytest.fixture
def repository(gh: SandboxServer) -> Iterator[Any]:
    gh.set_permissions(ORDERS, metadata="read", issues="write")
    auth = github.Auth.AppAuth(gh.app_id, gh.app_private_key).get_installation_auth(51)
    with github.Github(auth=auth, base_url=gh.url, retry=None, lazy=True, seconds_between_writes=None) as made:
        yield made.get_repo(ORDERS)


def refusal(ask: Any) -> github.GithubException:
    with pytest.raises(github.GithubException) as refused:
        ask()
    return refused.value


def test_an_issue_is_opened_and_listed_as_its_creator_s(gh: SandboxServer, repository: Any) -> None:
    first, second = (repository.create_issue(title, body="a text") for title in ("One", "Two"))
    assert (first.number, second.number, first.user.login) == (1, 2, "zekt-sandbox[bot]")
    assert [issue.title for issue in repository.get_issues(creator="zekt-sandbox[bot]")] == ["Two", "One"]
    assert list(repository.get_issues(creator="somebody")) == []
    assert [(issue.title, issue.body) for issue in gh.issues(ORDERS)] == [("One", "a text"), ("Two", "a text")]


def test_title_and_text_have_their_limits(repository: Any) -> None:
    repository.create_issue("t" * 256, body="b" * 65_536)
    for title, body, says in (
        ("t" * 257, "", "title is too long (maximum is 256 characters)"),
        ("t", "b" * 65_537, "body is too long (maximum is 65536 characters)"),
    ):
        refused = refusal(lambda title=title, body=body: repository.create_issue(title, body=body))
        assert (refused.status, refused.data["errors"][0]["message"]) == (422, says)


def test_without_the_permission_where_they_are_off_or_it_is_archived_none_is_opened(
    gh: SandboxServer, repository: Any
) -> None:
    gh.change_repository(ORDERS, has_issues=False)
    assert refusal(lambda: repository.create_issue("t")).status == 410
    gh.change_repository(ORDERS, archived=True)
    assert refusal(lambda: repository.create_issue("t")).status == 403
    gh.set_permissions(ORDERS, metadata="read", issues="read")
    refused = refusal(lambda: repository.create_issue("t"))
    assert (refused.status, refused.message) == (403, "Resource not accessible by integration")
    assert gh.issues(ORDERS) == []
