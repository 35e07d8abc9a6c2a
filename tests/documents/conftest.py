"""The site, built once."""

import subprocess
import sys
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def site(root: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What `make site` makes: a warning, such as of a link that leads nowhere, is an error."""
    folder = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", "sphinx", "-b", "html", *_options(root), "-d", str(folder / "doctrees")]
    done = subprocess.run(
        [*command, "docs", str(folder / "html")],
        cwd=root,
        check=False,
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    return folder / "html"


def _options(root: Path) -> list[str]:
    """As they stand in the Makefile."""
    (line,) = (
        line for line in (root / "Makefile").read_text("utf-8").splitlines() if line.startswith("SITE_OPTIONS := ")
    )
    return line.partition(" := ")[2].split()
