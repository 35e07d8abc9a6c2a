"""The frame of every step: whatever comes in between, it ends with outputs and an exit code."""

import io
import signal
import sys
from collections.abc import Iterator
from pathlib import Path
from types import FrameType
from typing import Any

import pytest

from zekt_action import step, stops
from zekt_action.errors import ActionError
from zekt_action.inputs import Job
from zekt_action.report import Report

SOURCE = Path(__file__).parents[2] / "src"
ASCII = (
    "import sys, runpy; sys.stdout.reconfigure(encoding='ascii', errors='strict'); "
    f"sys.path.insert(0, {str(SOURCE)!r}); "
)


class CancelledAtFirst(io.StringIO):
    """A log in whose first line the runner cancels."""

    def write(self, text: str) -> int:
        if not self.tell():
            super().write(" ")
            signal.raise_signal(signal.SIGINT)
        return super().write(text)


@pytest.fixture(autouse=True)
def _signals() -> Iterator[None]:
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.fixture
def report(tmp_path: Path) -> Report:
    environ = {"GITHUB_OUTPUT": str(tmp_path / "output"), "ACTIONS_ID_TOKEN_REQUEST_TOKEN": "secret"}
    return Report(Job(environ), io.StringIO(), ("error-code",))


def assert_told_as_cancelled(report: Report, code: int) -> None:
    assert code == 130
    assert report.job.output_file is not None
    assert "\ncancelled\n" in report.job.output_file.read_text()
    assert isinstance(report.out, io.StringIO)
    assert report.out.getvalue().count("::error title=Zekt%3A The run was cancelled::") == 1


def test_a_cancel_in_the_first_line_is_told(report: Report) -> None:
    report.out = CancelledAtFirst()
    assert_told_as_cancelled(report, step.run(report, lambda _: None, fails_by_default=True))


@pytest.mark.parametrize("error", [ActionError("internal", "x"), step.NothingToDoError("not_from_zekt", "x")])
def test_a_cancel_while_another_end_begins_is_told(report: Report, error: Exception) -> None:
    def cancel(frame: FrameType, event: str, _: Any) -> None:
        if event == "call" and frame.f_code is stops.ignore.__code__:
            sys.setprofile(None)
            signal.raise_signal(signal.SIGINT)

    def work(_: Report) -> None:
        sys.setprofile(cancel)
        raise error

    try:
        code = step.run(report, work, fails_by_default=True)
    finally:
        sys.setprofile(None)
    assert_told_as_cancelled(report, code)


def test_of_an_unforeseen_error_kind_and_place_are_told_and_its_text_is_not(report: Report) -> None:
    def work(_: Report) -> None:
        raise LookupError("hunter2")

    assert step.run(report, work, fails_by_default=True) == 1
    assert isinstance(report.out, io.StringIO)
    line = work.__code__.co_firstlineno + 1
    assert f"LookupError at test_step.py:{line}." in report.out.getvalue()
    assert "hunter2" not in report.out.getvalue()


def test_a_log_that_is_not_utf8_ends_no_step(runner: Any, broker: Any, reply: Any) -> None:
    send = [sys.executable, "-I", "-c", ASCII + "runpy.run_module('zekt_action', None, '__main__')"]
    done = runner.finish(runner.start(send, {"INPUT_EVENT-TYPE": "größe", "INPUT_PAYLOAD": "{}"}))
    assert (done.code, done.outputs["status"]) == (0, "success"), done.log
    assert "Sent gr\\xf6\\xdfe" in done.log
    broker.reply("/api/event-delivery/confirm", reply(403, {"code": "not_yours", "detail": "größer"}))
    launch = SOURCE / "zekt_action/launch.py"
    script = ASCII + f"sys.argv[1:] = ['confirm']; runpy.run_path({str(launch)!r}, None, '__main__')"
    done = runner.finish(runner.start([sys.executable, "-I", "-c", script], {"INPUT_CORRELATION_ID": "7"}))
    assert (done.code, done.outputs["error-code"]) == (0, "not_yours"), done.log
    assert "gr\\xf6\\xdfer" in done.log
