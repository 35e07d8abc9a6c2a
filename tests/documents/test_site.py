"""`make site`: every page, searchable, from a folder, and nothing of it from elsewhere."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, Request

from zekt_testing.browser import chromium

# What a browser fetches by itself; `<a href>` waits for a click.
_FETCHED = re.compile(
    r"<(?:script|img|iframe|source|audio|video|embed)\b[^>]*?\bsrc=[\"']([^\"']+)"
    r"|<link\b(?=[^>]*\brel=[\"'](?:stylesheet|icon|preload|preconnect|manifest))[^>]*?\bhref=[\"']([^\"']+)"
    r"|url\([\"']?([^\"')]+)|@import\s+[\"']([^\"']+)"
)


@pytest.fixture(scope="module")
def window(site: Path) -> Iterator[Page]:
    """A browser before the site as files, which notices whatever else is asked for."""
    asked: list[str] = []
    complaints: list[str] = []

    def hear(request: Request) -> None:
        asked.append(request.url)

    with chromium() as browser:
        page = browser.new_page()
        page.on("request", hear)
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("console", lambda said: complaints.append(said.text) if said.type in ("error", "warning") else None)
        yield page
    assert [url for url in asked if not url.startswith((site.as_uri(), "data:"))] == []
    assert complaints == []


def test_every_page_of_the_documents_is_a_page_of_the_site(root: Path, site: Path) -> None:
    assert {path.stem for path in (root / "docs").glob("*.md")} <= {path.stem for path in site.glob("*.html")}


def test_no_page_and_no_style_fetches_anything_from_elsewhere(site: Path) -> None:
    files = [path for path in site.rglob("*") if path.suffix in (".html", ".css")]
    fetched = [
        (str(path.relative_to(site)), target)
        for path in files
        for found in _FETCHED.findall(path.read_text("utf-8"))
        for target in found
        if target
    ]
    assert len(fetched) > 100
    assert [
        (path, target) for path, target in fetched if re.match(r"(?!data:)([a-z]+:)?//|(?!data:)[a-z]+:", target)
    ] == []


def test_a_link_to_a_file_of_ours_outside_the_documents_leads_to_githubs_page_of_it(site: Path) -> None:
    at_github = r'href="https://github\.com/zekt-dev-org/zekt-action/blob/v[\d.]+/examples/'
    assert re.search(at_github, (site / "setup.html").read_text("utf-8"))
    assert re.search(at_github, (site / "index.html").read_text("utf-8"))


def test_the_front_page_is_the_readme_and_others_lead_to_its_sections(site: Path) -> None:
    front = (site / "index.html").read_text("utf-8")
    assert 'id="run-the-broker"' in front
    assert 'href="errors.html"' in front
    assert 'href="index.html#run-the-broker"' in (site / "operating.html").read_text("utf-8")


def test_a_heading_has_the_anchor_that_it_has_at_github(site: Path) -> None:
    assert 'id="post-apigithubwebhooks"' in (site / "protocol.html").read_text("utf-8")


def test_search_finds_a_page_with_nothing_but_the_files(site: Path, window: Page) -> None:
    window.goto((site / "index.html").as_uri())
    window.get_by_placeholder("Search").first.fill("claim check")
    window.get_by_placeholder("Search").first.press("Enter")
    window.locator("#search-results").get_by_role("link", name="The wire", exact=True).wait_for()
