"""The real action as its own process against the real broker: what leaves a file is what a consumer gets."""

import hashlib
import subprocess
from pathlib import Path
from typing import Any

import pytest
import requests

from zekt_testing.action import outputs_of, start_action


def send(zekt: Any, run: Any, folder: Path, **inputs: str) -> tuple[subprocess.CompletedProcess[str], dict[str, str]]:
    """Start the action as a runner does, wait for it, and give its outputs."""
    with start_action(zekt, run, folder, **inputs) as action:
        printed, _ = action.communicate(timeout=60)
    return subprocess.CompletedProcess(action.args, action.returncode, printed, ""), outputs_of(folder)


@pytest.mark.parametrize(
    "raw",
    [
        b'{"resourceType": "webServer"}',
        b'{\n  "n": 1.10\n}\n',
        b'\t "text"\r\n\r\n',
        b'"' + b"x" * 524_286 + b'"',
        b'{"n":"' + b"x" * 524_277 + b'"}\n \n',
    ],
    ids=["small", "as jq writes it", "white space around", "524,288 bytes", "524,288 bytes with white space"],
)
def test_a_file_reaches_the_consumer_byte_for_byte(zekt: Any, tmp_path: Path, raw: bytes) -> None:
    (tmp_path / "message.json").write_bytes(raw)
    run = zekt.start_run()
    done, outputs = send(zekt, run, tmp_path, payload_file="message.json")
    assert done.returncode == 0, done.stdout + done.stderr
    digest = hashlib.sha256(raw).hexdigest()
    assert (outputs["status"], outputs["payload-sha256"]) == ("success", digest)
    assert (outputs["correlation-id"], outputs["consumers-notified"]) == (str(run.id), "1")

    zekt.github.finish_run(run)
    (dispatch,) = zekt.dispatched()
    delivery_id = dispatch.client_payload["zekt"]["deliveryId"]
    bearer = {"Authorization": f"Bearer {zekt.github.start_run_for(dispatch).token()}"}
    fetched = requests.get(f"{zekt.url}/api/event-delivery/{delivery_id}/payload", headers=bearer, timeout=10)
    assert fetched.content == raw
    assert dispatch.client_payload["zekt"]["payloadSha256"] == digest


def test_the_same_step_twice_is_one_message(zekt: Any, tmp_path: Path) -> None:
    run = zekt.start_run()
    _, first = send(zekt, run, tmp_path, payload="[1]")
    (tmp_path / "output").write_text("")
    _, second = send(zekt, run, tmp_path, payload="[1]")
    assert first["event-id"] == second["event-id"]
    assert zekt.sql("SELECT count(*) FROM messages") == [(1,)]


def test_a_token_for_another_audience_is_refused_with_what_to_paste(zekt: Any, tmp_path: Path) -> None:
    done, outputs = send(zekt, zekt.start_run(), tmp_path, payload="[1]", audience="https://elsewhere.example")
    assert done.returncode == 1
    assert (outputs["status"], outputs["error-code"]) == ("failed", "token_audience")
    assert "::error" in done.stdout
    assert "api://zekt" in done.stdout


def test_a_broker_that_is_not_there_is_a_clear_failure(zekt: Any, tmp_path: Path) -> None:
    nowhere = {"zekt_api_url": "http://127.0.0.1:9", "max_attempts": "2"}
    done, outputs = send(zekt, zekt.start_run(), tmp_path, payload="[1]", **nowhere)
    assert (done.returncode, outputs["status"]) == (1, "failed")
    assert outputs["error-code"]
