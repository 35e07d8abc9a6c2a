"""A cancelled run ends promptly and says so."""

import signal
import time
from typing import Any

import pytest

pytestmark = pytest.mark.usefixtures("each_front")


@pytest.mark.alone
@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_cancel_in_the_middle_of_a_try_is_told(
    runner: Any, broker: Any, reply: Any, number: signal.Signals, code: int
) -> None:
    broker.reply("/api/events/receive", reply(hang=True))
    process = runner.start_send()
    assert broker.arrived_at("/api/events/receive", 10)
    started = time.monotonic()
    process.send_signal(number)
    done = runner.finish(process)
    assert time.monotonic() - started < 2
    assert done.code == code
    assert (done.outputs["status"], done.outputs["error-code"]) == ("failed", "cancelled")
    assert "::error title=Zekt%3A The run was cancelled::" in done.log
    assert "Traceback" not in done.log


def test_a_cancel_between_two_tries_is_told(runner: Any, broker: Any, reply: Any) -> None:
    broker.reply("/api/events/receive", reply(503, "", {"retry-after": "20"}))
    process = runner.start_send()
    assert process.stdout is not None
    for line in process.stdout:
        if line.startswith(b"Try 1"):
            break
    process.send_signal(signal.SIGTERM)
    assert runner.finish(process).code == 143
