"""A provider's and a consumer's workflow, run by act: what a user writes, in containers, from `uses:` on."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

pytestmark = [pytest.mark.act, pytest.mark.docker, pytest.mark.long]

PROVIDER = """
name: Order
on: push
permissions:
  id-token: write
jobs:
  order:
    runs-on: ubuntu-latest
    steps:
      - run: |
          printf '{"resourceType": "webServer", "size": "large", "region": "westeurope"}' > order.json
      - id: zekt
        uses: zekt-dev-org/zekt-action@v1
        with:
          event-type: infrastructure-order
          payload-file: order.json
          zekt-api-url: BROKER
      - run: test "$STATUS $CONSUMERS $CORRELATION" = "success 1 $GITHUB_RUN_ID"
        env:
          STATUS: ${{ steps.zekt.outputs.status }}
          CONSUMERS: ${{ steps.zekt.outputs.consumers-notified }}
          CORRELATION: ${{ steps.zekt.outputs.correlation-id }}
"""

CONSUMER = """
name: Receive
on:
  repository_dispatch:
    types: [infrastructure-order]
permissions:
  id-token: write
jobs:
  deploy:
    runs-on: ubuntu-latest
    steps:
      - id: confirm
        uses: zekt-dev-org/zekt-action/confirm@v1
        with:
          zekt-api-url: BROKER
      - name: Deploy
        run: |
          test "$STATUS $DUPLICATE $ATTEMPT" = "confirmed false 1"
          test "$SIZE" = large
          grep -q '"region": *"westeurope"' "$MESSAGE"
        env:
          STATUS: ${{ steps.confirm.outputs.status }}
          DUPLICATE: ${{ steps.confirm.outputs.duplicate }}
          ATTEMPT: ${{ steps.confirm.outputs.attempt }}
          MESSAGE: ${{ steps.confirm.outputs.payload-path }}
          SIZE: ${{ github.event.client_payload.zekt.payload.size }}
      - id: complete
        if: always()
        uses: zekt-dev-org/zekt-action/complete@v1
        with:
          status: ${{ job.status }}
          result: '{"resourceId": "web-1"}'
          zekt-api-url: BROKER
      - run: test "$STATUS" = completed
        env:
          STATUS: ${{ steps.complete.outputs.status }}
"""


@pytest.fixture(scope="module")
def checkout(root: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The action as a user's runner would download it: what the repository holds, and not this machine's rest."""
    folder = tmp_path_factory.mktemp("checkout")
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=root, check=True, capture_output=True, text=True,
    ).stdout  # fmt: skip
    for name in filter(None, listed.split("\0")):
        if (root / name).is_file() and not name.startswith("tests/"):
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(root / name, folder / name)
    return folder


@pytest.fixture
def act(checkout: Path, runner_image: str, tmp_path: Path) -> Callable[..., str]:
    """Runs a workflow in a repository of its own as a run of GitHub's, and gives what act printed."""
    found = shutil.which("act", path=str(Path(sys.executable).parent)) or shutil.which("act")
    if found is None:
        pytest.skip("there is no act command here; `make test` installs it")

    def run(github_run: Any, workflow: str) -> str:
        repository = make_repository(tmp_path / github_run.repository.name, github_run, workflow)
        event = tmp_path / f"{github_run.id}.json"
        environment = github_run.environment(event)
        told = ("ACTIONS_ID_TOKEN_REQUEST_URL", "ACTIONS_ID_TOKEN_REQUEST_TOKEN", "GITHUB_RUN_ID", "GITHUB_RUN_ATTEMPT")
        done = subprocess.run(
            [
                found, github_run.event, "--directory", str(repository), "--eventpath", str(event),
                "--platform", f"ubuntu-latest={runner_image}", "--pull=false", "--rm", "--container-daemon-socket", "-",
                "--local-repository", f"zekt-dev-org/zekt-action@v1={checkout}",
                *(part for name in told for part in ("--env", f"{name}={environment[name]}")),
            ],
            env={**os.environ, "HOME": str(tmp_path), "XDG_CACHE_HOME": str(tmp_path / "cache")},
            check=False, capture_output=True, text=True, timeout=600,
        )  # fmt: skip
        assert done.returncode == 0, f"act said {done.returncode}\n{done.stdout}\n{done.stderr}"
        return done.stdout

    return run


def make_repository(folder: Path, github_run: Any, workflow: str) -> Path:
    """A git repository with that one workflow; act reads the owner and name from its remote."""
    path = folder / github_run.workflow
    path.parent.mkdir(parents=True)
    path.write_text(workflow, encoding="utf-8")
    who = ["-c", "user.name=Octocat", "-c", "user.email=octocat@example.org", "-c", "init.defaultBranch=main"]
    for command in (
        ["init", "--quiet"],
        ["remote", "add", "origin", f"https://github.com/{github_run.repository.full_name}"],
        ["add", "."],
        ["commit", "--quiet", "--message", "A workflow"],
    ):
        subprocess.run(["git", *who, *command], cwd=folder, check=True, timeout=60)
    return folder


def test_a_delivery_is_sent_confirmed_and_completed_by_two_workflows(broker: Any, act: Callable[..., str]) -> None:
    order = broker.github.start_run("shop-team/orders", workflow=".github/workflows/order.yml")
    act(order, PROVIDER.replace("BROKER", broker.url))
    assert broker.github.dispatches("infra-team/platform") == []

    broker.github.finish_run(order, "success")
    (dispatch,) = broker.github.wait_for_dispatches("infra-team/platform", count=1, timeout=30)
    envelope = dispatch.client_payload["zekt"]
    assert envelope["payload"] == {"resourceType": "webServer", "size": "large", "region": "westeurope"}

    deploy = broker.github.start_run_for(dispatch)
    act(deploy, CONSUMER.replace("BROKER", broker.url))
    delivery = broker.delivery(envelope["deliveryId"])
    assert delivery["status"] == "completed", json.dumps(delivery, indent=2)
    assert [change["to"] for change in delivery["history"]][-2:] == ["confirmed", "completed"]
    assert delivery["result"] == {"resourceId": "web-1"}
