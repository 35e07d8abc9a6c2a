"""The real PyGithub, set up as the broker sets it up, finds GitHub here."""

from collections.abc import Iterator

import pytest

import github
from zekt_sandbox.server import SandboxServer

ORDERS = "shop-team/orders"
DISPATCHES = f"/repos/{ORDERS}/dispatches"


@pytest.fixture
def client(gh: SandboxServer) -> Iterator[github.Github]:
    auth = github.Auth.AppAuth(gh.app_id, gh.app_private_key).get_installation_auth(51)
    with github.Github(auth=auth, base_url=gh.url, retry=None, lazy=True, seconds_between_writes=None) as made:
        yield made


def test_it_gets_a_token_and_dispatches(gh: SandboxServer, client: github.Github) -> None:
    body = {"event_type": "order", "client_payload": {"zekt": {"version": "1"}}}
    headers, data = client.requester.requestJsonAndCheck("POST", DISPATCHES, input=body)
    assert data is None
    assert headers["x-github-request-id"]
    (dispatch,) = gh.dispatches(ORDERS)
    assert dispatch.client_payload == {"zekt": {"version": "1"}}


def test_it_uses_one_installation_token_for_many_requests(gh: SandboxServer, client: github.Github) -> None:
    for _ in range(3):
        assert client.get_repo(ORDERS).create_repository_dispatch("order", {})
    paths = [visit.path for visit in gh.visits("rest")]
    assert paths == ["/app/installations/51/access_tokens"]


def test_a_refusal_is_an_exception_with_status_headers_and_text(client: github.Github) -> None:
    with pytest.raises(github.GithubException) as refused:
        client.requester.requestJsonAndCheck("POST", DISPATCHES, input={"event_type": "a" * 101})
    assert refused.value.status == 422
    assert refused.value.message == "Invalid request.\n\nOnly 100 characters are allowed; 101 were supplied."
    assert refused.value.headers


def test_a_rate_limit_is_recognised_as_one(gh: SandboxServer, client: github.Github) -> None:
    gh.faults.add(where="dispatch", kind="rate_limit_primary", seconds=60)
    gh.faults.add(where="dispatch", kind="rate_limit", seconds=7)
    for _ in range(2):
        with pytest.raises(github.RateLimitExceededException):
            client.requester.requestJsonAndCheck("POST", DISPATCHES, input={"event_type": "order"})


def test_it_reads_repositories_runs_and_workflows(gh: SandboxServer, client: github.Github) -> None:
    eager = client.withLazy(False)
    run = gh.start_run(ORDERS, workflow=".github/workflows/order.yml", name="Order")
    gh.finish_run(run, "failure")
    repository = eager.get_repo(ORDERS)
    assert (repository.id, repository.owner.login) == (1001, "shop-team")
    found = repository.get_workflow_run(run.id)
    assert (found.conclusion, found.path, found.run_attempt) == ("failure", ".github/workflows/order.yml", 1)
    assert [each.id for each in repository.get_workflow_runs()] == [run.id]
    assert [each.path for each in repository.get_workflows()] == [".github/workflows/order.yml"]
    assert eager.get_repo(1001).full_name == ORDERS


def test_it_manages_hooks_and_reads_their_log(gh: SandboxServer, client: github.Github) -> None:
    repository = client.get_repo(ORDERS)
    config = {"url": "http://127.0.0.1:9/hook", "content_type": "json", "secret": "s"}
    hook = repository.create_hook("web", config, events=["workflow_run"])
    gh.finish_run(gh.start_run(ORDERS))
    lines = list(repository.get_hook_deliveries(hook.id))
    failed = next(line for line in lines if line.event == "workflow_run")
    assert (failed.status, failed.status_code, failed.redelivery) == ("failed to connect to host", 0, False)
    detail = repository.get_hook_delivery(hook.id, failed.id or 0)
    assert detail.request is not None
    assert detail.request.headers is not None
    assert detail.request.headers["X-GitHub-Event"] == "workflow_run"
    hook.delete()
    assert list(repository.get_hooks()) == []


def test_the_app_can_list_its_installations(gh: SandboxServer) -> None:
    app = github.Auth.AppAuth(gh.app_id, gh.app_private_key)
    with github.GithubIntegration(auth=app, base_url=gh.url, retry=None) as integration:
        assert {each.id for each in integration.get_installations()} == {51, 62}
        assert integration.get_repo_installation("shop-team", "orders").id == 51
        assert integration.get_app().slug == "zekt-sandbox"
