"""`python -m zekt_bench.publish bench.json …`: the figures of stored runs into docs/performance.md and .json."""

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import msgspec

from zekt_bench.figures import OURS, ROOT, Report, Row, Spread
from zekt_bench.ratios import HEADINGS, ratios
from zekt_bench.table import COLUMNS, KEY, cell, short
from zekt_bench.work.action import HOW, ORIGINAL

PAGE = ROOT / "docs/performance.md"
DATA = ROOT / "docs/performance.json"
BEGIN, END = "<!-- figures: written by zekt_bench.publish -->\n", "<!-- /figures -->\n"


@dataclass(frozen=True, slots=True)
class Target:
    """A figure, and where it should be."""

    measure: str
    work: str
    how: str
    figure: Literal["rate", "p50", "p99", "cpu_sum_each", "api", "worker", "step", "image"]
    """Of the row; a process's name stands for its memory."""
    bound: float
    unit: str
    least: bool = False
    """Whether the bound is a least and not a most."""
    against: str = ""
    """Whose figure of the same run it is divided by."""


_ORIGINAL = ORIGINAL.format(20)
TARGETS = (
    Target("durable ingest of signed 5 KB webhooks, c=16", "webhook 5 KB", "c=16", "rate", 600, "/s", least=True),
    Target("the same, p99", "webhook 5 KB", "c=16", "p99", 50, "ms"),
    Target("event → dispatch at 10/s, p50", "event → dispatch", "10/s, fan-out 1, 1 worker", "p50", 15, "ms"),
    Target("the same, p99", "event → dispatch", "10/s, fan-out 1, 1 worker", "p99", 50, "ms"),
    Target("dispatches, fan-out 5", "burst of 10000 x 5", "2 workers", "rate", 500, "/s", least=True),
    Target("CPU per dispatch, database included", "burst of 10000 x 5", "2 workers", "cpu_sum_each", 2.0, "ms"),
    Target("memory of one idle API", "idle", "1 worker", "api", 90, "MB"),
    Target("memory of one idle worker", "idle", "1 worker", "worker", 90, "MB"),
    Target("image above its base, compressed", "image", "all above the base, compressed", "image", 30, "MB"),
    Target("send, the whole process, against the original action", "step", HOW, "p50", 1.0, "times", against=_ORIGINAL),
    Target("the same, memory", "step", HOW, "step", 1.0, "times", against=_ORIGINAL),
)


_FLOWS = ("webhook", "dispatch")
_GROWN, _PAGE = 1.2, 100
"""Times what it costs on an empty database, and milliseconds."""


def block(reports: Sequence[Report]) -> str:
    """What stands between the marks."""
    if not reports:
        return "\nNo full run has been published yet.\n\n"
    lines = ["", "### Targets", "", *_targets(reports), ""]
    for report in reports:
        lines += [*_head(report), "", *_figures(report), "", *_processes(report), "", *_ratios(report)]
    return "\n".join([*lines, ""])


def rendered(page: str, reports: Sequence[Report]) -> str:
    """The page with these figures between its marks."""
    before, _, rest = page.partition(BEGIN)
    _, _, after = rest.partition(END)
    return before + BEGIN + block(reports) + END + after


def stored() -> list[Report]:
    return msgspec.json.decode(DATA.read_bytes(), type=list[Report])


def _targets(reports: Sequence[Report]) -> list[str]:
    """Each with what was measured, met or not; the first report that has the row counts."""
    lines = ["| measure | target | measured | met |", "|---|---|---|---|"]
    for target in TARGETS:
        found = next((found for each in reports if (found := _measured(each, target))), None)
        bound = f"{'≥' if target.least else '≤'} {target.bound:g} {target.unit}"
        if found is None:
            lines.append(f"| {target.measure} | {bound} | not measured | |")
            continue
        met = found.middle >= target.bound if target.least else found.middle <= target.bound
        lines.append(f"| {target.measure} | {bound} | {cell(found)} {target.unit} | {'yes' if met else '**no**'} |")
    return [*lines, *(line for report in reports for line in _grown(report))]


