"""Everything that `make bench` starts still does start, and is accepted. What it measures so tells nothing."""

import os
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest

from zekt_bench.figures import Report, Row
from zekt_bench.size import SHORT
from zekt_bench.work.image import Image
from zekt_bench.work.soak import Sample, slopes, soak

_EVENTS = "event → dispatch"


@pytest.mark.long
def test_a_little_of_what_uses_all_of_it_is_accepted(root: Path, tmp_path: Path) -> None:
    """Events to their dispatch, and the steps: messages, tokens, workers and the sink are among it.

    What is left out does the same in other numbers, each on a broker of its own: its start takes longer than the work.
    """
    told = tmp_path / "told.json"
    done = subprocess.run(
        [sys.executable, "-m", "zekt_bench", "--short", "--runs", "1", "--only", "latency,steps", "--json", str(told)],
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(root / "src"), str(root / "benchmarks")])},
        cwd=root,
        check=False,
        capture_output=True,
        text=True,
        timeout=600,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    report = msgspec.json.decode(told.read_bytes(), type=Report)
    assert report.complete
    (rows,) = report.runs
    assert {row.work for row in rows} == {_EVENTS, "step"}
    assert _amiss(rows) == []
    # A ratio is of two rows that are there.
    assert [row for row in rows if row.than and (row.work, row.than, row.who) not in report.works()] == []


def _amiss(rows: list[Row]) -> list[Row]:
    return [row for row in rows if row.failed or not (row.seconds > 0 and row.memory and row.cpu_sum_each > 0)]


@pytest.mark.docker
@pytest.mark.long
@pytest.mark.usefixtures("docker")
def test_the_image_is_built_run_and_weighed(base_image: str) -> None:
    rows = {row.how: row for row in Image(base_image)(SHORT)}
    assert [row.missing or row for row in rows.values() if row.missing or row.failed] == []
    ours, packed = rows["all above the base"].memory["image"], rows["all above the base, compressed"].memory["image"]
    assert 0 < packed < ours
    assert rows["docker run, 512 KB"].cpu_each["container"] > 0


def test_without_docker_a_row_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    (row,) = Image(None)(SHORT)
    assert (row.work, row.missing) == ("image", "there is no docker command here")


@pytest.mark.long
def test_a_soak_tells_of_memory_tables_and_what_is_due() -> None:
    rows = {row.how: row for row in soak(msgspec.structs.replace(SHORT, soak_seconds=3))}
    assert [row for row in rows.values() if row.failed] == []
    assert rows["20/s, fan-out 1, 1 worker"].items == 60
    assert rows["age of the oldest due"].max is not None
    for how in ("api: MB more in an hour", "worker: MB more in an hour"):
        assert rows[how].memory
    for what in ("rows", "indexes"):
        kept, anew = (rows[f"deliveries: its {what}{how}"].memory["deliveries"] for how in ("", ", written anew"))
        assert kept >= anew > 0


def test_growth_of_memory_is_told_for_an_hour_and_without_the_start() -> None:
    grown = [Sample(float(at), {"api": 80 + at / 60, "load": 5.0}, 0.0) for at in range(60)]
    grown[0] = Sample(0.0, {"api": 30.0, "load": 5.0}, 0.0)
    assert slopes(grown) == {"api": pytest.approx(60)}
