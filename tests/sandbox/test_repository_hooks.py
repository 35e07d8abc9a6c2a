"""Webhooks of a repository over the REST API, with GitHub's limits and words."""

from collections.abc import Iterator
from typing import Any

import pytest

import github
from zekt_sandbox.server import SandboxServer

ORDERS = "shop-team/orders"
URL = "http://127.0.0.1:9/hook"
CONFIG = {"url": URL, "content_type": "json", "secret": "s3cret"}


@pytest.fixture
def repository(gh: SandboxServer) -> Iterator[Any]:
    auth = github.Auth.AppAuth(gh.app_id, gh.app_private_key).get_installation_auth(51)
    with github.Github(auth=auth, base_url=gh.url, retry=None, lazy=True, seconds_between_writes=None) as made:
        yield made.get_repo(ORDERS)


def test_a_hook_is_placed_changed_and_deleted(gh: SandboxServer, repository: Any) -> None:
    hook = repository.create_hook("web", CONFIG, ["workflow_run"], active=False)
    assert (hook.config["secret"], hook.active) == ("********", False)
    (known,) = gh.world.hooks.all()
    assert (known.id, known.secret, known.active) == (hook.id, "s3cret", False)
    hook.edit("web", {"url": URL + "/new", "secret": "another"}, events=["push"], active=True)
    (known,) = gh.world.hooks.all()
    assert (known.url, known.secret, known.events, known.active) == (URL + "/new", "another", ("push",), True)
    hook.edit("web", {"url": URL})
    assert gh.world.hooks.all()[0].secret is None
    hook.delete()
    assert list(repository.get_hooks()) == []


def test_an_address_has_one_hook_and_an_event_twenty(repository: Any) -> None:
    for number in range(20):
        repository.create_hook("web", {**CONFIG, "url": f"{URL}/{number}"}, ["workflow_run"])
    for url, events, says in (
        (f"{URL}/3", ["push"], "Hook already exists on this repository"),
        (f"{URL}/20", ["workflow_run"], 'The "workflow_run" event cannot have more than 20 hooks'),
    ):
        with pytest.raises(github.GithubException) as refused:
            repository.create_hook("web", {**CONFIG, "url": url}, events)
        assert refused.value.status == 422
        assert refused.value.data["errors"] == [{"resource": "Hook", "code": "custom", "message": says}]
    assert len(list(repository.get_hooks())) == 20


def test_who_may_only_read_hooks_places_none(gh: SandboxServer, repository: Any) -> None:
    gh.set_permissions(ORDERS, metadata="read", repository_hooks="read")
    assert list(repository.get_hooks()) == []
    with pytest.raises(github.GithubException) as refused:
        repository.create_hook("web", CONFIG, ["push"])
    assert (refused.value.status, refused.value.message) == (403, "Resource not accessible by integration")


def test_an_archived_repository_takes_none(gh: SandboxServer, repository: Any) -> None:
    gh.change_repository(ORDERS, archived=True)
    with pytest.raises(github.GithubException) as refused:
        repository.create_hook("web", CONFIG, ["push"])
    assert (refused.value.status, refused.value.message) == (403, "Repository was archived so is read-only.")


def test_a_workflow_is_found_by_its_file_name(gh: SandboxServer, repository: Any) -> None:
    gh.add_workflow(ORDERS, ".github/workflows/order.yml", "on: push")
    assert repository.get_workflow("order.yml").path == ".github/workflows/order.yml"
    with pytest.raises(github.UnknownObjectException):
        repository.get_workflow("stock.yml").path  # noqa: B018 - a lazy object asks when it is looked at
