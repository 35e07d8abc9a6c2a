"""The site of these pages: `make site`. They are written for GitHub, and read there as they are."""

import re
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING

from pygments.lexers.special import TextLexer

if TYPE_CHECKING:
    from sphinx.application import Sphinx

ROOT = Path(__file__).parent.parent
REPOSITORY = "https://github.com/zekt-dev-org/zekt-action"

project = "Zekt"
author = "Zekt's contributors"
release = version = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]["version"]

extensions = ["myst_parser"]
myst_heading_anchors = 4  # as GitHub makes them, so that one link fits both

html_theme = "furo"
html_title = f"Zekt {release}"
html_copy_source = False
# A summary would be fetched from the page it is of, which no browser does from file://.
html_show_search_summary = False


def lead_out(app: "Sphinx", _page: str, source: list[str]) -> None:
    """Lead each link to a file outside of docs/ to GitHub's page of it, at the ref that `make site REF=…` names."""

    def at_github(found: re.Match[str]) -> str:
        path = found[1].partition("#")[0]
        kind = "tree" if (ROOT / path).is_dir() else "blob"
        return f"]({REPOSITORY}/{kind}/{app.config.zekt_ref}/{found[1]})"

    source[0] = re.sub(r"\]\(\.\./([^)\s]+)\)", at_github, source[0])


def setup(app: "Sphinx") -> None:
    """Sphinx calls this."""
    app.add_config_value("zekt_ref", f"v{release}", "env", str)
    app.connect("source-read", lead_out)
    app.add_lexer("http", TextLexer)  # our requests are without the version that Pygments' own asks for
