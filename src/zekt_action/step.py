"""One step from start to exit code, whatever happens in between: the frame of send, confirm and complete. 3.9."""

from __future__ import annotations

from collections.abc import Callable

from zekt_action import commands, inputs, stops
from zekt_action.errors import ActionError
from zekt_action.report import Report
from zekt_action.tries import Deadline

_GRACE_SECONDS = 1.0
"""The alarm rings so long after the deadline, for whatever did not see it by itself."""


class NothingToDoError(ActionError):
    """The run is none of Zekt's: said as a notice, and the step succeeds."""


def run(report: Report, work: Callable[[Report], None], *, fails_by_default: bool) -> int:
    """Do the work and return the exit code: 0, 1, or 128 + signal when the runner cancels.

    Args:
        report: has the outputs; every end is told through it.
        work: raises what goes wrong.
        fails_by_default: what `fail-on-error` means where it is not given.
    """
    try:
        stops.catch_cancel()
        commands.never_fail_to_write(report.out)
        report.mask(report.job.oidc_secret)
        report.mask(report.job.oidc_url)
        return _work(report, work, fails_by_default=fails_by_default)
    # Around everything, for the runner may cancel in the first line, or while another end is being told.
    except stops.CancelledError as cancelled:
        report.failed(ActionError("cancelled", "The runner cancelled this step."), level="error")
        return cancelled.exit_code


def _work(report: Report, work: Callable[[Report], None], *, fails_by_default: bool) -> int:
    strict = True
    try:
        strict = inputs.fail_on_error(default=fails_by_default)
        work(report)
    except NothingToDoError as nothing:
        stops.ignore()
        report.skipped(nothing)
    except (Exception, stops.AlarmError) as error:  # noqa: BLE001 - the last resort, so that each end is told
        stops.ignore()
        report.failed(_told(error), level="error" if strict else "warning")
        return int(strict)
    return 0


def start_clock(seconds: float) -> Deadline:
    """Start the one deadline of the step, and the alarm behind it."""
    stops.set_alarm(seconds + _GRACE_SECONDS)
    return Deadline(seconds)


def _told(error: BaseException) -> ActionError:
    if isinstance(error, ActionError):
        return error
    if isinstance(error, stops.AlarmError):
        return ActionError("deadline", "The time was up in the middle of a try.")
    # Imported here: every step would wait for it, and hardly one needs it.
    from traceback import extract_tb  # noqa: PLC0415

    # The text of an unforeseen error may hold content, so only its kind and place are told.
    frame = extract_tb(error.__traceback__)[-1]
    place = f"{frame.filename.replace(chr(92), '/').rpartition('/')[2]}:{frame.lineno}"
    return ActionError("internal", f"{type(error).__name__} at {place}.")
