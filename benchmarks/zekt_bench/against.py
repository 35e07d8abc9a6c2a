"""Ours beside a stored run's."""

from rich import box
from rich.console import Console
from rich.table import Table

from zekt_bench.figures import Report, Spread
from zekt_bench.table import COLUMNS, KEY, short

_COMPARED = COLUMNS[:-2]
"""All but how late the load was, and what other processes took."""


def show(now: Report, then: Report, console: Console) -> None:
    """A change is bold where the runs of the one and of the other do not overlap: any other may be chance."""
    title = f"against commit {then.machine['commit']}, {then.machine['at']}: then → now; bold where no run overlaps"
    table = Table(title=title, box=box.SIMPLE, title_justify="left")
    for heading in (*KEY, *(heading for heading, _ in _COMPARED)):
        table.add_column(heading, justify="left" if heading in KEY else "right")
    before = then.works()
    for key, rows in now.works().items():
        if key not in before:
            table.add_row(*key, "[dim]not in that run[/]")
            continue
        changes = [
            _change(Spread.of([figure(row) for row in before[key]]), Spread.of([figure(row) for row in rows]))
            for _, figure in _COMPARED
        ]
        table.add_row(*key, *changes)
    console.print(table)
    for name in ("cpu", "cores", "python", "postgresql", "filesystem"):
        if now.machine.get(name) != then.machine.get(name):
            console.print(f"Not comparable: {name} was {then.machine.get(name)!r}, is {now.machine.get(name)!r}.")


def _change(then: Spread | None, now: Spread | None) -> str:
    if then is None or now is None:
        return ""
    percent = f" {100 * (now.middle / then.middle - 1):+.0f} %" if then.middle else ""
    text = f"{short(then.middle)} → {short(now.middle)}{percent}"
    return text if now.overlaps(then) else f"[bold]{text}[/]"
