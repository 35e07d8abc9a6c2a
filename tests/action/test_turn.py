"""When zekt-receive works on a delivery, and when it may end it: the script of its step, run as a runner does."""

import os
import subprocess
from pathlib import Path

import pytest
import yaml

SHA = "0" * 64
CONFIRMED = {"STATUS": "confirmed", "CONFIRMED": "success"}
UNHEARD = {"STATUS": "unknown", "CONFIRMED": "success", "CONFIRM_ERROR": "backend_unreachable"}


def turn(root: Path, tmp_path: Path, **environment: str) -> tuple[bool, bool]:
    """Whether the work runs, and whether Complete does."""
    steps = yaml.safe_load((root / ".github/workflows/zekt-receive.yml").read_text())["jobs"]["receive"]["steps"]
    (step,) = [step for step in steps if step.get("id") == "turn"]
    given = dict.fromkeys(step["env"], "") | environment
    assert set(given) == set(step["env"])
    output = tmp_path / "output"
    output.write_text("")
    done = subprocess.run(
        ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", step["run"]],
        env={"PATH": os.environ["PATH"], "GITHUB_OUTPUT": str(output), **given},
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    ours = output.read_text() == "ours=true\n"
    fine = done.returncode == 0 and given["CONFIRMED"] != "failure"
    assert ("::error title=Zekt::" in done.stdout) == (done.returncode != 0)
    return fine and ours, ours


@pytest.mark.parametrize(("path", "sha"), [("message.json", SHA), ("", "")])
def test_what_was_confirmed_is_worked_on_and_ended(root: Path, tmp_path: Path, path: str, sha: str) -> None:
    assert turn(root, tmp_path, **CONFIRMED, PAYLOAD_PATH=path, PAYLOAD_SHA256=sha) == (True, True)


def test_what_was_confirmed_and_whose_message_is_gone_is_ended(root: Path, tmp_path: Path) -> None:
    gone = {**CONFIRMED, "CONFIRM_ERROR": "payload_expired", "PAYLOAD_SHA256": SHA}
    assert turn(root, tmp_path, **gone) == (False, True)
    assert turn(root, tmp_path, **{**gone, "CONFIRMED": "failure"}) == (False, True)


@pytest.mark.parametrize(("path", "sha"), [("message.json", SHA), ("", "")])
def test_a_broker_that_is_not_heard_stops_no_work_that_has_all_it_needs(
    root: Path, tmp_path: Path, path: str, sha: str
) -> None:
    assert turn(root, tmp_path, **UNHEARD, PAYLOAD_PATH=path, PAYLOAD_SHA256=sha) == (True, True)


def test_what_nobody_confirmed_and_nobody_works_on_is_left_to_come_again(root: Path, tmp_path: Path) -> None:
    assert turn(root, tmp_path, **UNHEARD, PAYLOAD_SHA256=SHA) == (False, False)
    strict = {**UNHEARD, "CONFIRMED": "failure"}
    assert turn(root, tmp_path, **strict, PAYLOAD_PATH="message.json", PAYLOAD_SHA256=SHA) == (False, False)


def test_what_the_broker_refused_is_neither_worked_on_nor_ended(root: Path, tmp_path: Path) -> None:
    refused = {**UNHEARD, "CONFIRM_ERROR": "not_found"}
    assert turn(root, tmp_path, **refused) == (False, False)
    assert turn(root, tmp_path, **refused, PAYLOAD_SHA256=SHA) == (False, False)