def _grown(report: Report) -> list[str]:
    """What a full database changes in CPU, and which page takes longest."""
    lines, works = [], report.works()
    for (work, how, than), (*_, cpu, _) in ratios(report):
        if works[work, how, OURS][0].item in _FLOWS and cpu is not None:
            met = "yes" if cpu.middle <= _GROWN else "**no**"
            lines.append(f"| CPU, {work}: {how}, against {than} | ≤ {_GROWN} times | {cell(cpu)} times | {met} |")
    pages = {how: Spread.of([row.p50 for row in rows]) for (work, how, _), rows in works.items() if work == "page"}
    told = {how: spread for how, spread in pages.items() if spread is not None}
    if told:
        how = max(told, key=lambda page: told[page].middle)
        met = "yes" if told[how].middle <= _PAGE else "**no**"
        lines.append(f"| slowest page, p50: {how} | ≤ {_PAGE} ms | {cell(told[how])} ms | {met} |")
    return lines


def _measured(report: Report, target: Target) -> Spread | None:
    ours, theirs = (report.works().get((target.work, target.how, who), []) for who in (OURS, target.against))
    figures = [_figure(row, target.figure) for row in ours]
    if not target.against:
        return Spread.of(figures)
    beside = zip(figures, (_figure(row, target.figure) for row in theirs), strict=False)
    return Spread.of([mine / other for mine, other in beside if mine and other])


def _figure(row: Row, name: str) -> float | None:
    return getattr(row, name) if name in Row.__struct_fields__ else row.memory.get(name)


def _head(report: Report) -> list[str]:
    machine = report.machine
    where = f"{machine['cores']} cores ({machine['cpu']}), {machine['memory_mb'] / 1024:.0f} GiB"
    with_what = f"Linux {machine['kernel']}, Python {machine['python']}, {machine['postgresql']}"
    count = f"{len(report.runs)} runs, of which the middle (least..most)" if len(report.runs) > 1 else "one run"
    return [
        f"### Commit {machine['commit']}, {machine['at']}",
        "",
        f"{where}, {with_what}; {count}:",
        "",
        "```sh",
        report.command,
        "```",
    ]


def _figures(report: Report) -> list[str]:
    lines = [
        f"| {' | '.join((*KEY, 'items', *(heading for heading, _ in COLUMNS)))} |",
        "|---|---|---|--:|" + "--:|" * len(COLUMNS),
    ]
    for key, rows in report.works().items():
        cells = [cell(Spread.of([figure(row) for row in rows])) for _, figure in COLUMNS]
        failed = sum(row.failed for row in rows)
        items = f"{rows[0].items:,} {rows[0].item}" + (f", **{failed} failed**" if failed else "")
        if rows[0].missing:
            items, cells = f"none: {rows[0].missing}", [""] * len(COLUMNS)
        lines.append(f"| {' | '.join((*key, items, *cells))} |")
    return lines


def _processes(report: Report) -> list[str]:
    lines = ["CPU-ms an item and MB, by process:", "", f"| {' | '.join((*KEY, 'by process'))} |", "|---|---|---|---|"]
    for key, rows in report.works().items():
        if rows[0].missing:
            continue
        told = []
        for name in rows[0].cpu_each:
            cpu = Spread.of([row.cpu_each.get(name) for row in rows])
            memory = Spread.of([row.memory.get(name) for row in rows])
            if cpu is not None:
                told.append(f"{name} {short(cpu.middle)} ms" + (f" {short(memory.middle)} MB" if memory else ""))
        lines.append(f"| {' | '.join((*key, ', '.join(told)))} |")
    return lines


def _ratios(report: Report) -> list[str]:
    found = [f"| {' | '.join((*key, *(cell(spread) for spread in spreads)))} |" for key, spreads in ratios(report)]
    if not found:
        return []
    head = [f"| {' | '.join(('work', 'how', 'than', *HEADINGS))} |", "|---|---|---|" + "--:|" * len(HEADINGS)]
    return ["How many times the other's figures, in the same run:", "", *head, *found, ""]


def main() -> int:
    """Replace what was published.

    Returns:
        1 where a file names no run, or one from a changed checkout: nobody else could measure that again.
    """
    reports = [msgspec.json.decode(Path(name).read_bytes(), type=Report) for name in sys.argv[1:]]
    if not reports or any(each.machine["commit"].endswith("+changes") or not each.runs for each in reports):
        sys.stderr.write("Name the JSON files of one or more runs of a commit, with no changes beside it.\n")
        return 1
    encoded = msgspec.json.encode(reports).replace(b'{"work":', b'\n{"work":')
    DATA.write_bytes(encoded + b"\n")
    PAGE.write_text(rendered(PAGE.read_text("utf-8"), reports), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
