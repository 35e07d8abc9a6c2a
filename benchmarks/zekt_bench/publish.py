"""`python -m zekt_bench.publish bench.json …`: the figures of stored runs into docs/performance.md and .json."""

import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec

from zekt_bench.figures import OURS, ROOT, Report, Row, Spread
from zekt_bench.ratios import HEADINGS, ratios
from zekt_bench.table import COLUMNS, KEY, cell, commit, short
from zekt_bench.targets import judged

PAGE = ROOT / "docs/performance.md"
DATA = ROOT / "docs/performance.json"
BEGIN, END = "<!-- figures: written by zekt_bench.publish -->\n", "<!-- /figures -->\n"

_JUDGED = (
    "The middle of all runs decides. Of the reports below, the first that has the figure counts; its commit is named."
)
_BESIDE = (
    "All of ours and all of theirs. [None of them does all that Zekt does]"
    "(https://github.com/zekt-dev-org/zekt-action/blob/main/benchmarks/peers/README.md#what-they-do-and-what-not)."
)
_NOTES = {
    "webhook 5 KB": "Of `webhook 5 KB` the Node bridge and Restate do more than ours, for they dispatch meanwhile.",
    "step": "`published` is the JavaScript action as it was published, at that tag. `original` is our own rewriting of "
    "it, as short as it can be: it is not the published code, and checks no message before it sends it.",
}
"""By the work which they are needed for."""
_COMPARED = ("items/s", "p50 ms", "p99 ms", "CPU-ms/item", "MB")


def block(reports: Sequence[Report]) -> str:
    """What stands between the marks."""
    if not reports:
        return "\nNo full run has been published yet.\n\n"
    lines = ["", "### Targets", "", _JUDGED, "", *judged(reports), "", *_peers(reports)]
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


def _peers(reports: Sequence[Report]) -> list[str]:
    """All who did what a peer did, too; and which peer has no figures where another has."""
    columns = [(heading, figure) for heading, figure in COLUMNS if heading in _COMPARED]
    lines, works = [], set()
    for report in reports:
        found = report.works()
        beside = {key[:2] for key, rows in found.items() if not _is_ours(key[2]) and not rows[0].missing}
        works |= {work for work, _ in beside}
        for key, rows in found.items():
            if key[:2] in beside:
                cells = [_items(rows), *(cell(Spread.of([figure(row) for row in rows])) for _, figure in columns)]
            elif beside and rows[0].missing and not _is_ours(key[2]):
                cells = [f"none: {rows[0].missing}", *("" for _ in columns)]
            else:
                continue
            lines.append(f"| {' | '.join((*key, *cells, commit(report)))} |")
    if not lines:
        return []
    notes = " ".join((_BESIDE, *(note for work, note in _NOTES.items() if work in works)))
    head = [
        f"| {' | '.join((*KEY, 'items', *(heading for heading, _ in columns), 'commit'))} |",
        "|---|---|---|--:|" + "--:|" * len(columns) + "---|",
    ]
    return ["### Beside what others would use, in the same run", "", notes, "", *head, *lines, ""]


def _is_ours(who: str) -> bool:
    """Those of ours that are no broker have a name of their own behind it."""
    return who == OURS or who.startswith(f"{OURS}, ")


def _head(report: Report) -> list[str]:
    machine = report.machine
    where = f"{machine['cores']} cores ({machine['cpu']}), {machine['memory_mb'] / 1024:.0f} GiB"
    with_what = f"Linux {machine['kernel']}, Python {machine['python']}, {machine['postgresql']}"
    count = f"{len(report.runs)} runs, of which the middle (least..most)" if len(report.runs) > 1 else "one run"
    return [
        f"### Commit {machine['commit']}, {machine['at']}",
        "",
        f"{'; '.join((f'{where}, {with_what}', *_found(machine), count))}:",
        "",
        "```sh",
        report.command,
        "```",
        *_versions(machine.get("peers", {})),
    ]


def _found(machine: Mapping[str, Any]) -> Iterator[str]:
    """How the machine was before it began, as far as it was asked then."""
    if "load_average_before" in machine:
        yield f"load average {short(machine['load_average_before'][0])} before it began"
    if "filesystem" in machine:
        yield f"databases on {machine['filesystem']}"
    if "fsync_ms" in machine:
        yield f"an fsync there takes {short(machine['fsync_ms'])} ms"


def _versions(peers: Mapping[str, Mapping[str, str]]) -> Iterator[str]:
    """By the folders of benchmarks/peers. An alias of npm's says which package it stands for before the version."""
    told = []
    for folder, versions in peers.items():
        each = ", ".join(f"`{package}` {version.rpartition('@')[2]}" for package, version in versions.items())
        told.append(f"{folder} ({each})")
    if told:
        yield from ("", f"Versions of peers: {'; '.join(told)}.")


def _items(rows: Sequence[Row]) -> str:
    failed = sum(row.failed for row in rows)
    return f"{rows[0].items:,} {rows[0].item}" + (f", **{failed} failed**" if failed else "")


def _figures(report: Report) -> list[str]:
    lines = [
        f"| {' | '.join((*KEY, 'items', *(heading for heading, _ in COLUMNS)))} |",
        "|---|---|---|--:|" + "--:|" * len(COLUMNS),
    ]
    for key, rows in report.works().items():
        items, cells = _items(rows), [cell(Spread.of([figure(row) for row in rows])) for _, figure in COLUMNS]
        if rows[0].missing:
            items, cells = f"none: {rows[0].missing}", [""] * len(COLUMNS)
        lines.append(f"| {' | '.join((*key, items, *cells))} |")
    return lines


def _processes(report: Report) -> list[str]:
    lines = ["CPU-ms an item and MB, by process:", "", f"| {' | '.join((*KEY, 'by process'))} |", "|---|---|---|---|"]
    for key, rows in report.works().items():
        if not rows[0].cpu_each:
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
        1 where a file is `refused`.
    """
    reports = {name: msgspec.json.decode(Path(name).read_bytes(), type=Report) for name in sys.argv[1:]}
    turned_down = [f"{name}: {why}\n" for name, report in reports.items() if (why := refused(report))]
    if turned_down or not reports:
        sys.stderr.write("".join(turned_down) or "Name the JSON files of one or more runs.\n")
        return 1
    encoded = msgspec.json.encode(list(reports.values())).replace(b'{"work":', b'\n{"work":')
    DATA.write_bytes(encoded + b"\n")
    PAGE.write_text(rendered(PAGE.read_text("utf-8"), list(reports.values())), encoding="utf-8")
    return 0


def refused(report: Report) -> str:
    """Why it cannot be published, or nothing."""
    if not report.runs:
        return "it has no run."
    if not report.complete:
        return "it was broken off: only what was measured to its end is published."
    if report.machine["commit"].endswith("+changes"):
        return "its checkout had changes: only what ran at a commit, with no changes beside it, is published."
    if "--short" in report.command:
        return "it is a short one, which shows that all works, and nothing more."
    if wrong := [f"{row.work} {row.how}" for run in report.runs for row in run if row.failed and row.who == OURS]:
        return f"not all was accepted, or dispatched once: {', '.join(sorted(set(wrong)))}."
    return ""


if __name__ == "__main__":
    sys.exit(main())
