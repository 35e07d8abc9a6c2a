"""Blocks of our pages that want something to run on: a database, a browser, a receiver."""

import json
from datetime import UTC, datetime
from pathlib import Path

import psycopg
from standardwebhooks import Webhook

from zekt_testing.browser import chromium
from zekt_testing.pages import Block, Page

_SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
_NOTICE = '{"type": "notice.test"}'
# What a page that has the package would import; here it tells what it was given.
_STAND_IN = (
    "data:text/javascript,export class Webhook{constructor(s){this.s=s}verify(b,h){globalThis.told=[this.s,b,h]}}"
)


def _blocks(root: Path, language: str) -> list[Block]:
    pages = [Path("README.md"), *sorted(path.relative_to(root) for path in (root / "docs").glob("*.md"))]
    found = [each for path in pages for each in Page(path, (root / path).read_text("utf-8")).blocks()]
    return [block for block in found if block.language == language]


def test_every_query_can_be_asked(root: Path, empty_database: str) -> None:
    """Those of docs/upgrading.md, so far."""
    queries = _blocks(root, "sql")
    with psycopg.connect(empty_database) as connection:
        for block in queries:
            assert connection.execute(block.text.encode()).description, block
    assert queries


def test_a_notice_is_verified_as_the_page_says_in_python(root: Path) -> None:
    (block,) = (each for each in _blocks(root, "python") if each.page.name == "notices.md")
    now = datetime.now(UTC)
    headers = {
        "webhook-id": "notice-1",
        "webhook-timestamp": str(int(now.timestamp())),
        "webhook-signature": Webhook(_SECRET).sign("notice-1", now, _NOTICE),
    }
    names = {"body": _NOTICE, "headers": headers}
    exec(compile(block.text.replace("whsec_…", _SECRET), str(block), "exec"), names)  # it is ours
    assert names["notice"] == json.loads(_NOTICE)


def test_scripts_run_in_a_browser_that_has_what_they_import(root: Path) -> None:
    scripts = _blocks(root, "javascript")
    assert scripts
    with chromium() as browser:
        for block in scripts:
            page = browser.new_page()
            page.set_content(
                f"<script type=importmap>{json.dumps({'imports': {'standardwebhooks': _STAND_IN}})}</script>"
                "<script>var body = 'what came', headers = 'and with what'</script>"
                f"<script type=module>{block.text}; globalThis.done = true</script>"
            )
            page.wait_for_function("globalThis.done")
            assert page.evaluate("globalThis.told") == ["whsec_…", "what came", "and with what"], block
