"""`ZEKT_TEST_REQUIRE=all` leaves no way to skip, and changes nothing else."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

SKIPS = {
    "a test": "import pytest\ndef test_a(): pytest.skip('no engine here')",
    "a fixture": "import pytest\n@pytest.fixture\ndef a(): pytest.skip('no engine here')\ndef test_a(a): ...",
    "a mark": "import pytest\n@pytest.mark.skip(reason='no engine here')\ndef test_a(): ...",
    "a module": "import pytest\npytest.skip('no engine here', allow_module_level=True)",
}
OTHERS = {
    "a pass": "def test_a(): ...",
    "an expected failure": "import pytest\n@pytest.mark.xfail\ndef test_a(): assert False",
}


def run(root: Path, folder: Path, source: str, require: str) -> subprocess.CompletedProcess[str]:
    """Runs pytest on `source` below a copy of our conftest."""
    shutil.copy(root / "tests/conftest.py", folder / "conftest.py")
    (folder / "test_it.py").write_text(source, encoding="utf-8")
    (folder / "pytest.ini").write_text(f"[pytest]\npythonpath = {root / 'tests'} {root / 'src'}\n", encoding="utf-8")
    return subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(folder)],
        cwd=folder,
        env={**os.environ, "ZEKT_TEST_REQUIRE": require},
        check=False,
        capture_output=True,
        text=True,
        timeout=60,
    )


@pytest.mark.parametrize("source", SKIPS.values(), ids=SKIPS)
def test_a_skip_fails_where_everything_is_required(root: Path, tmp_path: Path, source: str) -> None:
    done = run(root, tmp_path, source, "all")
    assert done.returncode != 0
    assert "ZEKT_TEST_REQUIRE=all forbids this skip" in done.stdout
    assert "no engine here" in done.stdout


@pytest.mark.parametrize("source", SKIPS.values(), ids=SKIPS)
def test_a_skip_is_one_elsewhere(root: Path, tmp_path: Path, source: str) -> None:
    assert "1 skipped" in run(root, tmp_path, source, "").stdout


@pytest.mark.parametrize("source", OTHERS.values(), ids=OTHERS)
def test_everything_else_is_as_it_was(root: Path, tmp_path: Path, source: str) -> None:
    assert run(root, tmp_path, source, "all").returncode == 0
