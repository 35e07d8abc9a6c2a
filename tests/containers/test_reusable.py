"""The reusable workflows, called by reference as users call them, and run by act."""

import re
from pathlib import Path
from typing import Any

import pytest

pytestmark = [pytest.mark.act, pytest.mark.docker, pytest.mark.long]

SEND = """
name: Order
on: push
permissions:
  id-token: write
  contents: read
jobs:
  by-input:
    uses: zekt-dev-org/zekt-action/.github/workflows/zekt-send.yml@v1
    with:
      event-type: infrastructure-order
      payload: '{"by": "input"}'
  by-file:
    uses: zekt-dev-org/zekt-action/.github/workflows/zekt-send.yml@v1
    with:
      event-type: infrastructure-order
      payload-file: orders/order.json
  by-artifact:
    uses: zekt-dev-org/zekt-action/.github/workflows/zekt-send.yml@v1
    with:
      event-type: infrastructure-order
      artifact: made-before
      payload-file: folder/order.json
  no-such-file:
    uses: zekt-dev-org/zekt-action/.github/workflows/zekt-send.yml@v1
    with:
      event-type: infrastructure-order
      artifact: made-before
      payload-file: other.json
      fail-on-error: "false"
  told:
    needs: [by-input, by-file, by-artifact, no-such-file]
    runs-on: ubuntu-latest
    steps:
      - run: |
          test "$INPUT" = "success 1 $GITHUB_RUN_ID 15 "
          test "$FILE" = "success 1 $GITHUB_RUN_ID 15 "
          test "$ARTIFACT" = "success 1 $GITHUB_RUN_ID 18 "
          test "$MISSING" = "failed file_missing"
        env:
          INPUT: ${{ OUTPUTS-by-input }}
          FILE: ${{ OUTPUTS-by-file }}
          ARTIFACT: ${{ OUTPUTS-by-artifact }}
          MISSING: ${{ needs.no-such-file.outputs.status }} ${{ needs.no-such-file.outputs.error-code }}
"""
OUTPUTS = ("status", "consumers-notified", "correlation-id", "payload-bytes", "error-code")

RECEIVE = """
name: Work
on:
  repository_dispatch:
    types: [infrastructure-order]
permissions:
  id-token: write
  contents: read
jobs:
  build:
    uses: zekt-dev-org/zekt-action/.github/workflows/zekt-receive.yml@v1
    with:
      WITH
  told:
    needs: build
    if: always()
    runs-on: ubuntu-latest
    steps:
      - run: echo "told [$OUTPUTS]"
        env:
          OUTPUTS: >-
            ${{ needs.build.result }} ${{ needs.build.outputs.status }} ${{ needs.build.outputs.duplicate }}
            ${{ needs.build.outputs.delivery-id }}
"""

WORK = """#!/bin/sh
set -eu
echo "work on $ZEKT_DELIVERY_ID: $(jq --raw-output .by "$ZEKT_PAYLOAD_PATH")"
jq '{done: .}' "$ZEKT_PAYLOAD_PATH" >"$ZEKT_RESULT_PATH"
"""
COMPOSITE = """
name: Deploy
description: Deploys.
outputs:
  result:
    description: JSON for the provider.
    value: ${{ steps.it.outputs.result }}
runs:
  using: composite
  steps:
    - id: it
      shell: bash
      run: |
        source "$GITHUB_ACTION_PATH/../words.sh"
        echo "result={\\"$WORD\\": $(jq .by "$ZEKT_PAYLOAD_PATH")}" >>"$GITHUB_OUTPUT"
"""
FILES = {
    "deploy.sh": WORK,
    "actions/deploy/action.yml": COMPOSITE,
    "actions/words.sh": "WORD=composed\n",
    "orders/order.json": '{"by":  "file"}\n'[:15],
}


# actions/download-artifact cannot be fetched here. This does what its README says of a name and a path: the files of
# that artifact of this run come to that folder, and without such an artifact it fails.
STAND_IN = """
name: Download
description: Stands in for actions/download-artifact.
inputs:
  name: {description: Of the artifact., required: true}
  path: {description: Where to., required: true}
runs:
  using: composite
  steps:
    - shell: bash
      run: mkdir -p "$TO" && cp -R "$GITHUB_ACTION_PATH/artifacts/$NAME/." "$TO"
      env:
        NAME: ${{ inputs.name }}
        TO: ${{ inputs.path }}
"""


