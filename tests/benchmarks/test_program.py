"""What the program itself does: what it keeps, what it says of a work that fails, and what a log has of its tables."""

import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import msgspec
import pytest

from zekt_bench import disk
from zekt_bench.__main__ import main, measure, show
from zekt_bench.accounting import Cost
from zekt_bench.figures import Report, Row, row

COST = Cost(seconds=2.0, cpu={"api": 0.4, "postgres": 0.1}, others=0.0, wal=5000, transactions=20)
linux = pytest.mark.skipif(sys.platform != "linux", reason="mounts and what lies in memory are named as Linux does")


def _row(how: str, **more: str) -> Row:
    return row("webhook", how, "webhook", 10, COST, rate=1234.5, **more)


def _begun() -> Report:
    return Report(command="", machine={"at": "now", "commit": "abc", "cores": 2}, runs=[], complete=False)


def _stored(file: Path) -> Report:
    return msgspec.json.decode(file.read_bytes(), type=Report)


def _hows(report: Report) -> list[list[str]]:
    return [[each.how for each in run] for run in report.runs]


def test_each_row_is_on_disk_before_the_next_is_measured(tmp_path: Path) -> None:
    file = tmp_path / "build/told.json"
    seen = []

    def work() -> Iterator[Row]:
        for how in ("c=1", "c=16"):
            seen.append(_hows(_stored(file)))
            assert not _stored(file).complete
            yield _row(how)

    measure(_begun(), {"webhooks": work}, 2, file)
    assert seen == [[], [["c=1"]], [["c=1", "c=16"]], [["c=1", "c=16"], ["c=1"]]]
    assert _hows(_stored(file)) == [["c=1", "c=16"]] * 2
    assert _stored(file).complete
    assert [path.name for path in file.parent.iterdir()] == ["told.json"]


def test_what_was_measured_before_a_work_failed_is_kept_and_shown(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """In the second run, with a row that the first has in ratio to another."""
    file = tmp_path / "told.json"
    begun: list[str] = []

    def first() -> Iterator[Row]:
        yield _row("c=1")
        begun.append("first")
        if len(begun) > 2:
            raise TimeoutError("3 of 5 dispatches in 90 s")
        yield _row("c=1, full", than="c=1")

    def second() -> Iterator[Row]:
        begun.append("second")
        yield _row("c=16")

    report = _begun()
    measure(report, {"growth": first, "webhooks": second}, 3, file)
    assert begun == ["first", "second", "first"]
    assert _stored(file) == report
    assert _hows(report) == [["c=1", "c=1, full", "c=16"], ["c=1"]]
    assert not report.complete
    told = capsys.readouterr().err
    assert "run 2: growth failed: TimeoutError: 3 of 5 dispatches in 90 s\n" in told
    assert f"{file} has what was measured before.\n" in told
    show(report)
    shown = capsys.readouterr().out
    assert "Not complete" in shown
    assert shown.count("c=1, full") == 3
    assert "how many times the other" in shown


def test_a_log_has_all_of_a_table(capsys: pytest.CaptureFixture[str]) -> None:
    """As wide as the lines of a run with peers; folded or cut, a name would not stand there in one piece."""
    processes = {f"process-number-{number}": 0.1 for number in range(30)}
    how = "the same of events, from the middle on, 1,000,000 in the past"
    wide = row("webhook", how, "webhook", 10, replace(COST, cpu=processes), rate=1.0)
    show(Report(command="", machine=_begun().machine, runs=[[wide]]))
    lines = capsys.readouterr().out.splitlines()
    assert [line for line in lines if "…" in line] == []
    assert sum(how in line for line in lines) == 2
    assert [line for line in lines if all(name in line for name in processes)] != []


def _program(root: Path, file: Path, only: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Where there is no engine of Docker, so that `image` is a row which says so."""
    return subprocess.run(
        [sys.executable, "-m", "zekt_bench", "--short", "--runs", "1", "--only", only, "--json", str(file)],
        env={
            **os.environ,
            "PYTHONPATH": os.pathsep.join([str(root / "src"), str(root / "benchmarks")]),
            "DOCKER_HOST": f"unix://{file.parent}/nowhere",
            **environment,
        },
        cwd=root,
        check=False,
        capture_output=True,
        text=True,
        timeout=120,
    )


def test_a_failing_work_ends_the_program_and_an_older_report_does_not_pass_for_it(root: Path, tmp_path: Path) -> None:
    """A broker that refuses its settings."""
    file = tmp_path / "told.json"
    file.write_bytes(msgspec.json.encode(Report(command="an older one", machine={}, runs=[])))
    done = _program(root, file, "image,webhooks,steps", ZEKT_CURRENCY="euros")
    assert done.returncode == 1, done.stdout + done.stderr
    assert "run 1: webhooks failed: RuntimeError: setup failed:" in done.stderr
    assert "ZEKT_CURRENCY" in done.stderr
    assert "image: no figures: " in done.stdout
    report = _stored(file)
    assert not report.complete
    assert [[each.work for each in run] for run in report.runs] == [["image"]]
    assert ("in memory" in done.stderr) is (report.machine["filesystem"] in disk.IN_MEMORY)


@linux
def test_a_disk_that_keeps_nothing_is_told_of(root: Path, tmp_path: Path) -> None:
    done = _program(root, tmp_path / "told.json", "image", TMPDIR="/dev/shm")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "The databases will lie on tmpfs, in memory" in done.stderr
    assert "databases on tmpfs, one write and fsync 0.0" in done.stdout
    machine = _stored(tmp_path / "told.json").machine
    assert machine["filesystem"] == "tmpfs"
    assert 0 <= machine["fsync_ms"] < 0.1


@linux
@pytest.mark.parametrize("folder", [".", "/dev", "/dev/shm", "/proc/self"])
def test_the_type_of_a_file_system_is_the_one_that_df_tells(folder: str) -> None:
    told = subprocess.run(["df", "--output=fstype", folder], check=True, capture_output=True, text=True, timeout=60)
    assert disk.filesystem(Path(folder)) == told.stdout.split()[-1]


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (["--published", "nowhere"], "--published: what is not ours is measured with --peers"),
        (["--peers", "--published", "nowhere"], "--published: no action.yml in nowhere"),
    ],
)
def test_what_was_published_is_asked_for_with_peers_and_is_there(
    given: list[str], said: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["zekt-bench", *given])
    with pytest.raises(SystemExit):
        main()
    assert said in capsys.readouterr().err
