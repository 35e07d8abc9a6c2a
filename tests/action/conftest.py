"""What the action's tests share."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest


def _pythons() -> Iterator[str]:
    """Where a Python 3.9 may be: on the path, from pyenv, or in a GitHub runner's tool cache."""
    if found := shutil.which("python3.9"):
        yield found
    pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv"))
    cache = Path(os.environ.get("RUNNER_TOOL_CACHE", "/opt/hostedtoolcache"))
    yield from map(str, sorted(pyenv.glob("versions/3.9.*/bin/python")))
    yield from map(str, sorted(cache.glob("Python/3.9.*/x64/bin/python")))


@pytest.fixture(scope="session")
def old_python() -> str:
    """A Python 3.9, the oldest that confirm and complete promise to run on."""
    for candidate in _pythons():
        asked = subprocess.run([candidate, "--version"], check=False, capture_output=True)
        if asked.stdout.startswith(b"Python 3.9."):
            return candidate
    pytest.skip("no Python 3.9 on this machine: install one to run this")
