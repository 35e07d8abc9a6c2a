"""What send does, from inputs to receipt: read, check, ask for a token, send. Standard library only, Python 3.9.

The image (`image`) and the composite (`composite`) differ in what they hand in, and in nothing else.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

from zekt_action import body, event, payload, step, stops
from zekt_action import inputs as inputs_
from zekt_action.inputs import Inputs, Job
from zekt_action.oidc import TokenSource
from zekt_action.post import Letter, Receipt, post
from zekt_action.report import Report
from zekt_action.transport import Transport

OUTPUTS = (
    "event-id",
    "status",
    "consumers-notified",
    "correlation-id",
    "message-id",
    "payload-bytes",
    "payload-sha256",
    "error-code",
)

SchemaCheck = Callable[[str, Any, Job], None]
"""Hold a message against the schema in a file.

Raises:
    ActionError: it does not fit, or the schema cannot be used.
"""


def main(connect: Callable[[], Transport], check_schema: SchemaCheck) -> int:
    """Send the message that the environment describes, and tell how it went.

    Args:
        connect: makes the HTTP client; called once the message is known to be good.
        check_schema: called where `payload-schema` is given.
    """
    job = inputs_.Job()
    report = Report(job, sys.stdout, OUTPUTS, if_failed={"status": "failed"}, known={"correlation-id": job.run_id})

    def work(report: Report) -> None:
        asked = inputs_.Inputs()
        deadline = step.start_clock(asked.timeout_seconds)
        letter, tokens = _prepare(asked, report, check_schema)
        most, mask, tell = asked.max_attempts, report.mask, report.say
        receipt = post(letter, tokens, connect(), most=most, deadline=deadline, mask=mask, tell=tell)
        stops.ignore()
        _tell_sent(report, asked.event_type, receipt)

    return step.run(report, work, fails_by_default=True)


def _prepare(inputs: Inputs, report: Report, check_schema: SchemaCheck) -> tuple[Letter, TokenSource]:
    """Check everything that can be checked before the first call.

    Raises:
        ActionError: the message, its schema or the job's permissions do not fit.
    """
    job = report.job
    started_by = event.read(job.event_file)
    message = payload.take(inputs, job)
    report.note(payload_bytes=str(len(message.raw)), payload_sha256=message.sha256)
    if inputs.payload_schema:
        check_schema(inputs.payload_schema, message.value, job)
    name = body.message_id(job, inputs.event_type, message.sha256)
    report.note(message_id=name)
    fork = event.from_fork(started_by, job.repository)
    tokens = TokenSource(job.oidc_url, job.oidc_secret, inputs.audience, fork=fork)
    tokens.check()
    raw = body.build(inputs, job, message, name, event.causation(started_by))
    return Letter(inputs.api_url, job.repository, name, raw), tokens


def _tell_sent(report: Report, event_type: str, receipt: Receipt) -> None:
    """The message is with the broker: say so everywhere."""
    report.note(
        event_id=receipt.event_id,
        consumers_notified=str(receipt.consumers_notified),
        status="success",
    )
    before = " (it had it already)" if receipt.known_before else ""
    size, name = report.known["payload-bytes"], report.known["event-id"]
    line = f"Sent {event_type}: {size} bytes, as {name}{before}; consumers: {receipt.consumers_notified}."
    rows = {"Event type": event_type, "Tries": str(receipt.tries)}
    if receipt.redacted:
        rows["Credentials taken out"] = ", ".join(receipt.redacted)
        line += f" Credentials were taken out by the broker: {rows['Credentials taken out']}."
    report.succeeded("Zekt: message sent", line, **rows)
