"""Every command, workflow, setup file and request that our pages show would do what it says.

A block's language says what is done with it (CHECKS). What has none of these is no block of ours: give it the language
of what it is, or teach the check. Some are run besides, word for word, by the tests that RUN names.
"""

import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from zekt_testing import shell, snippets
from zekt_testing.pages import Block, Page

RUN = {
    ("docs/onboarding.md", "http"): "tests/onboarding/recipe.py",
    ("docs/onboarding.md", "sh"): "tests/onboarding/recipe.py",
    ("docs/answering.md", "sh"): "tests/onboarding/recipe.py",
    ("docs/tutorial.md", "sh"): "tests/laptop/test_tutorial.py",
    ("docs/sandbox.md", "bash"): "tests/sandbox/test_recipe.py",
    ("docs/sandbox.md", "python"): "tests/sandbox/test_from_python.py",
    ("docs/notices.md", "http"): "tests/notices/test_webhook.py",
    ("docs/notices.md", "python"): "tests/documents/test_snippets.py",
    ("docs/notices.md", "javascript"): "tests/documents/test_snippets.py",
    ("docs/upgrading.md", "sql"): "tests/documents/test_snippets.py",
}
"""Blocks that are run as they stand: (page, language), and by whom."""

Checked = dict[Block, str]
"""What is wrong with each block; empty: nothing."""


def _commands(blocks: list[Block], _: Path) -> Checked:
    """Each command exists and takes these arguments; the whole is a script as bash reads it."""
    return {block: _of_script(shell.typed(block.language, block.text)) for block in blocks}


def _of_script(script: str) -> str:
    read = subprocess.run(["bash", "-n"], input=script, check=False, capture_output=True, text=True, timeout=30)
    functions = set(re.findall(r"\b(\w+)\(\)", script))
    return read.stderr or "; ".join(why for words in shell.commands(script) if (why := shell.problem(words, functions)))


# Workflows that are shown for what is not to be written any more: a page, and what only those have in it.
_AS_IT_WAS = {"docs/migrating.md": "zekt_run_id:"}


def _yaml(blocks: list[Block], folder: Path) -> Checked:
    """By what it is: GitHub's schema, our linter and our actions' inputs; our parser of setup files; our endpoints."""
    found: Checked = {}
    by_schema: dict[str, dict[Path, Block]] = {"workflow": {}, "action": {}}
    for number, block in enumerate(blocks):
        try:
            kind, whole = snippets.kind_of_yaml(block.text)
        except yaml.YAMLError as error:
            found[block] = str(error)
            continue
        file = folder / f"{number}.yml"
        file.write_text(whole, encoding="utf-8")
        if kind in by_schema:
            by_schema[kind][file] = block
        elif kind == "setup":
            found[block] = snippets.setup_problem(file)
        elif kind == "prometheus":
            found[block] = snippets.prometheus_problem(whole)
        else:
            found[block] = "neither a workflow, an action nor a setup file, nor a part of one"
    for kind, files in by_schema.items():
        found |= _by_schema(kind, files)
    for file, block in by_schema["workflow"].items():
        if not found[block] and _AS_IT_WAS.get(str(block.page), "\0") not in block.text:
            found[block] = snippets.workflow_problem(file.read_text("utf-8"))
    return found


def _by_schema(kind: str, files: dict[Path, Block]) -> Checked:
    if not files:
        return {}
    command = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", f"vendor.github-{kind}s"]
    done = subprocess.run([*command, *map(str, files)], check=False, capture_output=True, text=True, timeout=120)
    assert done.returncode in (0, 1), done.stderr
    said = done.stdout.splitlines()
    wrong = {block: "; ".join(line.strip() for line in said if str(file) in line) for file, block in files.items()}
    assert any(wrong.values()) == bool(done.returncode), done.stdout
    return wrong


def _json(blocks: list[Block], _: Path) -> Checked:
    return {block: snippets.json_problem(block) for block in blocks}


def _ini(blocks: list[Block], _: Path) -> Checked:
    return {block: snippets.ini_problem(block.text) for block in blocks}