@pytest.fixture
def act(act: Any, root: Path, tmp_path: Path, broker: Any) -> Any:
    """With an artifact of this run, and the broker's address as the repository's variable."""
    text = (root / ".github/workflows/zekt-send.yml").read_text("utf-8")
    (used,) = re.findall(r"uses: (actions/download-artifact@[0-9a-f]{40})", text)
    folder = tmp_path / "download-artifact"
    (folder / "artifacts/made-before/folder").mkdir(parents=True)
    (folder / "artifacts/made-before/folder/order.json").write_text('{"by": "artifact"}')
    (folder / "action.yml").write_text(STAND_IN)
    act.local[used] = folder
    act.variables["ZEKT_API_URL"] = broker.url
    return act


@pytest.fixture
def dispatches(act: Any, broker: Any) -> dict[str, Any]:
    """What the consumer gets of one run that has sent three messages, by what they say of themselves."""
    order = broker.github.start_run("shop-team/orders", workflow=".github/workflows/order.yml")
    workflow = SEND
    for job in ("by-input", "by-file", "by-artifact"):
        all_of_it = " }} ${{ ".join(f"needs.{job}.outputs.{name}" for name in OUTPUTS)
        workflow = workflow.replace(f"OUTPUTS-{job}", all_of_it)
    act(order, workflow, FILES)
    broker.github.finish_run(order, "success")
    found = broker.github.wait_for_dispatches("infra-team/platform", count=3, timeout=300)
    return {one.client_payload["zekt"]["payload"]["by"]: one for one in found}


def receive(act: Any, github_run: Any, **given: str) -> tuple[Any, str]:
    """A run of the consumer's; gives what came of it, and what its next job was told (act has none after a failure)."""
    workflow = RECEIVE.replace("WITH", "\n      ".join(f"{name}: {value!r}" for name, value in given.items()))
    done = act.run(github_run, workflow, FILES)
    told = " ".join(re.findall(r"\| told \[(.*)\]", done.log))
    return done, " ".join(told.split())


def test_messages_are_sent_worked_on_once_and_answered(act: Any, broker: Any, dispatches: dict[str, Any]) -> None:
    """From an input, a file and an artifact to a command, a composite and a command that fails; and one is forged."""
    assert set(dispatches) == {"input", "file", "artifact"}
    start = broker.github.start_run_for
    ids = {by: one.client_payload["zekt"]["deliveryId"] for by, one in dispatches.items()}

    done, told = receive(act, start(dispatches["input"]), command="./deploy.sh")
    assert (done.code, told) == (0, f"success completed false {ids['input']}"), done.log
    assert f"work on {ids['input']}: input" in done.log
    assert broker.delivery(ids["input"])["result"] == {"done": {"by": "input"}}

    done, told = receive(act, start(dispatches["input"]), command="./deploy.sh")
    assert (done.code, told) == (0, f"success true {ids['input']}"), done.log
    assert "work on" not in done.log

    done, told = receive(act, start(dispatches["file"]), composite="actions/deploy")
    assert (done.code, told) == (0, f"success completed false {ids['file']}"), done.log
    assert broker.delivery(ids["file"])["result"] == {"composed": "file"}

    done, _ = receive(act, start(dispatches["artifact"]), command="")
    assert done.code == 1
    assert "Give either the input command or composite" in done.log
    assert broker.delivery(ids["artifact"])["status"] == "dispatched"

    done, _ = receive(act, start(dispatches["artifact"]), command="./deploy.sh\nfalse\necho 'not' 'reached'")
    assert done.code == 1
    assert "not reached" not in done.log
    delivery = broker.delivery(ids["artifact"])
    assert (delivery["status"], delivery["result"]) == ("failed", {"done": {"by": "artifact"}}), done.log

    forged = {**dispatches["input"].client_payload["zekt"], "deliveryId": "delivery-forged", "correlationId": "1"}
    event = {"action": "infrastructure-order", "client_payload": {"zekt": forged}}
    run = broker.github.start_run("infra-team/platform", event="repository_dispatch", event_payload=event)
    done, _ = receive(act, run, command="./deploy.sh")
    assert done.code == 1
    assert "The message could not be had, so nothing was run" in done.log
    assert "work on" not in done.log
