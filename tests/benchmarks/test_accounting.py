"""What a process is said to have used is what it, and all that came of it, did use."""

import subprocess
import sys
from collections.abc import Callable

import psutil  # type: ignore[import-untyped]  # it has no types
import psycopg
import pytest

from zekt_bench.accounting import Meters, cpu_seconds

BURN = """
import os, sys, time
def burn():
    while time.process_time() < 0.3:
        pass
def tell(seconds):
    print(seconds, flush=True); sys.stdin.read()
"""
ALIVE = BURN + "burn(); tell(sum(os.times()[:4]))"
REAPED = (
    BURN
    + """
if (child := os.fork()) == 0:
    burn(); os._exit(0)
os.waitpid(child, 0)
tell(sum(os.times()[:4]))
"""
)
WITH_A_CHILD = (
    BURN
    + """
before = sum(os.times()[:4])
if os.fork() == 0:
    burn(); tell(before + sum(os.times()[:4]))
sys.stdin.read()
"""
)


@pytest.mark.parametrize("program", [ALIVE, REAPED, WITH_A_CHILD], ids=["alive", "reaped", "with a child"])
def test_the_work_of_a_process_counts_once_and_so_does_that_of_its_children(program: str) -> None:
    """Whether they live or have ended. The kernel counts in hundredths, so a little may be missing of each."""
    with subprocess.Popen([sys.executable, "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        told = float(process.stdout.readline())
        used = cpu_seconds(process.pid)
        process.stdin.close()
    assert told > 0.25
    assert used == pytest.approx(told, abs=0.1)


def test_what_goes_before_a_work_is_gone_before_it_is_read(new_database: Callable[[], str]) -> None:
    url = new_database()
    with psycopg.connect(url) as connection:
        server = psutil.Process(connection.info.backend_pid).parent()
    assert server is not None
    for _ in range(5):
        before = _connections(server)
        Meters({}, url).fresh_start()
        assert _connections(server) <= before


def _connections(server: psutil.Process) -> set[int]:
    """The processes that serve somebody, told by their titles. What ends while one looks is left out."""
    seen = (each.info for each in psutil.process_iter(["pid", "ppid", "cmdline"]))
    return {each["pid"] for each in seen if each["ppid"] == server.pid and "[local]" in " ".join(each["cmdline"] or ())}


def test_of_the_database_only_what_was_written_counts(new_database: Callable[[], str]) -> None:
    url = new_database()
    meters = Meters({}, url)
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("CREATE TABLE t (x text)")
        meters.fresh_start()
        before = meters.read()
        for _ in range(3):
            connection.execute("SELECT * FROM t")
        read = meters.since(before)
        for _ in range(5):
            connection.execute("INSERT INTO t VALUES (repeat('x', 500))")
        written = meters.since(before)
    assert read.transactions == 0
    assert written.transactions == 5
    assert written.wal - read.wal >= 5 * 500
