"""Of each target it is said whether it is met, by which commit, and whether a run missed it."""

import pytest

from zekt_bench.accounting import Cost
from zekt_bench.figures import Report, Row, Spread, row
from zekt_bench.table import short
from zekt_bench.targets import judged, verdict
from zekt_bench.work.action import HOW, ORIGINAL

COST = Cost(seconds=2.0, cpu={"api": 0.4}, others=0.0, wal=0, transactions=0)


def _report(*runs: list[Row], commit: str = "abc") -> Report:
    return Report(command="", machine={"commit": commit}, runs=list(runs))


def _ingest(rate: float, p99: float = 50.0, how: str = "c=16") -> list[Row]:
    return [row("webhook 5 KB", how, "webhook", 10, COST, rate=rate, p99=p99)]


def _line(lines: list[str], *words: str) -> str:
    (found,) = [line for line in lines if all(word in line for word in words)]
    return found


@pytest.mark.parametrize(
    ("rate", "p99", "fast", "prompt"),
    [(600, 50, "yes", "yes"), (599.9, 50.1, "**no**", "**no**"), (601, 51, "yes", "**no**")],
)
def test_a_target_is_met_at_its_bound_and_not_beyond(rate: float, p99: float, fast: str, prompt: str) -> None:
    text = judged([_report(_ingest(rate, p99))])
    assert _line(text, "c=16 |", "≥ 600 /s").endswith(f"| {fast} | abc, one run |")
    assert _line(text, "c=16, p99", "≤ 50 ms", f"| {short(p99)} ms").endswith(f"| {prompt} | abc, one run |")


@pytest.mark.parametrize(
    ("figures", "most", "least"),
    [
        ((8, 9, 10), "yes", "**no**"),
        ((9, 10, 11), "yes, but not in each run", "yes, but not in each run"),
        ((9, 10.1, 11), "**no**", "yes, but not in each run"),
        ((10, 10, 10), "yes", "yes"),
    ],
)
def test_the_middle_decides_and_a_run_that_missed_is_told(
    figures: tuple[float, float, float], most: str, least: str
) -> None:
    found = Spread.of(figures)
    assert found is not None
    assert (verdict(found, 10), verdict(found, 10, least=True)) == (most, least)


def test_of_several_reports_the_first_that_has_the_figure_counts_and_its_commit_is_named() -> None:
    three = _report(_ingest(700), _ingest(550), _ingest(720), commit="0123456789ab")
    line = _line(judged([_report(_ingest(500, how="c=1")), three, _report(_ingest(800))]), "≥ 600 /s")
    assert line.endswith("| 700 (550..720) /s | yes, but not in each run | 0123456 |")


def test_what_was_not_measured_is_said_not_to_be() -> None:
    assert "not measured" in _line(judged([_report(_ingest(600))]), "CPU per dispatch of waiting")


def test_a_dispatch_is_judged_from_its_webhook_on_and_not_only_where_events_wait() -> None:
    def one(work: str, how: str, each: float, rate: float) -> Row:
        return row(work, how, "dispatch", 10, Cost(2.0, {"api": each / 100}, 0.0, 0, 0), rate=rate)

    rows = [
        one("burst of 10000 x 5", "2 workers", 1.8, 900),
        one("event → dispatch", "c=16, fan-out 5, 1 worker", 2.3, 450),
    ]
    text = judged([_report(rows)])
    assert "| ≤ 2 ms | 1.80 ms | yes |" in _line(text, "CPU per dispatch of waiting events", "2 workers")
    assert "| ≤ 2 ms | 2.30 ms | **no** |" in _line(text, "CPU per dispatch, from receiving the webhook on")
    assert "| ≥ 500 /s | 900 /s | yes |" in _line(text, "| dispatches of waiting events", "2 workers")
    assert "| ≥ 500 /s | 450 /s | **no** |" in _line(text, "| dispatches from receiving the webhook on")


