"""The real action as a process of its own, with what a runner gives it."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any


def start_action(zekt: Any, run: Any, folder: Path, **inputs: str) -> subprocess.Popen[str]:
    """Start it as a runner does; what it prints and its outputs are read by the caller."""
    for name in ("output", "summary"):
        (folder / name).touch()
    environment = {
        "PATH": os.environ["PATH"],
        **run.environment(),
        "GITHUB_WORKSPACE": str(folder),
        "GITHUB_OUTPUT": str(folder / "output"),
        "GITHUB_STEP_SUMMARY": str(folder / "summary"),
        "RUNNER_TEMP": str(folder),
        "ZEKT_API_URL": zekt.url,
        "INPUT_EVENT-TYPE": "infrastructure-order",
        **{f"INPUT_{name.upper().replace('_', '-')}": value for name, value in inputs.items()},
    }
    return subprocess.Popen(
        [sys.executable, "-m", "zekt_action"],
        env={"PYTHONPATH": os.pathsep.join(sys.path), **environment},
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def outputs_of(folder: Path) -> dict[str, str]:
    """Its outputs (none here has more than one line)."""
    lines = iter((folder / "output").read_text().splitlines())
    return {line.partition("<<")[0]: next(lines) for line in lines if "<<" in line}
