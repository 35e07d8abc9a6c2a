"""GitHub accepted a dispatch and we did not hear so: the consumer runs twice, and its confirm step knows."""

import os
import subprocess
import sys
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

import zekt_action
from zekt_backend.rules import backoff
from zekt_sandbox.dispatches import Dispatch
from zekt_sandbox.runs import Run
from zekt_testing.deliveries import assert_legal

LAUNCH = Path(zekt_action.__file__).parent / "launch.py"

UNHEARD = [("accept_then_cut", "network"), ("accept_then_hang", "timeout"), ("accept_then_status", "unavailable")]


@pytest.fixture(autouse=True)
def steep_ladder(monkeypatch: pytest.MonkeyPatch) -> None:
    """The published rungs in tenths of a second: what follows what stays the same."""
    monkeypatch.setattr(backoff, "LADDER", (timedelta(seconds=0.1),) * 8)


def step(zekt: Any, verb: str, run: Run, dispatch: Dispatch, folder: Path, **inputs: str) -> dict[str, str]:
    """A step of the run that this dispatch started, as a process of its own; its outputs of one line."""
    folder.mkdir(exist_ok=True)
    (folder / "output").write_text("")
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-B", str(LAUNCH), verb],
        env={
            "PATH": os.environ["PATH"],
            **run.environment(event_path=str(folder / "event.json")),
            "GITHUB_WORKSPACE": str(folder),
            "GITHUB_OUTPUT": str(folder / "output"),
            "GITHUB_STEP_SUMMARY": str(folder / "summary"),
            "RUNNER_TEMP": str(folder),
            "ZEKT_API_URL": zekt.url,
            **{f"INPUT_{name.upper()}": value for name, value in inputs.items()},
        },
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert dispatch.client_payload["zekt"]["deliveryId"] in (folder / "output").read_text()
    lines = iter((folder / "output").read_text().splitlines())
    return {line.partition("<<")[0]: next(lines) for line in lines if "<<" in line}


@pytest.mark.parametrize(("kind", "category"), UNHEARD)
def test_the_second_run_of_a_delivery_hears_that_it_is_a_duplicate(
    zekt: Any, tmp_path: Path, kind: str, category: str
) -> None:
    zekt.github.faults.add(where="dispatch", kind=kind, status=502, seconds=5)
    sender = zekt.start_run()
    zekt.send(sender, {"size": "small"})
    zekt.github.finish_run(sender)
    first, second = zekt.dispatched(2)
    delivery_id = first.client_payload["zekt"]["deliveryId"]
    zekt.until(delivery_id, "dispatched")

    runs = [zekt.github.start_run_for(each) for each in (first, second)]
    heard = [
        step(zekt, "confirm", run, each, tmp_path / str(run.id))
        for run, each in zip(runs, (first, second), strict=True)
    ]
    assert [each["duplicate"] for each in heard] == ["false", "true"]
    assert [each.client_payload["zekt"]["attempt"] for each in (first, second)] == [1, 2]
    # The one that skipped the work ends first, and ends nothing.
    step(zekt, "complete", runs[1], second, tmp_path / str(runs[1].id), status="success")
    assert zekt.delivery(delivery_id)["status"] == "confirmed"
    step(zekt, "complete", runs[0], first, tmp_path / str(runs[0].id), status="success")

    found = zekt.delivery(delivery_id)
    assert found["status"] == "completed"
    assert_legal(found)
    assert [(a["category"], a["accepted"], a["ambiguous"]) for a in found["attemptList"]] == [
        (category, False, True),
        ("accepted", True, False),
    ]
    facts = [line["fact"] for line in found["history"]]
    assert facts == ["created", "postponed", "accepted", "confirmed", "noted", "noted", "completed"]
    assert category in found["history"][1]["detail"]


@pytest.mark.parametrize(("kind", "category"), UNHEARD)
def test_a_run_that_confirms_before_the_next_try_makes_it_needless(
    zekt: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str, category: str
) -> None:
    monkeypatch.setattr(backoff, "LADDER", (timedelta(seconds=60),) * 8)
    zekt.github.faults.add(where="dispatch", kind=kind, status=502, seconds=5)
    zekt.github.finish_run(zekt.start_run())
    (dispatch,) = zekt.dispatched(1)
    run = zekt.github.start_run_for(dispatch)
    assert step(zekt, "confirm", run, dispatch, tmp_path)["duplicate"] == "false"
    delivery_id = dispatch.client_payload["zekt"]["deliveryId"]
    zekt.until_sql("SELECT 1 FROM attempts WHERE finished_at IS NOT NULL")
    found = zekt.delivery(delivery_id)
    assert found["status"] == "confirmed"
    assert [(a["category"], a["ambiguous"]) for a in found["attemptList"]] == [(category, True)]
    assert_legal(found)
    assert len(zekt.github.dispatches()) == 1


def test_each_unheard_dispatch_of_a_row_is_the_next_attempt_of_the_same_delivery(zekt: Any) -> None:
    for kind, _ in UNHEARD:
        zekt.github.faults.add(where="dispatch", kind=kind, status=502, seconds=5)
    zekt.github.finish_run(zekt.start_run())
    dispatches = zekt.dispatched(4)
    envelopes = [each.client_payload["zekt"] for each in dispatches]
    assert len({each["deliveryId"] for each in envelopes}) == 1
    assert [each["attempt"] for each in envelopes] == [1, 2, 3, 4]
    found = zekt.until(envelopes[0]["deliveryId"], "dispatched")
    assert [a["ambiguous"] for a in found["attemptList"]] == [True, True, True, False]
    assert found["dispatches"] == 1, "only what GitHub said yes to counts as one"
