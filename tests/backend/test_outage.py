"""The database goes away: outside it is a 503 that says when to come back, and afterwards all goes on."""

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

from zekt_backend.store import schema
from zekt_backend.store.embedded import Embedded
from zekt_sandbox.server import SandboxServer
from zekt_testing import setup
from zekt_testing.broker import Running, settings_for
from zekt_testing.processes import zekt_process

pytestmark = pytest.mark.long


@pytest.fixture
def server() -> Iterator[Embedded]:
    """A PostgreSQL of this test's own, which it may stop."""
    with tempfile.TemporaryDirectory(prefix="zekt-", ignore_cleanup_errors=True) as folder:
        embedded = Embedded.start(Path(folder), as_root_allowed=os.environ.get("ZEKT_EMBEDDED_AS_ROOT") == "1")
        yield embedded
        embedded.revive()
        embedded.stop()


def test_an_outage_is_a_503_with_retry_after_and_heals_by_itself(server: Embedded, github: SandboxServer) -> None:
    schema.migrate(server.url)
    github.add_repository("shop-team/orders", id=1001, installation_id=51)
    setup.apply(server.url, setup.directory())
    running = Running(settings_for(github), server.url)
    assert running.broker is not None
    url = running.broker.settings.address
    token = github.start_run("shop-team/orders").token()

    def send() -> requests.Response:
        body = b'{"eventType": "order", "messageId": "m-1", "payload": {}}'
        headers = {"Authorization": f"Bearer {token}"}
        return requests.post(f"{url}/api/events/receive", data=body, headers=headers, timeout=60)

    def refusal(answer: requests.Response) -> tuple[Any, ...]:
        return answer.status_code, answer.json()["code"], answer.headers["retry-after"]

    assert requests.get(f"{url}/readyz", timeout=60).status_code == 200
    os.kill(server.pid, 9)
    assert refusal(send()) == (503, "database_unavailable", "5")
    assert refusal(requests.get(f"{url}/readyz", timeout=60)) == (503, "database_unavailable", "5")
    assert requests.get(f"{url}/healthz", timeout=60).status_code == 200
    server.revive()
    answers = [send().status_code for _ in range(5)]
    assert answers[-1] in (200, 202)
    assert send().status_code == 200
    running.stop()


def test_a_process_that_is_started_before_its_database_waits_for_it(
    server: Embedded, github: SandboxServer, tmp_path: Path
) -> None:
    os.kill(server.pid, 9)
    with zekt_process(github, tmp_path, "worker", ZEKT_DATABASE_URL=server.url) as worker:
        worker.said("waiting_for_database")
        server.revive()
        worker.said("started")
