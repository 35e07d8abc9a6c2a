"""docs/reliability.md shows the figures of docs/reliability.json, and those of runs that passed."""

import json

from chaos import ledger, publish


def test_the_page_shows_the_figures_that_were_measured() -> None:
    page = publish.PAGE.read_text("utf-8")
    assert page.count(publish.BEGIN) == page.count(publish.END) == 1
    assert publish.rendered(page, json.loads(publish.DATA.read_text("utf-8"))) == page


def test_only_whole_runs_that_passed_are_published() -> None:
    for run in json.loads(publish.DATA.read_text("utf-8")):
        assert run["passed"]
        assert set(run["findings"].values()) == {0}
        assert run["acknowledged"]["items"] >= 10_000


def test_the_page_explains_every_finding() -> None:
    page = publish.PAGE.read_text("utf-8")
    assert {kind for kind in ledger.KINDS if f"| {kind} |" not in page} == set()
