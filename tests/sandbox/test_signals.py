"""A program that waits is ended by the first signal, whichever thread the system hands it to."""

import signal
import subprocess
import sys
from pathlib import Path

# The main thread takes no signals, so that another gets them: what the system does by itself only now and then.
_WAITS = """
import signal, threading
from concurrent.futures import Future
from zekt_sandbox.signals import ended_by_signals, until

threading.Thread(target=threading.Event().wait, daemon=True).start()
signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGINT, signal.SIGTERM])
try:
    with ended_by_signals():
        print("waiting", flush=True)
        until(Future())
except KeyboardInterrupt:
    print("ended")
"""


def test_a_signal_that_another_thread_gets_ends_the_wait_too(root: Path) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", _WAITS], stdout=subprocess.PIPE, text=True, env={"PYTHONPATH": str(root / "src")}
    ) as program:
        try:
            assert program.stdout
            assert program.stdout.readline() == "waiting\n"
            program.send_signal(signal.SIGTERM)
            assert program.communicate(timeout=60)[0] == "ended\n"
        finally:
            program.kill()
