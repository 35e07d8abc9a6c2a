"""What a reader is told is what the code does: error codes, settings, the files a project owes its users."""

import re
from pathlib import Path

import pytest

from zekt_action import errors as action_errors
from zekt_backend import errors as backend_errors
from zekt_backend.settings import Settings

OWED = (
    "LICENSE", "README.md", "CHANGELOG.md", "CONTRIBUTING.md", "SECURITY.md", "docs/MAP.md", "docs/protocol.md",
    "docs/lifecycle.md", "docs/errors.md", "tests/README.md",
)  # fmt: skip
OF_USERS = ("README.md", "CONTRIBUTING.md", "SECURITY.md", "docs", "examples")
# Variables that stand in the documents and are no setting of the broker: the action's, the tests' and a reader's own.
OF_THE_RECEIVING_WORKFLOW = {"ZEKT_PAYLOAD_PATH", "ZEKT_RESULT_PATH", "ZEKT_DELIVERY_ID"}
OTHER_VARIABLES = {
    *("ZEKT_API_URL", "ZEKT_TEST_REQUIRE", "ZEKT_TEST_BASE_IMAGE", "ZEKT_TOKEN"),
    *OF_THE_RECEIVING_WORKFLOW,
}


@pytest.fixture(scope="module")
def error_codes() -> set[str]:
    return set(backend_errors.PROBLEMS) | set(action_errors.CODES)


@pytest.fixture(scope="module")
def settings() -> set[str]:
    return {f"ZEKT_{name.upper()}" for name in Settings.model_fields}


@pytest.mark.parametrize("name", OWED)
def test_a_document_we_owe_is_there_and_says_something(root: Path, name: str) -> None:
    assert (root / name).read_text("utf-8").strip()


def test_every_error_code_is_explained(root: Path, error_codes: set[str]) -> None:
    text = (root / "docs/errors.md").read_text("utf-8")
    assert {code for code in error_codes if f"`{code}`" not in text} == set()


def test_every_explained_error_code_exists(root: Path, error_codes: set[str]) -> None:
    """Each row of a table in docs/errors.md begins with the code it explains."""
    rows = re.findall(r"^\| *`([a-z0-9_]+)`", (root / "docs/errors.md").read_text("utf-8"), re.MULTILINE)
    assert set(rows) - error_codes == set()


def test_every_setting_is_documented(root: Path, settings: set[str]) -> None:
    text = (root / "README.md").read_text("utf-8") + _settings_page(root)
    assert {name for name in settings if not re.search(rf"\b{name}\b", text)} == set()


def test_every_documented_setting_exists(texts: dict[Path, str], settings: set[str]) -> None:
    """A `…_FILE` beside a secret is that secret's other way in."""
    pages = {path: text for path, text in texts.items() if path.suffix == ".md" and path.parts[0] in OF_USERS}
    mentioned = {
        (str(path), name)
        for path, text in pages.items()
        for name in re.findall(r"\bZEKT_[A-Z_]+[A-Z]\b", text)
        if name.removesuffix("_FILE") not in settings | OTHER_VARIABLES
    }
    assert len(pages) > 20
    assert mentioned == set()


def test_every_rule_that_can_block_is_explained_where_people_ask_why_nothing_arrived(root: Path) -> None:
    rules = set(re.findall(r'Rule\(\s*"([a-z_]+)"', (root / "src/zekt_backend/rules/policy.py").read_text("utf-8")))
    page = (root / "docs/nothing-arrived.md").read_text("utf-8").partition("| Rule |")[2].partition("\n\n")[0]
    assert rules
    assert set(re.findall(r"^\| `([a-z_]+)`", page, re.MULTILINE)) == rules


def _settings_page(root: Path) -> str:
    page = root / "docs/settings.md"
    return page.read_text("utf-8") if page.exists() else ""


def test_every_folder_of_tests_says_what_in_it_is_real(root: Path, files: list[Path]) -> None:
    text = (root / "tests/README.md").read_text("utf-8")
    folders = {path.parts[1] for path in files if path.parts[0] == "tests" and len(path.parts) > 2}
    assert {folder for folder in folders if f"| `{folder}/` |" not in text} == set()
