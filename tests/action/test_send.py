"""The whole step as its own process, against a broker on a real socket."""

import hashlib
import json
import re
from typing import Any

import pytest

from zekt_action.limits import MAX_PAYLOAD_BYTES
from zekt_action.wire import MessageHead

pytestmark = pytest.mark.usefixtures("each_front")

RECEIVE = "/api/events/receive"


def sent_body(broker: Any) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(broker.asked(RECEIVE)[-1].body)
    return found


def test_a_message_arrives_with_everything_the_wire_knows(runner: Any, broker: Any) -> None:
    done = runner.send(payload='{"resourceType": "webServer"}')
    assert done.code == 0, done.log
    head = MessageHead.model_validate(sent_body(broker))
    assert head.event_type == "order-placed"
    assert (head.repository, head.workflow_run_id, head.run_attempt) == ("shop-team/orders", "42", 1)
    assert (head.job, head.step, head.workflow) == ("send", "__zekt", "Order")
    assert (head.triggered_by, head.ref, head.commit_sha) == ("octocat", "refs/heads/main", "a" * 40)
    assert head.message_id == done.outputs["message-id"]
    assert head.payload_sha256 == done.outputs["payload-sha256"]
    assert head.causation is None
    assert sent_body(broker)["payload"] == {"resourceType": "webServer"}


def test_the_headers_are_those_of_the_published_contract(runner: Any, broker: Any) -> None:
    done = runner.send()
    headers = broker.asked(RECEIVE)[0].headers
    assert headers["authorization"] == "Bearer header.body.signature1"
    assert headers["x-github-repository"] == "shop-team/orders"
    assert headers["content-type"] == "application/json"
    assert re.fullmatch(r"zekt-action/\d+\.\d+\.\d+", headers["user-agent"])
    assert headers["idempotency-key"] == done.outputs["message-id"]


def test_the_token_is_asked_for_with_the_runners_secret_and_the_audience(runner: Any, broker: Any) -> None:
    runner.send(audience="api://other&x=1")
    (asked,) = broker.asked("/token")
    assert asked.path == "/token?api-version=2.0&audience=api%3A%2F%2Fother%26x%3D1"
    assert asked.headers["authorization"] == "Bearer runner-secret"


def test_every_output_is_written(runner: Any) -> None:
    outputs = runner.send(payload="[1]").outputs
    assert outputs == {
        "event-id": "evt-1",
        "status": "success",
        "consumers-notified": "2",
        "correlation-id": "42",
        "message-id": outputs["message-id"],
        "payload-bytes": "3",
        "payload-sha256": hashlib.sha256(b"[1]").hexdigest(),
        "error-code": "",
    }


def test_a_message_that_was_stored_before_is_a_success(runner: Any, broker: Any, reply: Any) -> None:
    receipt = {"success": True, "eventId": "evt-1", "consumersNotified": 0, "correlationId": "42", "message": ""}
    broker.reply(RECEIVE, reply(200, receipt))
    done = runner.send()
    assert (done.code, done.outputs["status"]) == (0, "success")
    assert "had it already" in done.log


def test_the_correlation_id_is_the_run_whatever_is_answered(runner: Any, broker: Any, reply: Any) -> None:
    broker.reply(RECEIVE, reply(202, {"eventId": "evt-1", "consumersNotified": 0, "correlationId": "a\n::error::b"}))
    assert runner.send().outputs["correlation-id"] == "42"


@pytest.mark.parametrize("payload", ["null", "0", '"text"', "[]", '{"a": 1.10, "b": 1e2}', '  {"z":1,\n"a":"\\u0000"}'])
def test_the_bytes_arrive_as_they_were_given(runner: Any, broker: Any, payload: str) -> None:
    done = runner.send(payload=payload)
    assert done.code == 0, done.log
    assert broker.asked(RECEIVE)[0].body.endswith(b', "payload":' + payload.encode() + b"}")
    assert done.outputs["payload-sha256"] == hashlib.sha256(payload.encode()).hexdigest()


def test_without_a_payload_an_empty_object_goes(runner: Any, broker: Any) -> None:
    done = runner.send(environ={"INPUT_PAYLOAD": "{}"})
    assert done.code == 0
    assert sent_body(broker)["payload"] == {}


def test_the_largest_file_passes_and_one_byte_more_does_not(runner: Any, broker: Any) -> None:
    raw = b'"' + b"a" * (MAX_PAYLOAD_BYTES - 2) + b'"'
    (runner.workspace / "message.json").write_bytes(raw)
    done = runner.send(payload_file="message.json")
    assert done.code == 0, done.log
    assert broker.asked(RECEIVE)[0].body.endswith(raw + b"}")
    (runner.workspace / "message.json").write_bytes(raw + b"\n")
    done = runner.send(payload_file="message.json")
    assert (done.code, done.outputs["error-code"]) == (1, "payload_too_large")
    assert "524,289" in done.log


def test_the_message_id_is_the_same_for_the_same_message_alone(runner: Any) -> None:
    first = runner.send(payload="[1]").outputs["message-id"]
    again = runner.send(payload="[1]").outputs["message-id"]
    others = [
        runner.send(payload="[2]").outputs["message-id"],
        runner.send(payload="[1]", event_type="other").outputs["message-id"],
        runner.send({"GITHUB_RUN_ATTEMPT": "2"}, payload="[1]").outputs["message-id"],
        runner.send({"GITHUB_JOB": "other"}, payload="[1]").outputs["message-id"],
        runner.send({"GITHUB_ACTION": "__zekt_2"}, payload="[1]").outputs["message-id"],
    ]
    assert first == again
    assert len({first, *others}) == 6


