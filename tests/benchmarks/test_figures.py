"""Ranks, shares and spreads as anybody would work them out by hand."""

from io import StringIO
from typing import Any

import msgspec
import pytest
from rich.console import Console

from zekt_bench import against, table
from zekt_bench.accounting import Cost
from zekt_bench.figures import Report, Row, Spread, row, spread_of
from zekt_bench.ratios import HEADINGS, ratios

COST = Cost(seconds=2.0, cpu={"api": 0.4, "postgres": 0.1, "load": 9.0}, others=0.0, wal=5000, transactions=20)


def _report(*rates: float, how: str = "c=1", **machine: Any) -> Report:
    runs = [[row("webhook", how, "webhook", 10, COST, rate=rate, memory={"api": 80.0})] for rate in rates]
    return Report(command="", machine={"at": "now", "commit": "abc", "cores": 2, **machine}, runs=runs)


def _shown(show: Any, *reports: Report) -> str:
    console = Console(file=StringIO(), width=300, force_terminal=True, color_system="standard", highlight=False)
    show(*reports, console)
    assert isinstance(console.file, StringIO)
    return console.file.getvalue()


@pytest.mark.parametrize(("count", "p50", "p99"), [(1, 1, 1), (2, 1, 2), (100, 50, 99), (1000, 500, 990)])
def test_a_percentile_is_a_value_that_was_measured(count: int, p50: int, p99: int) -> None:
    seconds = [number / 1000 for number in range(count, 0, -1)]
    assert spread_of(seconds) == pytest.approx({"p50": p50, "p99": p99, "max": count})


def test_an_item_costs_its_share_and_what_measures_is_in_no_sum() -> None:
    (each,) = _report(5.0).runs[0]
    assert each.cpu_each == pytest.approx({"api": 40, "postgres": 10, "load": 900})
    assert each.cpu_sum_each == pytest.approx(50)
    assert (each.wal_each, each.transactions_each) == (500, 2)


def test_the_table_has_the_middle_of_the_runs_and_how_far_they_lie_apart() -> None:
    text = _shown(table.show, _report(10.0, 30.0, 20.0))
    assert "20.0 (10.0..30.0)" in text
    assert "50.0" in text


def test_a_run_that_was_not_accepted_is_told() -> None:
    report = _report(10.0)
    report.runs[0][0].failed = 3
    assert "webhook c=1: 3 of 10 were not accepted" in _shown(table.show, report)


def test_a_machine_that_had_other_work_is_told_of() -> None:
    report = _report(10.0)
    assert "other work" not in _shown(table.show, report)
    report.runs[0][0].others = 40.0
    assert "other work, up to 40 % of its time" in _shown(table.show, report)


def test_a_change_stands_out_only_where_no_run_overlaps() -> None:
    clear = _shown(against.show, _report(200.0, 220.0), _report(100.0, 110.0))
    assert "\x1b[1m105 → 210 +100 %" in clear
    unclear = _shown(against.show, _report(90.0, 220.0), _report(100.0, 110.0))
    assert "105 → 155 +48 %" in unclear
    assert "\x1b[1m105" not in unclear


def test_another_machine_and_a_work_without_a_counterpart_are_told() -> None:
    text = _shown(against.show, _report(1.0, cpu="new"), _report(1.0, how="c=2", cpu="old"))
    assert "Not comparable: cpu was 'old', is 'new'." in text
    assert "not in that run" in text


def test_a_report_is_read_as_it_was_written() -> None:
    report = _report(10.0, 20.0)
    assert msgspec.json.decode(msgspec.json.encode(report), type=Report) == report


def test_a_figure_that_is_missing_has_no_spread() -> None:
    assert Spread.of([None, None]) is None
    assert Spread.of([None, 2.0]) == Spread(2.0, 2.0, 2.0)


def test_a_ratio_is_of_two_rows_of_the_same_run() -> None:
    """The first run met a machine half as fast as the second: that is in neither ratio."""
    report = _report(10.0, 20.0)
    for run, rate in zip(report.runs, (5.0, 15.0), strict=True):
        run.append(row("webhook", "c=1, full", "webhook", 10, COST, rate=rate, than="c=1"))
    ((key, found),) = ratios(report)
    assert key == ("webhook", "c=1, full", "c=1")
    assert dict(zip(HEADINGS, found, strict=True)) == {
        "items/s": Spread(0.625, 0.5, 0.75),
        "p50": None,
        "p99": None,
        "CPU/item": Spread(1.0, 1.0, 1.0),
        "WAL/item": Spread(1.0, 1.0, 1.0),
    }
    assert "0.62 (0.50..0.75)" in _shown(table.show, report)


def test_a_run_that_has_one_of_both_rows_is_in_no_ratio() -> None:
    report, full = _report(10.0, 20.0), row("webhook", "c=1, full", "webhook", 10, COST, rate=5.0, than="c=1")
    report.runs[1].append(full)
    report.runs.append([full])
    ((_, found),) = ratios(report)
    assert found[0] == Spread(0.25, 0.25, 0.25)
    assert "0.25" in _shown(table.show, report)


def test_what_was_not_metered_has_no_nought_and_a_late_load_is_told() -> None:
    report = _report(10.0)
    report.runs[0][0].late = 12.5
    told = Row(work="soak", how="slope", item="sample", items=7, seconds=0.0, cpu_each={}, cpu_sum_each=0.0)
    report.runs[0].append(told)
    (line,) = [line for line in _shown(table.show, report).splitlines() if "slope" in line]
    assert line.split() == ["soak", "slope", "Zekt", "7", "sample"]
    assert "12.5" in _shown(table.show, report)
    assert "12.5" not in _shown(against.show, report, report)
