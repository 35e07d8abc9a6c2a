"""The whole loop between three folders: a workflow sends, another organisation's is started, answers, and is heard."""

import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from zekt_sandbox.demo_broker import Broker
from zekt_sandbox.server import SandboxServer
from zekt_testing.rooms import Room

pytestmark = [pytest.mark.act, pytest.mark.docker, pytest.mark.long]

ORDER = """
name: Order
on:
  workflow_dispatch:
    inputs:
      size: {type: choice, options: [small, large], default: small}
permissions: {}
env: {ZEKT_API_URL: "https://zekt.example.com"}
jobs:
  order:
    runs-on: ubuntu-latest
    permissions: {id-token: write}
    strategy: {matrix: {region: [north, west]}}
    steps:
      - run: jq --null-input --arg size "$SIZE" --arg region "$REGION" '{$size, $region}' >order.json
        env: {SIZE: "${{ inputs.size }}", REGION: "${{ matrix.region }}"}
      - uses: zekt-dev-org/zekt-action@v0
        with: {event-type: infrastructure-order, payload-file: order.json}
"""

BUILD = """
name: Build
on: {repository_dispatch: {types: [infrastructure-order]}}
permissions: {}
concurrency: {group: "zekt-${{ github.event.client_payload.zekt.deliveryId }}"}
jobs:
  build:
    runs-on: ubuntu-latest
    permissions: {id-token: write}
    steps:
      - id: confirm
        uses: zekt-dev-org/zekt-action/confirm@0123456789012345678901234567890123456789
        with: {fail-on-error: true, zekt-api-url: "https://zekt.example.com"}
      - run: |
          echo "builds $(jq --raw-output .size "$MESSAGE") in $(jq --raw-output .region "$MESSAGE")"
          jq --null-input '{resourceId: "web-1"}' >result.json
        env: {MESSAGE: "${{ steps.confirm.outputs.payload-path }}"}
      - uses: zekt-dev-org/zekt-action@main
        with: {event-type: infrastructure-ready, payload-file: result.json}
      - if: always()
        uses: zekt-dev-org/zekt-action/complete@v0
        with: {status: "${{ job.status }}", result-file: result.json}
"""

NOTE = """
name: Note
on: {repository_dispatch: {types: [infrastructure-ready]}}
jobs:
  note:
    runs-on: ubuntu-latest
    steps:
      - run: echo "ready is $ID, no token here ${ACTIONS_ID_TOKEN_REQUEST_URL-}${ACTIONS_ID_TOKEN_REQUEST_TOKEN-}."
        env: {ID: "${{ github.event.client_payload.zekt.payload.resourceId }}"}
"""


def _account(login: str, repository: str, path: str, slug: str, event_type: str) -> dict[str, Any]:
    service = {"slug": slug, "alias": slug, "event-type": event_type}
    workflow = {"path": f".github/workflows/{path}", "whitelisted": True, "service": service}
    return {"login": login, "repositories": [{"name": repository, "workflows": [workflow]}]}


DIRECTORY = {
    "accounts": [
        _account("shop-team", "orders", "order.yml", "orders", "infrastructure-order"),
        _account("infra-team", "platform", "build.yml", "answers", "infrastructure-ready"),
    ],
    "subscriptions": [
        {"service": "orders", "consumer": "infra-team/platform", "status": "approved", "durable": True},
        {"service": "answers", "consumer": "shop-team/orders", "status": "approved"},
    ],
}


@pytest.fixture
def broker(stand_in: SandboxServer) -> Iterator[Broker]:
    # PostgreSQL's socket must fit into 107 bytes, which pytest's own folders do not leave.
    with tempfile.TemporaryDirectory(prefix="zekt-") as folder:
        started = Broker(Path(folder), stand_in.broker_environment())
        try:
            started.start()
            stand_in.set_app_hook(url=f"{started.url}/api/github/webhooks", secret=started.webhook_secret)
            yield started
        finally:
            started.stop()


def test_two_folders_order_build_and_answer(broker: Broker, make_room: Callable[..., Room], tmp_path: Path) -> None:
    folders = {"shop-team/orders": {"order.yml": ORDER, "note.yml": NOTE}, "infra-team/platform": {"build.yml": BUILD}}
    room = make_room(folders, api_url=broker.url)
    directory = tmp_path / "setup.yaml"
    directory.write_text(yaml.safe_dump(DIRECTORY), encoding="utf-8")
    broker.apply_setup(directory)

    order = room.local.start("shop-team/orders", "order.yml", {"size": "large"})
    assert room.ended(order) == "success", room.log(order)
    # Each leg of the matrix has a token of its own, so that the two messages are two.
    room.wait_for(lambda: len([run for run in room.local.runs() if run.run.status == "completed"]) == 5)
    runs = room.local.runs()
    assert {(each.run.repository.full_name, each.run.name, each.run.conclusion) for each in runs} == {
        ("shop-team/orders", "Order", "success"),
        ("infra-team/platform", "Build", "success"),
        ("shop-team/orders", "Note", "success"),
    }, "\n".join(map(room.log, runs))
    built = [room.log(each) for each in runs if each.run.name == "Build"]
    assert {place for place in ("north", "west") if any(f"builds large in {place}" in log for log in built)} == {
        "north",
        "west",
    }
    noted = next(room.log(each) for each in runs if each.run.name == "Note")
    assert "ready is web-1, no token here ." in noted
    deliveries = broker.get("/api/deliveries")["deliveries"]
    assert sorted(each["status"] for each in deliveries) == ["completed", "completed", "dispatched", "dispatched"]
