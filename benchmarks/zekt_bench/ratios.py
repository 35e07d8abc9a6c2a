"""Two rows of the same run, one in ratio to the other: what both met of a busy machine is in neither."""

from collections.abc import Iterator

from zekt_bench.figures import Report, Row, Spread

COMPARED = ("rate", "p50", "p99", "cpu_sum_each", "wal_each")
HEADINGS = ("items/s", "p50", "p99", "CPU/item", "WAL/item")


Key = tuple[str, str, str]
"""work, how, who."""


def ratios(report: Report) -> Iterator[tuple[Key, list[Spread | None]]]:
    """(work, how, than), and how many times that other's each figure is, over all runs that have both."""
    for (work, how, who), rows in report.works().items():
        than = rows[0].than
        if than and (both := pairs(report, (work, how, who), (work, than, who))):
            yield (work, how, than), [Spread.of([_ratio(*pair, figure) for pair in both]) for figure in COMPARED]


def pairs(report: Report, key: Key, other: Key) -> list[tuple[Row, Row]]:
    """Of each run that has both: one that broke off may have one of them."""
    runs = ({(row.work, row.how, row.who): row for row in run if not row.missing} for run in report.runs)
    return [(run[key], run[other]) for run in runs if key in run and other in run]


def _ratio(row: Row, other: Row, figure: str) -> float | None:
    value, base = getattr(row, figure), getattr(other, figure)
    return value / base if value is not None and base else None