def test_a_run_that_zekt_started_says_by_which_delivery(runner: Any, broker: Any) -> None:
    runner.event({"client_payload": {"zekt": {"correlationId": "7", "deliveryId": "delivery-9"}}})
    runner.send()
    assert sent_body(broker)["causation"] == {"correlationId": "7", "deliveryId": "delivery-9"}


TRACE = f"00-{'ab' * 16}-{'cd' * 8}-01"


def test_the_trace_of_the_delivery_that_started_the_run_goes_along(runner: Any, broker: Any) -> None:
    runner.event({"client_payload": {"zekt": {"correlationId": "7", "deliveryId": "delivery-9", "traceparent": TRACE}}})
    runner.send()
    body = sent_body(broker)
    assert body["causation"] == {"correlationId": "7", "deliveryId": "delivery-9", "traceparent": TRACE}
    assert "traceparent" not in body


def test_the_job_s_own_trace_goes_along_as_tools_set_it(runner: Any, broker: Any) -> None:
    runner.send({"TRACEPARENT": TRACE})
    assert sent_body(broker)["traceparent"] == TRACE


@pytest.mark.parametrize(
    "text", ["", "00-1-2-3", TRACE.upper(), TRACE + "\n", f"00-{'0' * 32}-{'cd' * 8}-01", "x" * 9999]
)
def test_what_is_no_trace_context_is_left_out_and_not_shown(runner: Any, broker: Any, text: str) -> None:
    runner.event({"client_payload": {"zekt": {"correlationId": "7", "traceparent": text}}})
    done = runner.send({"TRACEPARENT": text})
    body = sent_body(broker)
    assert done.code == 0
    assert "traceparent" not in body
    assert body["causation"] == {"correlationId": "7"}
    assert not text or text not in done.log


@pytest.mark.parametrize("zekt", ["text", {"correlationId": "a\nb", "deliveryId": 7}, {"deliveryId": "x" * 101}, None])
def test_hostile_ids_of_an_event_are_left_out(runner: Any, broker: Any, zekt: Any) -> None:
    runner.event({"client_payload": {"zekt": zekt}})
    assert runner.send().code == 0
    assert "causation" not in sent_body(broker)


def test_nothing_secret_and_nothing_of_the_message_is_shown(runner: Any) -> None:
    for payload in ('{"password": "hunter2"}', '{"password": "hunter2"', '["hunter2", NaN]'):
        done = runner.send(payload=payload)
        log = "\n".join(line for line in done.log.splitlines() if not line.startswith("::add-mask::"))
        for shown in (log, done.summary, str(done.outputs)):
            assert "hunter2" not in shown
            assert "runner-secret" not in shown
            assert "signature1" not in shown


def test_all_secrets_are_masked_before_anything_else(runner: Any) -> None:
    lines = runner.send().log.splitlines()
    assert [line.removeprefix("::add-mask::") for line in lines[:3]] == [
        "runner-secret",
        runner.environ["ACTIONS_ID_TOKEN_REQUEST_URL"],
        "header.body.signature1",
    ]


def test_the_summary_tells_a_success(runner: Any) -> None:
    summary = runner.send(event_type="a|b<c>`d`").summary
    assert "### Zekt: message sent" in summary
    assert "<code>a&#124;b&lt;c&gt;&#96;d&#96;</code>" in summary
    assert "evt-1" in summary


def test_a_failure_is_told_in_summary_outputs_and_annotation(runner: Any) -> None:
    done = runner.send(payload="{")
    assert done.code == 1
    assert done.outputs["status"] == "failed"
    assert done.outputs["error-code"] == "payload_not_json"
    assert done.outputs["correlation-id"] == "42"
    assert "### Zekt: The message is not JSON" in done.summary
    assert "::error title=Zekt%3A The message is not JSON::" in done.log


def test_a_failure_may_be_a_warning(runner: Any) -> None:
    done = runner.send(payload="{", fail_on_error="false")
    assert done.code == 0
    assert "::warning title=" in done.log
    assert "::error" not in done.log
    assert (done.outputs["status"], done.outputs["error-code"]) == ("failed", "payload_not_json")


def test_inputs_may_come_without_hyphens(runner: Any, broker: Any) -> None:
    environ = {"INPUT_EVENT_TYPE": "from-mapping", "INPUT_PAYLOAD": "[7]"}
    done = runner.finish(runner.start_bare(environ))
    assert done.code == 0, done.log
    assert sent_body(broker)["eventType"] == "from-mapping"


def test_a_json_module_in_the_workspace_is_not_imported(runner: Any) -> None:
    (runner.workspace / "json.py").write_text("raise SystemExit('hijacked')")
    done = runner.send()
    assert done.code == 0, done.log


def test_runner_files_that_cannot_be_written_do_not_hide_the_result(runner: Any) -> None:
    done = runner.send({"GITHUB_OUTPUT": str(runner.folder)})
    assert done.code == 0
    assert "::warning title=Zekt%3A outputs not written::" in done.log
