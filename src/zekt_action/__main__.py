"""`python -m zekt_action`: the step, as the image starts it. Exit code 0, 1, or 128 + signal if cancelled."""

import sys
import traceback
from typing import TextIO

from zekt_action import commands, inputs, stops
from zekt_action.errors import ActionError
from zekt_action.report import Report
from zekt_action.send import prepare, send
from zekt_action.tries import Deadline

_GRACE_SECONDS = 1.0
"""The alarm rings so long after the deadline, for whatever did not see it by itself."""


def main(out: TextIO = sys.stdout) -> int:
    """Send the message that the environment describes, and tell how it went."""
    stops.catch_cancel()
    report = Report(inputs.job(), out)
    report.note(correlation_id=report.job.run_id)
    commands.mask(out, report.job.oidc_secret)
    strict = True
    try:
        strict = inputs.fail_on_error()
        _run(report)
    except stops.CancelledError as cancelled:
        report.failed(ActionError("cancelled", "The runner cancelled this step."), level="error")
        return cancelled.exit_code
    except (Exception, stops.AlarmError) as error:  # noqa: BLE001 - the last resort, so that each end is reported
        stops.ignore()
        report.failed(_told(error), level="error" if strict else "warning")
        return int(strict)
    return 0


def _run(report: Report) -> None:
    asked = inputs.read()
    deadline = Deadline(asked.timeout_seconds)
    stops.set_alarm(asked.timeout_seconds + _GRACE_SECONDS)
    letter, tokens = prepare(asked, report.job, report)
    # Imported here: a message that is refused need not wait for it.
    from zekt_action.by_requests import RequestsTransport  # noqa: PLC0415

    receipt = send(
        letter, tokens, report.out, RequestsTransport(), most=asked.max_attempts, deadline=deadline
    )
    stops.ignore()
    report.sent(asked.event_type, receipt)


def _told(error: BaseException) -> ActionError:
    if isinstance(error, ActionError):
        return error
    if isinstance(error, stops.AlarmError):
        return ActionError("deadline", "The time was up in the middle of a try.")
    # The text of an unforeseen error may hold content, so only its kind and place are told.
    frame = traceback.extract_tb(error.__traceback__)[-1]
    return ActionError(
        "internal", f"{type(error).__name__} at {frame.filename.rpartition('/')[2]}:{frame.lineno}."
    )


if __name__ == "__main__":
    sys.exit(main())
