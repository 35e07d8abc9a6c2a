"""docs/performance.md shows the figures of docs/performance.json, all of them, and what else was measured beside."""

from pathlib import Path
from typing import Any

import msgspec
import pytest

from zekt_bench import publish
from zekt_bench.accounting import Cost
from zekt_bench.figures import Report, Row, missing, row
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


def _block(*rows: Row, **machine: Any) -> str:
    return publish.block([Report(command="", machine={**MACHINE, **machine}, runs=[list(rows)])])


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


def _through(who: str, rate: float, **more: Any) -> Row:
    memory = {"api": 50.0, "load": 20.0}
    return row(
        "event → dispatch", "c=16", "dispatch", 10, COST, who=who, rate=rate, p50=3, p99=9, memory=memory, **more
    )


def test_all_that_ran_beside_a_peer_stands_together_whoever_is_better() -> None:
    rows = (
        *(_through("Zekt", 500), _through("Node bridge", 900, failed=1), _through("Restate", 300)),
        missing("through", "", "Procrastinate", "there is no pip here"),
    )
    text = _block(*rows, row("idle", "1 worker", "second", 15, COST))
    table = text.partition("### Commit")[0].partition("### Beside")[2]
    assert [line for line in table.splitlines() if line.startswith("| ")][1:] == [
        "| event → dispatch | c=16 | Zekt | 10 dispatch | 500 | 3.00 | 9.00 | 40.0 | 50.0 | abc |",
        "| event → dispatch | c=16 | Node bridge | 10 dispatch, **1 failed** | 900 | 3.00 | 9.00 | 40.0 | 50.0 | abc |",
        "| event → dispatch | c=16 | Restate | 10 dispatch | 300 | 3.00 | 9.00 | 40.0 | 50.0 | abc |",
        "| through |  | Procrastinate | none: there is no pip here |  |  |  |  |  | abc |",
    ]


def test_without_a_peer_there_is_no_table_of_them() -> None:
    bare = row("step", HOW, "run", 10, COST, who="Zekt, bare")
    for text in (_block(_through("Zekt", 500), bare), _block(missing("idle", "", "Restate", "it is not here"))):
        assert "Beside what others would use" not in text


def test_two_reports_have_one_table_of_peers() -> None:
    reports = [
        Report(command="", machine={**MACHINE, "commit": at}, runs=[[_through("Zekt", 500), _through("Restate", 300)]])
        for at in ("one", "two")
    ]
    text = publish.block(reports)
    assert text.count("### Beside what others would use") == 1
    assert [_line(text, "| Restate |", "| 300 |", f"| {at} |") for at in ("one", "two")]


def test_what_a_figure_of_a_peer_leaves_out_stands_beside_it() -> None:
    step = row("step", HOW, "run", 10, COST, who=ORIGINAL.format(20))
    webhook = row("webhook 5 KB", "c=16", "webhook", 10, COST, who="Restate")
    said = {"step": "it is not the published code", "webhook": "they dispatch meanwhile"}
    for name, each in (("step", step), ("webhook", webhook)):
        assert [work for work, words in said.items() if words in _block(each)] == [name]


def test_the_head_tells_how_the_machine_was_as_far_as_it_was_asked() -> None:
    found = {"load_average_before": [2.5, 9.0, 9.0], "filesystem": "ext4", "fsync_ms": 1.25}
    line = _line(_block(_through("Zekt", 500), **found), "Python 3.11")
    assert line.endswith(
        "Python 3.11, 18; load average 2.50 before it began; databases on ext4; an fsync there takes 1.25 ms; one run:"
    )
    assert _line(_block(_through("Zekt", 500)), "Python 3.11").endswith("Python 3.11, 18; one run:")


def test_the_head_names_the_versions_of_peers() -> None:
    peers = {"node": {"@octokit/core": "7.0.8", "x": "1.2.3"}, "original_action": {"node20": "npm:node@20.20.2"}}
    text = _block(_through("Zekt", 500), peers=peers)
    assert _line(text, "Versions") == (
        "Versions of peers: node (`@octokit/core` 7.0.8, `x` 1.2.3); original_action (`node20` 20.20.2)."
    )
    assert "Versions" not in _block(_through("Zekt", 500))


