"""What a run of a local folder has, and how it ends: act and Docker as they are."""

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import requests

from zekt_testing.docker import Docker
from zekt_testing.rooms import Room, write

pytestmark = [pytest.mark.act, pytest.mark.docker, pytest.mark.long]

MakeRoom = Callable[..., Room]
NOBODY = "http://127.0.0.1:9/hooks"
"""Nothing listens there: the webhooks are in GitHub's log all the same."""

# Prints what is in a token that the job gets, as one line.
CLAIMS = r"""
import base64, json, os, urllib.request
url, token = (os.environ["ACTIONS_ID_TOKEN_REQUEST_" + name] for name in ("URL", "TOKEN"))
asked = urllib.request.Request(url + "&audience=x", headers={"Authorization": "bearer " + token})
value = json.load(urllib.request.urlopen(asked))["value"].split(".")[1]
claims = json.loads(base64.urlsafe_b64decode(value + "=="))
print("CLAIMS", json.dumps(claims))
print("TOKEN", token)
"""

TOKENS = """
on: push
permissions: {id-token: write}
jobs:
  single:
    runs-on: ubuntu-latest
    steps: [{uses: actions/checkout@v4}, {run: python3 claims.py}]
  legs:
    runs-on: ubuntu-latest
    strategy: {matrix: {place: [north, "south west"]}}
    steps: [{uses: actions/checkout@v4}, {run: python3 claims.py}]
  calls:
    uses: ./.github/workflows/called.yml
  calls-again:
    uses: $/.github/workflows/called.yml
  none:
    permissions: {contents: read}
    runs-on: ubuntu-latest
    steps: [{run: 'test -z "$ACTIONS_ID_TOKEN_REQUEST_URL$ACTIONS_ID_TOKEN_REQUEST_TOKEN"'}]
"""

CALLED = """
on: workflow_call
jobs:
  inner:
    runs-on: ubuntu-latest
    steps: [{uses: actions/checkout@v4}, {run: python3 claims.py}]
"""


def _claims(log: str) -> list[dict[str, Any]]:
    return [json.loads(found) for found in re.findall(r"CLAIMS (\{.*\})", log)]


def test_each_job_has_a_token_of_its_own_and_none_that_was_not_granted(make_room: MakeRoom, tmp_path: Path) -> None:
    home = write(tmp_path / "folders", "shop-team/orders", {})
    (home / "claims.py").write_text(CLAIMS)
    room = make_room({"shop-team/orders": {"tokens.yml": TOKENS, "called.yml": CALLED}})
    run = room.local.start("shop-team/orders", "tokens.yml")
    assert room.ended(run) == "success", room.log(run)
    claims = _claims(room.log(run))
    assert len(claims) == len({each["check_run_id"] for each in claims}) == 5
    assert {(each["run_id"], each["run_attempt"]) for each in claims} == {(str(run.run.id), "1")}
    ours = "shop-team/orders/.github/workflows"
    refs = [each["job_workflow_ref"] for each in claims]
    assert sorted(refs) == sorted(
        [f"{ours}/tokens.yml@refs/heads/main"] * 3 + [f"{ours}/called.yml@refs/heads/main"] * 2
    )
    assert room.log(run).count("TOKEN ***") == 5


SLOW = """
on: push
concurrency: {group: "slow-${{ github.ref }}"}
jobs:
  slow:
    runs-on: ubuntu-latest
    steps:
      - run: echo begun; sleep 600
      - if: always()
        run: echo "tidied up"
"""


def test_a_cancelled_run_ends_in_order_and_the_next_of_its_group_begins(make_room: MakeRoom, docker: Docker) -> None:
    room = make_room({"shop-team/orders": {"slow.yml": SLOW}})
    room.github.add_hook("shop-team/orders", url=NOBODY)
    first, second = (room.local.start("shop-team/orders", "slow.yml") for _ in range(2))
    room.wait_for(lambda: "begun" in room.log(first).split("▶")[-1])
    assert second.run.status == "queued"

    third = room.local.start("shop-team/orders", "slow.yml")  # GitHub keeps one that waits, the newest
    assert room.ended(second) == "cancelled"
    room.local.cancel(first.run.id)
    assert room.ended(first) == "cancelled"
    assert "tidied up" in room.log(first)
    room.wait_for(lambda: "begun" in room.log(third).split("▶")[-1])

    room.github.stop()
    assert room.ended(third) == "cancelled"
    assert docker("ps", "--all", "--quiet", f"--filter=label={room.local.label}").split() == []
    told = [(line.letter.action, json.loads(line.letter.body)) for line in reversed(room.github.hook_deliveries())]
    mine = [(action, said["workflow_run"]["status"], said["workflow_run"]["conclusion"])
            for action, said in told if said["workflow_run"]["id"] == first.run.id]  # fmt: skip
    assert mine == [
        ("requested", "queued", None),
        ("in_progress", "in_progress", None),
        ("completed", "completed", "cancelled"),
    ]


