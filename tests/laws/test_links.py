"""Every link of ours leads somewhere: to a file that is there, and to a heading that is in it."""

import re
from pathlib import Path
from urllib.parse import unquote

import pytest

from zekt_testing.pages import Page

_LINE_OF_CODE = re.compile(r"L\d+(-L\d+)?")
# How the code writes links to the documents (`errors.DOCS`), and how anything mentions one.
_FROM_CODE = re.compile(r"\{DOCS\}/([\w-]+\.md)(?:#([\w-]+))?")
_MENTIONED = re.compile(r"(?<![\w/.-])docs/[\w-]+\.md\b")


@pytest.fixture(scope="module")
def pages(texts: dict[Path, str]) -> dict[Path, Page]:
    return {path: Page(path, text) for path, text in texts.items() if path.suffix == ".md"}


@pytest.fixture(scope="module")
def anchors(pages: dict[Path, Page]) -> dict[Path, set[str]]:
    return {path: page.anchors() for path, page in pages.items()}


def test_every_link_leads_to_a_file_and_a_heading_that_are_there(
    root: Path, pages: dict[Path, Page], anchors: dict[Path, set[str]]
) -> None:
    links = [(page, link) for page in pages.values() for link in page.links() if not _is_elsewhere(link.target)]
    assert len(links) > 200
    broken = [
        f"{page.path}:{link.line}: {link.target}: {why}"
        for page, link in links
        if (why := _what_is_wrong(root, page.path, link.target, anchors))
    ]
    assert not broken, "\n".join(broken)


def _is_elsewhere(target: str) -> bool:
    return re.match(r"[a-z][a-z0-9+.-]*:", target) is not None


def _what_is_wrong(root: Path, page: Path, target: str, anchors: dict[Path, set[str]]) -> str:
    """Empty where it leads somewhere."""
    path, _, fragment = unquote(target).partition("#")
    there = (root / page.parent / path).resolve() if path else root / page
    if path.startswith("/") or not there.is_relative_to(root):
        return "leads out of the checkout"
    if not there.exists():
        return "no such file"
    if not fragment:
        return ""
    if there.suffix == ".md":
        return "" if fragment in anchors.get(there.relative_to(root), set()) else "no such heading there"
    return "" if _LINE_OF_CODE.fullmatch(fragment) else "only pages have headings"


def test_every_page_and_heading_that_the_code_leads_to_is_there(
    texts: dict[Path, str], anchors: dict[Path, set[str]]
) -> None:
    led = {found for path, text in texts.items() if path.parts[0] == "src" for found in _FROM_CODE.findall(text)}
    assert led
    assert [(page, heading) for page, heading in led if heading and heading not in anchors[Path("docs", page)]] == []


def test_every_page_that_is_mentioned_is_there(root: Path, texts: dict[Path, str]) -> None:
    gone = {
        f"{path}: {name}"
        for path, text in texts.items()
        if path.suffix in (".md", ".py", ".yml", ".yaml", ".sh", "") and path != Path("CHANGELOG.md")
        for name in _MENTIONED.findall(text)
        if not (root / name).exists()
    }
    assert gone == set()


def test_every_page_of_the_documents_is_in_the_sites_table_of_contents(root: Path, pages: dict[Path, Page]) -> None:
    """And once: that is how readers of the site find it."""
    listed = [
        line
        for block in pages[Path("docs/index.md")].blocks()
        if block.language == "{toctree}"
        for line in block.text.splitlines()
        if line and not line.startswith(":")
    ]
    there = sorted(path.stem for path in (root / "docs").glob("*.md") if path.stem != "index")
    assert sorted(listed) == there, "docs/index.md: name each page of docs/ once, in the part where it belongs"


def test_the_readme_leads_to_every_page_of_the_documents(root: Path, pages: dict[Path, Page]) -> None:
    led = {link.target.partition("#")[0] for link in pages[Path("README.md")].links()}
    there = {f"docs/{path.name}" for path in (root / "docs").glob("*.md") if path.stem != "index"}
    assert there - led == set(), "README.md, Read on: name it where readers look for it"
