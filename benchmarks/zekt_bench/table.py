"""The table that people read: the middle of all runs, and how far they lie apart."""

from collections.abc import Callable

from rich import box
from rich.console import Console
from rich.table import Table

from zekt_bench.figures import BESIDE, OURS, Report, Row, Spread
from zekt_bench.ratios import HEADINGS, ratios

KEY = ("work", "how", "who")
"""What a line is known by."""

COLUMNS: tuple[tuple[str, Callable[[Row], float | None]], ...] = (
    ("items/s", lambda row: row.rate),
    ("p50 ms", lambda row: row.p50),
    ("p99 ms", lambda row: row.p99),
    ("max ms", lambda row: row.max),
    ("CPU-ms/item", lambda row: row.cpu_sum_each if row.cpu_each else None),
    ("WAL B/item", lambda row: row.wal_each),
    ("tx/item", lambda row: row.transactions_each),
    ("MB", lambda row: sum(mb for name, mb in row.memory.items() if name not in BESIDE) or None),
    ("load late ms", lambda row: row.late or None),
    ("others %", lambda row: row.others if row.cpu_each else None),
)
"""Heading, and the figure of one run. A row without processes was not metered: sizes, slopes, ages of a queue."""

_BUSY = 5.0
"""Per cent of the machine's time that others may take before it is said."""


def show(report: Report, console: Console) -> None:
    console.print(_figures(report))
    console.print(_processes(report))
    rows = [row for run in report.runs for row in run]
    if any(row.than for row in rows):
        console.print(_ratios(report))
    if (most := max((row.others for row in rows), default=0.0)) > _BUSY:
        console.print(f"The machine had other work, up to {most:.0f} % of its time: these figures tell of that, too.")
    for failed in (each for each in rows if each.failed):
        console.print(
            f"{_named(failed)}: {failed.failed} of {failed.items} were not accepted, or not dispatched once",
            style="red",
        )
    for none in dict.fromkeys(f"{_named(each)}: no figures: {each.missing}" for each in rows if each.missing):
        console.print(none, style="red", markup=False)


def _named(row: Row) -> str:
    return " ".join(filter(None, (row.work, row.how, "" if row.who == OURS else row.who)))


def _figures(report: Report) -> Table:
    at, commit = report.machine["at"], report.machine["commit"]
    title = f"{len(report.runs)} runs, {report.machine['cores']} cores, commit {commit}, {at}: middle (least..most)"
    table = Table(title=title, box=box.SIMPLE, title_justify="left")
    for heading in KEY:
        table.add_column(heading)
    table.add_column("items", justify="right")
    for heading, _ in COLUMNS:
        table.add_column(heading, justify="right")
    for key, rows in report.works().items():
        cells = [cell(Spread.of([figure(row) for row in rows])) for _, figure in COLUMNS]
        table.add_row(*key, *(["none, see below"] if rows[0].missing else [f"{rows[0].items} {rows[0].item}", *cells]))
    return table


def _processes(report: Report) -> Table:
    """Whose CPU and whose memory it is; the benchmark's own processes come last, and are in no sum."""
    table = Table(title="CPU-ms/item | MB, by process", box=box.SIMPLE, title_justify="left")
    works = report.works()
    names = sorted({name for rows in works.values() for name in rows[0].cpu_each}, key=lambda n: (n in BESIDE, n))
    for heading in (*KEY, *names):
        table.add_column(heading, justify="left" if heading in KEY else "right")
    for key, rows in works.items():
        if not rows[0].cpu_each:
            continue
        cells = []
        for name in names:
            cpu = Spread.of([row.cpu_each.get(name) for row in rows])
            memory = Spread.of([row.memory.get(name) for row in rows])
            cells.append(f"{short(cpu.middle)} | {short(memory.middle) if memory else '-'}" if cpu else "")
        table.add_row(*key, *cells)
    return table


def _ratios(report: Report) -> Table:
    table = Table(title="how many times the other: middle (least..most)", box=box.SIMPLE, title_justify="left")
    for heading in ("work", "how", "than", *HEADINGS):
        table.add_column(heading, justify="right" if heading in HEADINGS else "left")
    for key, found in ratios(report):
        table.add_row(*key, *(cell(spread) for spread in found))
    return table


def commit(report: Report) -> str:
    """As short as it is told apart by."""
    return str(report.machine["commit"])[:7]


def cell(spread: Spread | None) -> str:
    """The middle, and how far the runs lie apart where they do."""
    if spread is None:
        return ""
    if short(spread.least) == short(spread.most):
        return short(spread.middle)
    return f"{short(spread.middle)} ({short(spread.least)}..{short(spread.most)})"


def short(value: float) -> str:
    """Three digits are more than a run repeats."""
    for digits, least in ((0, 100), (1, 10), (2, 0)):
        if abs(value) >= least:
            return f"{value:,.{digits}f}"
    raise AssertionError("no number is below nought and above it")
