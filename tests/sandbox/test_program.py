"""`zekt sandbox` as a user starts it, and ends it."""

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import requests

SANDBOX = (sys.executable, "-m", "zekt_backend.cli", "sandbox", "--port")


@pytest.fixture
def environment(root: Path) -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(root / "src"), "COLUMNS": "200", "TERM": "dumb"}


@contextmanager
def _program(command: list[str], environment: dict[str, str]) -> Iterator[subprocess.Popen[str]]:
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as process:
        try:
            yield process
        finally:
            process.kill()


def _told(process: subprocess.Popen[str]) -> list[str]:
    assert process.stdout is not None
    return [process.stdout.readline().strip() for _ in range(3)]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_it_tells_its_address_and_ends_well_on_a_signal(environment: dict[str, str], number: signal.Signals) -> None:
    with _program([*SANDBOX, "0"], environment) as process:
        url = _told(process)[1]
        answer = requests.get(url, timeout=10).json()
        process.send_signal(number)
        assert process.wait(20) == 0
        assert process.stdout is not None
        assert process.stdout.read() == "The sandbox has stopped.\n"
    assert url == f"{answer['url']}/_sandbox/info"


def test_ctrl_c_ends_it_also_where_a_script_started_it_in_the_background(environment: dict[str, str]) -> None:
    """A shell without job control lets what it starts with `&` ignore SIGINT."""
    script = ["sh", "-c", '"$@" & echo $!; wait $!', "sh", *SANDBOX, "0"]
    with _program(script, environment) as process:
        assert process.stdout is not None
        child = int(process.stdout.readline())
        _told(process)
        os.kill(child, signal.SIGINT)
        assert process.wait(20) == 0


def test_a_taken_port_is_one_sentence_and_no_traceback(environment: dict[str, str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        done = subprocess.run(
            [*SANDBOX, str(port)], env=environment, capture_output=True, text=True, timeout=30, check=False
        )
    assert done.returncode == 1
    assert (
        f"settings_invalid: The sandbox cannot listen on 127.0.0.1, port {port}: Address already in use." in done.stderr
    )
    assert "port 0 takes a free one" in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_a_number_that_is_no_port_is_a_wrong_command_line(environment: dict[str, str]) -> None:
    done = subprocess.run([*SANDBOX, "65536"], env=environment, capture_output=True, text=True, timeout=30, check=False)
    assert done.returncode == 2
    assert "Invalid value for '--port'" in done.stderr
