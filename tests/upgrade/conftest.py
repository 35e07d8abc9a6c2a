"""Two versions on one machine: ours, and the one before, from its wheel."""

import tempfile
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def previous(root: Path) -> Iterator[Path]:
    """The previous version, unpacked: a folder for PYTHONPATH."""
    (wheel,) = (root / "tests/upgrade").glob("*.whl")
    with tempfile.TemporaryDirectory(prefix="zekt-previous-") as folder:
        zipfile.ZipFile(wheel).extractall(folder)
        yield Path(folder)


@pytest.fixture(scope="session")
def current(root: Path) -> Path:
    return root / "src"
