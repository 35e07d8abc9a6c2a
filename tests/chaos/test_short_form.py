"""The short form of `make chaos`: the same program, a tenth of the items."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.long

ITEMS = 1_000
_MOST_SECONDS = 300


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """The figures of one run, made by a process of its own: coverage would slow down what it kills."""
    path: Path = tmp_path_factory.mktemp("chaos") / "figures.json"
    plain = {name: value for name, value in os.environ.items() if not name.startswith("COV")}
    done = subprocess.run(
        [sys.executable, "-m", "chaos", "--items", str(ITEMS), "--rate", "20", "--drain", "100", "--json", str(path)],
        env=plain | {"PYTHONPATH": os.pathsep.join(sys.path)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=_MOST_SECONDS,
        check=False,
    )
    assert path.exists(), done.stdout
    return dict(json.loads(path.read_text("utf-8")))


def test_nothing_acknowledged_is_lost_while_everything_is_killed(run: dict[str, Any]) -> None:
    assert run["passed"], json.dumps(run, indent=2)


def test_everything_was_killed_and_the_disk_was_trusted(run: dict[str, Any]) -> None:
    """A run in which nothing happened would prove nothing."""
    assert run["acknowledged"]["items"] >= ITEMS
    assert {name.partition("-")[0] for name in run["kills"]} == {"postgres", "api", "worker"}
    assert run["faults"] > 0
    assert {name: run["postgresql"][name] for name in ("fsync", "synchronous_commit", "full_page_writes")} == {
        "fsync": "on",
        "synchronous_commit": "on",
        "full_page_writes": "on",
    }