BROKEN = """
on: {repository_dispatch: {types: [order]}, push: {}}
jobs:
  build:
    runs-on: ubuntu-latest
    steps: [{run: exit 3}]
"""


def test_a_mended_folder_is_what_a_rerun_runs(make_room: MakeRoom) -> None:
    windows = BROKEN.replace("ubuntu-latest", "windows-latest")
    asks = "on: push\njobs: {call: {uses: ./.github/workflows/wants.yml}}\n"
    wants = CALLED.replace("jobs:", "permissions: {id-token: write}\njobs:")
    odd = "on: push\njobs:\n  build:\n    runs-on: ubuntu-latest\n    stepps: []\n"
    files = {"build.yml": BROKEN, "windows.yml": windows, "asks.yml": asks, "wants.yml": wants, "odd.yml": odd}
    room = make_room({"shop-team/orders": files})
    room.github.add_hook("shop-team/orders", url=NOBODY)
    build, other, asking, unreadable = (
        room.local.start("shop-team/orders", name) for name in ("build.yml", "windows.yml", "asks.yml", "odd.yml")
    )
    assert room.ended(build) == "failure"
    assert room.ended(other) == "failure"
    assert "There is no image for runs-on: windows-latest" in room.log(other)
    assert room.ended(asking) == "startup_failure"
    assert "'inner' is requesting 'id-token: write', but is only allowed 'id-token: none'" in room.log(asking)
    assert room.ended(unreadable) == "startup_failure"
    assert "odd.yml" in room.log(unreadable)

    path = room.root / "shop-team/orders/.github/workflows/build.yml"
    path.write_text(BROKEN.replace("exit 3", "echo mended"))
    again = room.local.rerun(build.run.id)
    assert (again.run.id, again.run.attempt) == (build.run.id, 2)
    assert room.ended(again) == "success"
    assert "mended" in room.log(again)
    room.wait_for(lambda: len(_actions(room, build.run.id)) == 5)
    assert _actions(room, build.run.id) == [
        ("requested", 1), ("in_progress", 1), ("completed", 1), ("in_progress", 2), ("completed", 2),
    ]  # fmt: skip


def _actions(room: Room, run_id: int) -> list[tuple[str | None, int]]:
    told = [json.loads(line.letter.body) for line in reversed(room.github.hook_deliveries())]
    return [
        (said["action"], said["workflow_run"]["run_attempt"]) for said in told if said["workflow_run"]["id"] == run_id
    ]


ASKED = """
on: {workflow_dispatch: {inputs: {size: {type: choice, options: [small, large], required: true}}}}
jobs:
  build:
    runs-on: ubuntu-latest
    steps: [{run: 'echo "builds $SIZE"; echo "::add-mask::hunter2"; echo hunter2', env: {SIZE: "${{ inputs.size }}"}}]
"""


def test_another_process_starts_a_run_and_reads_its_log_while_it_is_written(make_room: MakeRoom) -> None:
    room = make_room({"shop-team/orders": {"asked.yml": ASKED}})
    here = f"{room.github.url}/_sandbox/local"
    body = {"repository": "shop-team/orders", "workflow": "asked.yml"}
    with requests.Session() as session:
        session.trust_env = False
        refused = session.post(f"{here}/runs", json=body, timeout=10)
        assert (refused.status_code, refused.json()["message"]) == (422, "Required input 'size' not provided.")
        missing = session.post(f"{here}/runs", json={**body, "workflow": "none.yml"}, timeout=10)
        assert missing.status_code == 404
        assert "there are asked.yml" in missing.json()["message"]

        run = session.post(f"{here}/runs", json={**body, "inputs": {"size": "large"}}, timeout=10).json()
        log = session.get(f"{here}/runs/{run['id']}/log?follow=1", timeout=120)  # until the run has ended
        assert "builds large" in log.text
        assert "***" in log.text
        assert "hunter2" not in log.text
        (listed,) = session.get(f"{here}/runs", timeout=10).json()["runs"]
        assert (listed["status"], listed["conclusion"], listed["event"]) == (
            "completed",
            "success",
            "workflow_dispatch",
        )
        ended = session.post(f"{here}/runs/{run['id']}/cancel", timeout=10)
        assert (ended.status_code, ended.json()["message"]) == (422, f"run {run['id']} has ended: success")
        room.wait_for(lambda: '"ended"' in session.get(f"{here}/log", timeout=10).text)
        entries = [json.loads(line) for line in session.get(f"{here}/log", timeout=10).text.splitlines()]
    assert [each["type"] for each in entries if each["type"] != "line"] == ["started", "ended"]
    assert {each["run"] for each in entries} == {run["id"]}
