"""`ZEKT_TEST_REQUIRE=all` leaves no way to skip, and changes nothing else."""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

SKIPS = {
    "a_test": "import pytest\ndef test_a(): pytest.skip('no engine here')",
    "a_fixture": "import pytest\n@pytest.fixture\ndef a(): pytest.skip('no engine here')\ndef test_a(a): ...",
    "a_mark": "import pytest\n@pytest.mark.skip(reason='no engine here')\ndef test_a(): ...",
    "a_module": "import pytest\npytest.skip('no engine here', allow_module_level=True)",
}
OTHERS = {
    "a_pass": "def test_a(): ...",
    "an_expected_failure": "import pytest\n@pytest.mark.xfail\ndef test_a(): assert False",
}
Told = Callable[[str], tuple[str, str]]


@pytest.fixture(scope="module", params=["all", ""], ids=["required", "not required"])
def told(root: Path, tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest) -> tuple[str, Told]:
    """(ZEKT_TEST_REQUIRE, what pytest says of a file: kind and words), of all of them below a copy of our conftest."""
    folder = tmp_path_factory.mktemp("skips")
    shutil.copy(root / "tests/conftest.py", folder / "conftest.py")
    for name, source in {**SKIPS, **OTHERS}.items():
        (folder / f"test_{name}.py").write_text(source, encoding="utf-8")
    (folder / "pytest.ini").write_text(f"[pytest]\npythonpath = {root / 'tests'} {root / 'src'}\n", encoding="utf-8")
    options = ["-p", "no:cacheprovider", "--continue-on-collection-errors", "--junitxml", "told.xml"]
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", *options, str(folder)],
        cwd=folder,
        env={**os.environ, "ZEKT_TEST_REQUIRE": request.param},
        check=False,
        capture_output=True,
        text=True,
        timeout=60,
    )
    cases = ET.parse(folder / "told.xml").getroot().findall(".//testcase")
    assert len(cases) == len(SKIPS) + len(OTHERS), done.stdout
    assert (done.returncode == 0) is (request.param == "")

    def of(name: str) -> tuple[str, str]:
        (case,) = (each for each in cases if f"test_{name}" in (each.get("classname"), each.get("name")))
        return ("passed", "") if not len(case) else (case[0].tag, f"{case[0].get('message')} {case[0].text}")

    return request.param, of


@pytest.mark.parametrize("name", SKIPS)
def test_a_skip_is_one_unless_everything_is_required(told: tuple[str, Told], name: str) -> None:
    required, of = told
    kind, words = of(name)
    assert "no engine here" in words
    assert kind in ({"failure", "error"} if required else {"skipped"})
    assert ("ZEKT_TEST_REQUIRE=all forbids this skip" in words) is bool(required)


def test_everything_else_is_as_it_was(told: tuple[str, Told]) -> None:
    _, of = told
    assert of("a_pass") == ("passed", "")
    assert of("an_expected_failure")[0] == "skipped"
