"""Ctrl-C ends all of it, however often it is pressed, and leaves nothing behind."""

import signal
import tempfile
from collections.abc import Callable
from pathlib import Path

import pytest

from laptop.conftest import SECONDS, starting

pytestmark = pytest.mark.long


def left_behind(place: Path) -> list[str]:
    """Command lines of processes that name this folder or work in it, and what lies in it."""
    running = []
    for process in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            command = process.read_bytes().replace(b"\0", b" ").decode(errors="replace")
            where = process.with_name("cwd").readlink()
        except OSError:  # it ended while we looked
            continue
        if str(place) in f"{command} {where}":
            running.append(command)
    return [*running, *(each.name for each in place.iterdir() if each.name != "zekt-try")]


@pytest.mark.parametrize("times", [1, 2])
def test_ctrl_c_ends_everything_and_leaves_nothing(
    without_docker: dict[str, str], example: Callable[[Path], Path], times: int
) -> None:
    with tempfile.TemporaryDirectory(prefix="zl-") as name:
        place = Path(name)
        with starting(example(place), without_docker) as up:
            up.wait_for("Ctrl-C ends and forgets everything.")
            for _ in range(times):
                up.process.send_signal(signal.SIGINT)
            assert up.process.wait(SECONDS) == 0
            up.wait_for("Everything has ended, and is forgotten.")
        assert left_behind(place) == []


def test_ctrl_c_while_it_starts_ends_it_too(without_docker: dict[str, str], example: Callable[[Path], Path]) -> None:
    with tempfile.TemporaryDirectory(prefix="zl-") as name:
        place = Path(name)
        with starting(example(place), without_docker) as up:
            up.wait_for("Starting GitHub")
            up.process.send_signal(signal.SIGTERM)
            assert up.process.wait(SECONDS) == 0
        assert left_behind(place) == []
