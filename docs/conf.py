"""The site of these pages: `make site`. They are written for GitHub, and read there as they are."""

import re
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING

from pygments.lexers.special import TextLexer

if TYPE_CHECKING:
    from sphinx.application import Sphinx

DOCS = Path(__file__).resolve().parent
ROOT = DOCS.parent
REPOSITORY = "https://github.com/zekt-dev-org/zekt-action"

project = "Zekt"
author = "Zekt's contributors"
release = version = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]["version"]

extensions = ["myst_parser"]
myst_heading_anchors = 4  # as GitHub makes them, so that one link fits both

html_theme = "furo"
# Where a heading is on GitHub's pages is found out by a script.
linkcheck_anchors_ignore_for_url = [r"https://github\.com/"]
linkcheck_retries = 3

html_title = f"Zekt {release}"
html_copy_source = False
# A summary would be fetched from the page it is of, which no browser does from file://.
html_show_search_summary = False


def lead(app: "Sphinx", text: str, folder: Path) -> str:
    """The text with its links as the site needs them: files outside of docs/ are GitHub's pages, at `zekt_ref`."""

    def led(found: re.Match[str]) -> str:
        there = (folder / found[1]).resolve()
        if there == ROOT / "README.md":
            there = DOCS / "index.md"  # which includes it
        if not there.exists() or not there.is_relative_to(ROOT):
            return found[0]  # Sphinx will say so
        if there.is_relative_to(DOCS):
            return f"]({there.relative_to(DOCS)}{found[2]})"
        kind = "tree" if there.is_dir() else "blob"
        return f"]({REPOSITORY}/{kind}/{app.config.zekt_ref}/{there.relative_to(ROOT)}{found[2]})"

    return re.sub(r"\]\((?![a-z]+:)([^)\s#]+)(#[^)\s]*|)\)", led, text)


def read(app: "Sphinx", _page: str, source: list[str]) -> None:
    """One of our pages, before it is parsed."""
    source[0] = lead(app, source[0], DOCS)


def include(app: "Sphinx", path: Path, _page: str, source: list[str]) -> None:
    """A file that one of them includes."""
    source[0] = lead(app, source[0], (DOCS / path).resolve().parent)


def setup(app: "Sphinx") -> None:
    """Sphinx calls this."""
    app.add_config_value("zekt_ref", f"v{release}", "env", str)
    app.connect("source-read", read)
    app.connect("include-read", include)
    app.add_lexer("http", TextLexer)  # our requests are without the version that Pygments' own asks for
