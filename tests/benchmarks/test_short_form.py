"""Everything that `make bench` starts still does start, and is accepted. What it measures so tells nothing."""

import os
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest

from zekt_bench.figures import Report


@pytest.mark.long
def test_a_little_of_what_uses_all_of_it_is_accepted(root: Path, tmp_path: Path) -> None:
    """Events to their dispatch, and the steps: messages, tokens, workers and the sink are among it."""
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
    rows = msgspec.json.decode(told.read_bytes(), type=Report).runs[0]
    assert {row.work for row in rows} == {"event → dispatch", "step"}
    assert [row for row in rows if row.failed or not row.cpu_sum_each > 0] == []
