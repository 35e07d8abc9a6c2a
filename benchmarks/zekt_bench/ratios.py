"""Two rows of the same run, one in ratio to the other: what both met of a busy machine is in neither."""

from collections.abc import Iterator

from zekt_bench.figures import Report, Row, Spread

COMPARED = ("rate", "p50", "p99", "cpu_sum_each", "wal_each")
HEADINGS = ("items/s", "p50", "p99", "CPU/item", "WAL/item")


def ratios(report: Report) -> Iterator[tuple[tuple[str, str, str], list[Spread | None]]]:
    """(work, how, than), and how many times that other's each figure is, over all runs."""
    works = report.works()
    for (work, how, who), rows in works.items():
        than = rows[0].than
        if than and not rows[0].missing:
            pairs = list(zip(rows, works[work, than, who], strict=True))
            yield (work, how, than), [Spread.of([_ratio(*pair, figure) for pair in pairs]) for figure in COMPARED]


def _ratio(row: Row, other: Row, figure: str) -> float | None:
    value, base = getattr(row, figure), getattr(other, figure)
    return value / base if value is not None and base else None
