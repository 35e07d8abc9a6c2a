"""complete: the provider learns how the delivery ended."""

import json
from typing import Any

import pytest

COMPLETE = "/api/event-delivery/complete"
EVENT = {"client_payload": {"zekt": {"deliveryId": "delivery-9", "correlationId": "7"}}}
ANSWER = {
    "success": True,
    "deliveryId": "delivery-9",
    "correlationId": "7",
    "status": "completed",
    "attempt": 1,
    "changed": True,
    "message": "Done.",
}


@pytest.fixture
def complete(runner: Any, broker: Any, reply: Any, python: str) -> Any:
    broker.reply(COMPLETE, reply(200, ANSWER))
    runner.event(EVENT)

    def complete(environ: dict[str, str] | None = None, **inputs: str) -> Any:
        return runner.receive("complete", python, environ, **({"status": "success"} | inputs))

    return complete


def heard(broker: Any) -> Any:
    return json.loads(broker.asked(COMPLETE)[-1].body)


@pytest.mark.parametrize(("status", "success"), [("success", True), ("failure", False), ("cancelled", False)])
def test_the_jobs_status_is_told(complete: Any, broker: Any, status: str, success: bool) -> None:
    done = complete(status=status)
    assert done.code == 0, done.log
    assert heard(broker) == {
        "correlationId": "7",
        "deliveryId": "delivery-9",
        "success": success,
        "conclusion": status,
    }
    assert done.outputs == {"delivery-id": "delivery-9", "status": "completed", "error-code": ""}


@pytest.mark.parametrize("status", ["", "Success", "skipped", "${{ job.status }}"])
def test_a_status_that_is_none_is_told(complete: Any, broker: Any, status: str) -> None:
    done = complete(status=status, fail_on_error="true")
    assert done.code == 1
    assert "status: ${{ job.status }}" in done.log
    assert broker.heard == []


def test_a_conclusion_and_a_result_go_along(complete: Any, broker: Any) -> None:
    complete(conclusion="deployed", result='{"cost": 12.50}')
    assert heard(broker)["conclusion"] == "deployed"
    assert broker.asked(COMPLETE)[-1].body.endswith(b', "result": {"cost": 12.50}}')


def test_a_result_may_come_from_a_file(complete: Any, broker: Any, runner: Any) -> None:
    (runner.workspace / "result.json").write_bytes(b'"' + b"a" * 65_534 + b'"')
    assert complete(result_file="result.json").code == 0
    assert heard(broker)["result"] == "a" * 65_534


@pytest.mark.parametrize(
    ("inputs", "code"),
    [
        ({"result": "{"}, "result_invalid"),
        ({"result": "[NaN]"}, "result_invalid"),
        ({"result": '"' + "a" * 65_535 + '"'}, "result_invalid"),
        ({"result": "1", "result_file": "result.json"}, "result_invalid"),
        ({"result_file": "large.json"}, "file_too_large"),
        ({"result_file": "missing.json"}, "file_missing"),
        ({"result_file": "/etc/passwd"}, "file_outside"),
    ],
    ids=lambda value: str(value)[:40],
)
def test_a_result_that_does_not_fit_is_told_after_the_delivery_has_ended(
    complete: Any, broker: Any, runner: Any, inputs: dict[str, str], code: str
) -> None:
    (runner.workspace / "result.json").write_text("1")
    (runner.workspace / "large.json").write_bytes(b'"' + b"a" * 65_535 + b'"')
    done = complete(**inputs)
    assert done.code == 0
    assert f"[{code}]" in done.log
    assert "result" not in heard(broker)
    assert (done.outputs["status"], done.outputs["error-code"]) == ("completed", code)
    assert complete(fail_on_error="true", **inputs).code == 1


def test_a_conclusion_that_is_too_long_is_refused(complete: Any, broker: Any) -> None:
    assert "[input_invalid]" in complete(conclusion="c" * 101).log
    assert broker.heard == []


def test_a_run_of_its_own_is_left_in_peace(complete: Any, broker: Any, runner: Any) -> None:
    runner.event({"ref": "refs/heads/main"})
    done = complete(fail_on_error="true")
    assert done.code == 0
    assert "::notice title=Zekt%3A Not started by Zekt::" in done.log
    assert done.outputs == {"delivery-id": "", "status": "", "error-code": ""}
    assert broker.heard == []


def test_a_broker_that_is_down_fails_no_healthy_job(complete: Any, closed_port: int) -> None:
    done = complete({"ZEKT_API_URL": f"http://127.0.0.1:{closed_port}"}, max_attempts="1")
    assert done.code == 0
    assert "::warning" in done.log
    assert done.outputs == {"delivery-id": "delivery-9", "status": "unknown", "error-code": "backend_unreachable"}


def test_a_failed_completion_is_tried_again_with_a_fresh_token(complete: Any, broker: Any, reply: Any) -> None:
    broker.reply(COMPLETE, reply(500), reply(200, ANSWER))
    assert complete().outputs["status"] == "completed"
    tokens = {heard.headers["authorization"] for heard in broker.asked(COMPLETE)}
    assert len(tokens) == 2
