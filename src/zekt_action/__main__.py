"""`python -m zekt_action`: the step as the image starts it. Exit code 0, 1, or 128 + signal if cancelled."""

import sys
from typing import TextIO

from zekt_action import inputs, step, stops
from zekt_action.report import Report
from zekt_action.send import prepare, send, tell_sent

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


def main(out: TextIO = sys.stdout) -> int:
    """Send the message that the environment describes, and tell how it went."""
    job = inputs.job()
    report = Report(job, out, OUTPUTS, if_failed={"status": "failed"}, known={"correlation-id": job.run_id})
    return step.run(report, _send, fails_by_default=True)


def _send(report: Report) -> None:
    asked = inputs.read()
    deadline = step.start_clock(asked.timeout_seconds)
    letter, tokens = prepare(asked, report)
    # Imported here: a message that is refused need not wait for it.
    from zekt_action.by_requests import RequestsTransport  # noqa: PLC0415

    receipt = send(letter, tokens, report, RequestsTransport(), most=asked.max_attempts, deadline=deadline)
    stops.ignore()
    tell_sent(report, asked.event_type, receipt)


if __name__ == "__main__":
    sys.exit(main())
