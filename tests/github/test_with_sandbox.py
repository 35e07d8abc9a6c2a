"""The edges against the sandbox, which is GitHub as far as Zekt can tell."""

import asyncio
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from zekt_backend.clock import SystemClock
from zekt_backend.github import lookup
from zekt_backend.github.client import GitHubApp
from zekt_backend.github.dispatch import Dispatcher
from zekt_backend.github.oidc import Verifier
from zekt_backend.rules.records import Answer, RunState
from zekt_sandbox.server import SandboxServer

CONSUMER = "infra-team/platform"


@pytest.fixture
def gh() -> Iterator[SandboxServer]:
    with SandboxServer(port=0) as server:
        server.add_repository(CONSUMER, id=1002, installation_id=52)
        yield server


@pytest.fixture
def app(gh: SandboxServer) -> Iterator[GitHubApp]:
    made = GitHubApp(api_url=gh.url, app_id=gh.app_id, private_key=gh.app_private_key, timeout=1.0)
    yield made
    made.close()


def send(app: GitHubApp, payload: Any = None) -> Answer:
    body = {"event_type": "order", "client_payload": {"zekt": {"payload": payload}}}
    return asyncio.run(_sent(app, body))


async def _sent(app: GitHubApp, body: dict[str, Any]) -> Answer:
    with ThreadPoolExecutor(1) as threads:
        dispatcher = Dispatcher(app, threads)
        answer = await dispatcher.send(installation_id=52, repository=CONSUMER, body=body)
        await dispatcher.close()
    return answer


def test_a_dispatch_arrives(gh: SandboxServer, app: GitHubApp) -> None:
    answer = send(app, {"resourceType": "webServer"})
    assert answer.accepted
    assert answer.request_id
    (arrived,) = gh.dispatches(CONSUMER)
    assert arrived.client_payload["zekt"]["payload"] == {"resourceType": "webServer"}


def test_a_payload_over_githubs_limit_is_invalid_in_githubs_own_words(app: GitHubApp) -> None:
    answer = send(app, "x" * 70_000)
    assert (answer.category, answer.permanent) == ("invalid", True)
    assert "too large" in answer.text


def test_both_of_githubs_limits_are_told_as_limits(gh: SandboxServer, app: GitHubApp) -> None:
    for kind in ("rate_limit", "rate_limit_primary"):
        gh.faults.add(where="dispatch", kind=kind, seconds=30, times=1)
        answer = send(app)
        assert (answer.category, answer.limited, answer.permanent) == ("rate_limit", True, False)
        assert answer.retry_after is not None
        assert 28 <= answer.retry_after <= 31


@pytest.mark.parametrize("kind", ["accept_then_cut", "accept_then_hang", "accept_then_status"])
def test_an_accepted_dispatch_that_we_did_not_hear_of_is_ambiguous_and_arrived_once(
    gh: SandboxServer, app: GitHubApp, kind: str
) -> None:
    gh.faults.add(where="dispatch", kind=kind, status=502, seconds=3, times=1)
    answer = send(app)
    assert (answer.accepted, answer.permanent, answer.ambiguous) == (False, False, True)
    assert len(gh.dispatches(CONSUMER)) == 1


def test_a_repository_is_looked_up(app: GitHubApp) -> None:
    found = lookup.repository(app, CONSUMER)
    assert (found.repository_id, found.installation_id) == (1002, 52)


def test_a_runs_end_is_looked_up(gh: SandboxServer, app: GitHubApp) -> None:
    run = gh.start_run(CONSUMER, workflow=".github/workflows/x.yml", event="push")
    running = lookup.run_conclusion(app, 52, CONSUMER, run.id)
    assert running is not None
    assert running.conclusion is None
    gh.finish_run(run, "failure")
    assert lookup.run_conclusion(app, 52, CONSUMER, run.id) == RunState("completed", "failure", 1)
    assert lookup.run_conclusion(app, 52, CONSUMER, 1) is None


async def test_a_token_of_the_sandboxs_issuer_is_verified(gh: SandboxServer) -> None:
    run = gh.start_run(CONSUMER, workflow=".github/workflows/x.yml", event="push")
    verifier = Verifier(issuers=[gh.issuer], audience="api://zekt", clock=SystemClock())
    claims = await verifier.verify(run.token())
    assert (claims.repository_id, claims.run_id) == (1002, run.id)
    assert claims.workflow_path == ".github/workflows/x.yml"
