"""complete: the consumer's job is over, and this is how it went."""

from __future__ import annotations

import json
import sys

from zekt_action import event, inputs, step, stops
from zekt_action.errors import ActionError
from zekt_action.limits import MAX_RESULT_BYTES
from zekt_action.receive.connect import connect, ids_body
from zekt_action.receive.inputs import Ending, ending, ids
from zekt_action.report import Report
from zekt_action.strict_json import JsonRefused, parse

OUTPUTS = ("delivery-id", "status", "error-code")


def main() -> int:
    """Complete the delivery that started this run, and tell how it went."""
    return step.run(Report(inputs.Job(), sys.stdout, OUTPUTS), _complete, fails_by_default=False)


def _complete(report: Report) -> None:
    found = event.read(report.job.event_file)
    asked = ids(event.envelope(found))
    report.note(delivery_id=asked.delivery or "", status="unknown")
    ended = ending()
    result, refusal = _try_result(ended, report)
    broker = connect(report, found)
    head = {**ids_body(asked), "success": ended.success, "conclusion": ended.conclusion}
    answer = broker.acknowledge("complete", _body(head, result))
    report.note(delivery_id=answer.delivery_id, status=answer.status)
    stops.ignore()
    if refusal is not None:
        raise refusal
    report.succeeded("Zekt: delivery completed", f"Completed {answer.delivery_id}: {answer.status}. {answer.text}")


def _body(head: dict[str, object], result: bytes) -> bytes:
    """The result goes in as it was written."""
    text = json.dumps(head).encode()
    return text[:-1] + b', "result": ' + result + b"}" if result else text


def _try_result(ended: Ending, report: Report) -> tuple[bytes, ActionError | None]:
    """A result that does not fit is told after the completion: the delivery must end all the same."""
    try:
        return _result(ended, report), None
    except ActionError as error:
        return b"", error


def _result(ended: Ending, report: Report) -> bytes:
    if ended.result and ended.result_file:
        raise ActionError("result_invalid", "Both `result` and `result-file` are given.")
    raw = ended.result
    if ended.result_file:
        from zekt_action import files  # noqa: PLC0415 - as in payload.py

        raw = files.read(ended.result_file, report.job, limit=MAX_RESULT_BYTES)
    elif not raw:
        return b""
    try:
        parse(raw, max_bytes=MAX_RESULT_BYTES)
    except JsonRefused as refused:
        raise ActionError("result_invalid", refused.detail) from None
    return raw
