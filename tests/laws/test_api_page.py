"""docs/api.md has every endpoint that there is, and the documents name no other."""

import re
from pathlib import Path

from zekt_backend.routes import TABLE
from zekt_testing.api_page import PAGE, rendered

NAMED = re.compile(r"`(GET|POST|PUT|PATCH|DELETE) (/[^\s`?]*)[^`]*`")


def _shape(path: str) -> str:
    """What stands for an id is called as it suits the sentence."""
    return re.sub(r"\{[^}]*\}", "{}", path)


def test_the_table_of_endpoints_is_that_of_the_code() -> None:
    page = PAGE.read_text("utf-8")
    assert rendered(page) == page, "docs/api.md is older than routes.TABLE: run `make docs` and commit what it wrote"


def test_no_document_names_an_endpoint_that_is_not_there(root: Path, texts: dict[Path, str]) -> None:
    there = {(method, _shape(path)) for method, path, *_ in TABLE}
    unknown = [
        f"{page}: {method} {path}"
        for page, text in texts.items()
        if page.suffix == ".md" and page.name != "CHANGELOG.md"
        for method, path in NAMED.findall(text)
        if path.startswith("/api/") and (method, _shape(path)) not in there
    ]
    assert unknown == [], root