def test_the_way_of_an_event_is_judged_at_either_fan_out() -> None:
    for fan_out, other in ((1, 5), (5, 1)):
        each = row("event → dispatch", f"10/s, fan-out {fan_out}, 1 worker", "dispatch", 10, COST, p50=16.0, p99=49.0)
        text = judged([_report([each])])
        assert "| ≤ 15 ms | 16.0 ms | **no** |" in _line(text, f"10/s, fan-out {fan_out}, p50")
        assert "| ≤ 50 ms | 49.0 ms | yes |" in _line(text, f"10/s, fan-out {fan_out}, p99")
        assert "not measured" in _line(text, f"10/s, fan-out {other}, p50")


def test_what_an_idle_process_takes_is_judged_by_all_that_it_maps() -> None:
    def one(how: str, **memory: float) -> Row:
        return row("idle", how, "second", 15, COST, memory=memory)

    assert "not measured" in _line(judged([_report([one("1 worker", api=80, worker=70)])]), "one idle API")
    rows = [one("1 worker", api=80, worker=70), one("API alone, RSS", api=95), one("worker alone, RSS", worker=85)]
    text = judged([_report(rows)])
    assert "| ≤ 90 MB | 95.0 MB | **no** |" in _line(text, "one idle API")
    assert "| ≤ 90 MB | 85.0 MB | yes |" in _line(text, "one idle worker")


def test_ours_is_divided_by_what_the_other_took_in_the_same_run() -> None:
    def one(who: str, milliseconds: float, megabytes: float) -> Row:
        return row("step", HOW, "run", 10, COST, who=who, p50=milliseconds, memory={"step": megabytes})

    runs = [
        [one("Zekt", mine, 30.0), one("Zekt, bare", 2 * mine, 30.0)]
        + [one(ORIGINAL.format(major), more * theirs, more * 60.0) for major, more in ((20, 1), (24, 2))]
        for mine, theirs in ((90, 100), (300, 200), (30, 40))
    ]
    del runs[0][0]
    text = judged([_report(*runs)])
    time, memory = "time of the whole process, against our own rewriting of", "memory, against our own rewriting of"
    assert "| 1.12 (0.75..1.50) times | **no** |" in _line(text, f"as composite: {time}", "Node 20")
    assert "| 0.56 (0.38..0.75) times | yes |" in _line(text, f"as composite: {time}", "Node 24")
    assert "| 1.80 (1.50..3.00) times | **no** |" in _line(text, f"run bare: {time}", "Node 20")
    assert "| 0.90 (0.75..1.50) times | yes, but not in each run |" in _line(text, f"run bare: {time}", "Node 24")
    assert "| ≤ 1 times | 0.50 times | yes |" in _line(text, f"as composite: {memory}", "Node 20")
    assert "| ≤ 1 times | 0.25 times | yes |" in _line(text, f"run bare: {memory}", "Node 24")
    assert "not measured" in _line(judged([_report(_ingest(600))]), f"run bare: {time}", "Node 20")


def test_what_a_full_database_costs_more_and_the_slowest_page_are_targets_too() -> None:
    full = Cost(seconds=2.0, cpu={"api": 0.5}, others=0.0, wal=0, transactions=0)
    rows = [
        row("webhook 5 KB", "c=16, empty", "webhook", 10, COST, rate=600),
        row("webhook 5 KB", "c=16, full", "webhook", 10, full, rate=500, than="c=16, empty"),
        row("page", "/api/usage, full", "request", 10, full, p50=150.0),
        row("page", "/api/events, full", "request", 10, full, p50=50.0),
        row("page", "/api/events, empty", "request", 10, full, p50=20.0),
    ]
    text = judged([_report(rows)])
    assert _line(text, "CPU, webhook 5 KB: c=16, full").endswith("| ≤ 1.2 times | 1.25 times | **no** | abc, one run |")
    slowest = _line(text, "slowest page, full, p50: /api/usage")
    assert slowest.endswith("| ≤ 100 ms | 150 ms | **no** | abc, one run |")
    assert "| 20.0 ms | yes |" in _line(text, "slowest page, empty, p50: /api/events")
