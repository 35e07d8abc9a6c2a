"""docs/performance.md shows the figures of docs/performance.json, and says of each target whether it is met."""

from pathlib import Path

import msgspec
import pytest

from zekt_bench import publish
from zekt_bench.accounting import Cost
from zekt_bench.figures import Report, Row, row
from zekt_bench.table import short
from zekt_bench.work.action import HOW, ORIGINAL

COST = Cost(seconds=2.0, cpu={"api": 0.4}, others=0.0, wal=0, transactions=0)
MACHINE = {
    "at": "2026-11-21T20:00:00Z",
    "commit": "abc",
    "cpu": "some",
    "cores": 2,
    "memory_mb": 2048,
    "kernel": "6",
    "python": "3.11",
    "postgresql": "18",
}


def _report(rate: float, p99: float, *, failed: int = 0) -> Report:
    each = row("webhook 5 KB", "c=16", "webhook", 10, COST, rate=rate, p50=1.0, p99=p99, failed=failed)
    return Report(command="make bench ARGS=--runs 1", machine=MACHINE, runs=[[each]])


def _line(text: str, *words: str) -> str:
    (found,) = [line for line in text.splitlines() if all(word in line for word in words)]
    return found


def test_the_page_shows_the_figures_that_were_measured() -> None:
    page = publish.PAGE.read_text("utf-8")
    assert page.count(publish.BEGIN) == page.count(publish.END) == 1
    assert publish.rendered(page, publish.stored()) == page


def test_only_runs_of_a_commit_in_which_everything_was_accepted_are_published() -> None:
    for report in publish.stored():
        assert not report.machine["commit"].endswith("+changes")
        assert [row for run in report.runs for row in run if row.failed] == []


@pytest.mark.parametrize(
    ("rate", "p99", "fast", "prompt"),
    [(600, 50, "yes", "yes"), (599.9, 50.1, "**no**", "**no**"), (601, 51, "yes", "**no**")],
)
def test_a_target_is_met_at_its_bound_and_not_beyond(rate: float, p99: float, fast: str, prompt: str) -> None:
    text = publish.block([_report(rate, p99)])
    assert _line(text, "c=16 |", "≥ 600 /s").endswith(f"| {fast} |")
    assert _line(text, "the same, p99", "≤ 50 ms", f"| {short(p99)} ms").endswith(f"| {prompt} |")


def test_what_was_not_measured_is_said_not_to_be() -> None:
    assert "not measured" in _line(publish.block([_report(600, 50)]), "CPU per dispatch")


def test_ours_is_divided_by_what_the_other_took_in_the_same_run() -> None:
    def one(who: str, milliseconds: float, megabytes: float) -> Row:
        return row("step", HOW, "run", 10, COST, who=who, p50=milliseconds, memory={"step": megabytes})

    runs = [
        [one("Zekt", mine, 30.0), one(ORIGINAL.format(20), theirs, 60.0)]
        for mine, theirs in ((90, 100), (300, 200), (30, 40))
    ]
    text = publish.block([Report(command="", machine=MACHINE, runs=runs)])
    assert _line(text, "against the original action").endswith("| ≤ 1 times | 0.90 (0.75..1.50) times | yes |")
    assert _line(text, "the same, memory").endswith("| ≤ 1 times | 0.50 times | yes |")
    assert "not measured" in _line(publish.block([_report(600, 50)]), "against the original action")


def test_what_a_full_database_costs_more_and_the_slowest_page_are_targets_too() -> None:
    full = Cost(seconds=2.0, cpu={"api": 0.5}, others=0.0, wal=0, transactions=0)
    rows = [
        row("webhook 5 KB", "c=16, empty", "webhook", 10, COST, rate=600),
        row("webhook 5 KB", "c=16, full", "webhook", 10, full, rate=500, than="c=16, empty"),
        row("page", "/api/usage, full", "request", 10, full, p50=150.0),
        row("page", "/api/events, full", "request", 10, full, p50=50.0),
    ]
    text = publish.block([Report(command="", machine=MACHINE, runs=[rows])])
    assert _line(text, "CPU, webhook 5 KB: c=16, full").endswith("| ≤ 1.2 times | 1.25 times | **no** |")
    assert _line(text, "slowest page", "/api/usage, full").endswith("| ≤ 100 ms | 150 ms | **no** |")


def test_what_was_not_accepted_is_told_on_the_page() -> None:
    assert "**3 failed**" in publish.block([_report(600, 50, failed=3)])


def test_a_run_of_a_changed_checkout_is_not_published(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    report = _report(600, 50)
    report.machine = {**MACHINE, "commit": "abc+changes"}
    file = tmp_path / "bench.json"
    file.write_bytes(msgspec.json.encode(report))
    monkeypatch.setattr("sys.argv", ["publish", str(file)])
    before = publish.PAGE.read_bytes(), publish.DATA.read_bytes()
    assert publish.main() == 1
    assert (publish.PAGE.read_bytes(), publish.DATA.read_bytes()) == before
    assert "with no changes beside it" in capsys.readouterr().err