def _http(blocks: list[Block], _: Path) -> Checked:
    """A request to the API. One with HTTP's version is sent by the broker: a whole one, with its headers."""
    return {
        block: _run(block) if re.match(r"\w+ \S+ HTTP/", block.text) else snippets.http_problem(block.text)
        for block in blocks
    }


def _only_run(blocks: list[Block], _: Path) -> Checked:
    return {block: _run(block) for block in blocks}


def _run(block: Block) -> str:
    return "" if (str(block.page), block.language) in RUN else "no test runs it: write one, and name it in RUN"


def _of_the_site(blocks: list[Block], _: Path) -> Checked:
    """Its front page and table of contents, which tests/laws/test_links.py and tests/documents read."""
    return {block: "" if block.page == Path("docs/index.md") else "only docs/index.md has these" for block in blocks}


CHECKS: dict[str, Callable[[list[Block], Path], Checked]] = {
    "sh": _commands,
    "bash": _commands,
    "console": _commands,
    "text": _commands,  # what is printed, or a drawing: only the lines behind `$ ` are run
    "yaml": _yaml,
    "json": _json,
    "ini": _ini,
    "http": _http,
    "python": _only_run,
    "javascript": _only_run,
    "sql": _only_run,
    "{toctree}": _of_the_site,
    "{include} ../README.md": _of_the_site,
}


@pytest.fixture(scope="module")
def pages(texts: dict[Path, str]) -> list[Page]:
    """All that users and contributors read."""
    return [Page(path, text) for path, text in texts.items() if path.suffix == ".md" and path.parts[0] != "tests"]


@pytest.fixture(scope="module")
def blocks(pages: list[Page]) -> list[Block]:
    return [block for page in pages for block in page.blocks()]


def test_every_block_says_what_it_is(blocks: list[Block]) -> None:
    assert len(blocks) > 50
    unknown = [str(block) for block in blocks if block.language not in CHECKS]
    assert not unknown, "\n".join(unknown)


@pytest.mark.parametrize("language", CHECKS)
def test_every_block_would_do_what_it_says(blocks: list[Block], language: str, tmp_path: Path) -> None:
    ours = [block for block in blocks if block.language == language]
    checked = CHECKS[language](ours, tmp_path)
    assert set(checked) == set(ours), "a block was passed over"
    assert ours, "there is no such block any more: take its check out"
    wrong = [f"{block}: {why}" for block, why in checked.items() if why]
    assert not wrong, "\n".join(wrong)


def test_every_command_that_is_spoken_of_is_there_with_its_options(pages: list[Page]) -> None:
    spoken = [(page.path, line, code) for page in pages for line, code in page.code() if page.path.stem != "CHANGELOG"]
    ours = [each for each in spoken if re.match(r"(\S*/)?(zekt|make) [a-z-]", each[2])]
    assert len(ours) > 100
    wrong = [
        f"{path}:{line}: {why}"
        for path, line, code in ours
        if (why := shell.make(code.split()[1:]) if code.startswith("make") else shell.zekt_options(code))
    ]
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize(("page", "language"), RUN)
def test_what_is_said_to_run_a_block_names_its_page(root: Path, blocks: list[Block], page: str, language: str) -> None:
    assert Path(page).name in (root / RUN[page, language]).read_text("utf-8")
    assert (Path(page), language) in {(block.page, block.language) for block in blocks}, (
        "it is gone: take it out of RUN"
    )


def test_what_the_readme_lets_readers_try_on_a_laptop_is_in_the_tutorial_that_is_run(blocks: list[Block]) -> None:
    tutorial = _typed(blocks, "docs/tutorial.md")
    tried = _typed([block for block in blocks if block.section.startswith("Try it on your laptop")], "README.md")
    assert len(tried) > 5
    assert [words for words in tried if words not in tutorial] == []


def _typed(blocks: list[Block], page: str) -> list[list[str]]:
    texts = [block.text for block in blocks if str(block.page) == page and block.language == "sh"]
    return [words for text in texts for words in shell.commands(text)]