def test_what_was_not_metered_has_no_nought() -> None:
    told = Row(
        work="soak",
        how="api: MB more in an hour",
        item="sample",
        items=120,
        seconds=0.0,
        cpu_each={},
        cpu_sum_each=0.0,
        memory={"api": 1.5},
    )
    text = _block(told)
    assert _line(text, "api: MB more") == (
        "| soak | api: MB more in an hour | Zekt | 120 sample |  |  |  |  |  |  |  | 1.50 |  |  |"
    )
    assert "0.00" not in text


def test_how_late_the_load_was_is_shown_where_it_was() -> None:
    late = row("webhook", "10/s", "webhook", 10, COST, late=12.5)
    assert _line(_block(late), "| webhook | 10/s |", "10 webhook").endswith("| 12.5 | 0.00 |")
    heading = _line(_block(late), "| load late ms |")
    assert heading.endswith("| load late ms | others % |")
    late.late = 0.0
    assert _line(_block(late), "| webhook | 10/s |", "10 webhook").endswith("|  | 0.00 |")


def test_what_was_not_accepted_is_told_on_the_page() -> None:
    assert "**3 failed**" in publish.block([_report(600, 50, failed=3)])


@pytest.fixture
def published(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A page and data beside those of the project."""
    for name, file in (("PAGE", publish.PAGE), ("DATA", publish.DATA)):
        copy = tmp_path / file.name
        copy.write_bytes(file.read_bytes())
        monkeypatch.setattr(publish, name, copy)
    return tmp_path


def _publish(folder: Path, monkeypatch: pytest.MonkeyPatch, *reports: Report) -> int:
    files = [folder / f"bench-{number}.json" for number in range(len(reports))]
    for file, report in zip(files, reports, strict=True):
        file.write_bytes(msgspec.json.encode(report))
    monkeypatch.setattr("sys.argv", ["publish", *map(str, files)])
    return publish.main()


def test_runs_are_published_whole_in_their_order(published: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    reports = [_report(700, 40), _report(650, 30)]
    assert _publish(published, monkeypatch, *reports) == 0
    assert publish.stored() == reports
    assert publish.block(reports) in publish.PAGE.read_text("utf-8")


def test_a_run_of_a_changed_checkout_is_not_published(
    published: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    report = _report(600, 50)
    report.machine = {**MACHINE, "commit": "abc+changes"}
    before = publish.PAGE.read_bytes(), publish.DATA.read_bytes()
    assert _publish(published, monkeypatch, _report(600, 50), report) == 1
    assert (publish.PAGE.read_bytes(), publish.DATA.read_bytes()) == before
    said = capsys.readouterr().err
    assert "bench-1.json: its checkout had changes" in said
    assert "bench-0.json" not in said


def test_a_run_that_broke_off_is_not_published() -> None:
    def marked(*, complete: bool) -> Report:
        return Report(command="", machine=MACHINE, runs=_report(600, 50).runs, complete=complete)

    assert "it was broken off" in publish.refused(marked(complete=False))
    assert publish.refused(marked(complete=True)) == ""


def test_a_short_run_and_one_that_went_wrong_are_not_published_but_a_peer_may_go_wrong() -> None:
    short = Report(command="make bench ARGS=--short", machine=MACHINE, runs=_report(600, 50).runs, complete=True)
    assert "it is a short one" in publish.refused(short)
    assert "dispatched once: webhook 5 KB c=16." in publish.refused(_report(600, 50, failed=1))
    theirs = Report(command="", machine=MACHINE, runs=[[_through("Restate", 300, failed=1)]], complete=True)
    assert publish.refused(theirs) == ""


def test_nothing_is_published_of_nothing(
    published: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert _publish(published, monkeypatch) == 1
    assert "Name the JSON files" in capsys.readouterr().err
    assert _publish(published, monkeypatch, Report(command="", machine=MACHINE, runs=[])) == 1
    assert "bench-0.json: it has no run" in capsys.readouterr().err
