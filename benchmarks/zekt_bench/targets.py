"""Where figures should be, and whether what was measured is there: in the middle of all runs, and in each."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from zekt_bench.figures import OURS, Report, Row, Spread
from zekt_bench.ratios import pairs, ratios
from zekt_bench.table import cell, commit
from zekt_bench.work.action import BARE, HOW, ORIGINAL, PUBLISHED

Figure = Literal["rate", "p50", "p99", "cpu_sum_each", "api", "worker", "step", "image"]
"""Of the row; a process's name stands for its memory."""


@dataclass(frozen=True, slots=True)
class Target:
    """A figure, and where it should be."""

    measure: str
    work: str
    how: str
    figure: Figure
    bound: float
    unit: str
    least: bool = False
    """Whether the bound is a least and not a most."""
    who: str = OURS
    against: str = ""
    """Whose figure of the same run it is divided by."""


_INGEST = "webhook 5 KB", "c=16"
_EACH, _FIVE = ("event → dispatch", "10/s, fan-out 1, 1 worker"), ("event → dispatch", "10/s, fan-out 5, 1 worker")
_WAITING, _THROUGH = ("burst of 10000 x 5", "2 workers"), ("event → dispatch", "c=16, fan-out 5, 1 worker")
_OF_WAITING, _OF_ALL = "of waiting events, fan-out 5, 2 workers", "from receiving the webhook on, fan-out 5, 1 worker"
_TAGS = ("v2.1.0", 20), ("v3.0.7", 24)
"""Of the JavaScript action: the last of each major version that sends what the broker still takes."""
_SENDS = ("send, as composite", OURS), ("send, as the image's program run bare", BARE)
_ORIGINALS = (
    *((f"the published action {tag}, Node {major}", PUBLISHED.format(tag, major)) for tag, major in _TAGS),
    *((f"our own rewriting of the original action, Node {major}", ORIGINAL.format(major)) for major in (20, 24)),
)
_OF_A_SEND: tuple[tuple[str, Figure], ...] = (("time of the whole process", "p50"), ("memory", "step"))

TARGETS = (
    Target("durable ingest of signed 5 KB webhooks, c=16", *_INGEST, "rate", 600, "/s", least=True),
    Target("durable ingest of signed 5 KB webhooks, c=16, p99", *_INGEST, "p99", 50, "ms"),
    Target("event → dispatch at 10/s, fan-out 1, p50", *_EACH, "p50", 15, "ms"),
    Target("event → dispatch at 10/s, fan-out 1, p99", *_EACH, "p99", 50, "ms"),
    Target("event → dispatch at 10/s, fan-out 5, p50", *_FIVE, "p50", 15, "ms"),
    Target("event → dispatch at 10/s, fan-out 5, p99", *_FIVE, "p99", 50, "ms"),
    Target(f"dispatches {_OF_WAITING}", *_WAITING, "rate", 500, "/s", least=True),
    Target(f"dispatches {_OF_ALL}", *_THROUGH, "rate", 500, "/s", least=True),
    Target(f"CPU per dispatch {_OF_WAITING}, database included", *_WAITING, "cpu_sum_each", 2.0, "ms"),
    Target(f"CPU per dispatch, {_OF_ALL}, database included", *_THROUGH, "cpu_sum_each", 2.0, "ms"),
    Target("resident memory of one idle API", "idle", "API alone, RSS", "api", 90, "MB"),
    Target("resident memory of one idle worker", "idle", "worker alone, RSS", "worker", 90, "MB"),
    Target("image above its base, compressed", "image", "all above the base, compressed", "image", 30, "MB"),
    *(
        Target(
            f"{what}: {measure}, against {other}",
            *("step", HOW),
            figure,
            1.0,
            "times",
            who=who,
            against=against,
        )
        for what, who in _SENDS
        for other, against in _ORIGINALS
        for measure, figure in _OF_A_SEND
    ),
)

_FLOWS = ("webhook", "message", "dispatch")
_GROWN, _PAGE = 1.2, 100
"""Times what it costs on an empty database, and milliseconds."""


def judged(reports: Sequence[Report]) -> list[str]:
    """A table: each with what was measured, met or not; the first report that has the row counts."""
    lines = ["| measure | target | measured | met | commit |", "|---|---|---|---|---|"]
    for target in TARGETS:
        bound = f"{'≥' if target.least else '≤'} {target.bound:g} {target.unit}"
        for report in reports:
            if (found := _measured(report, target)) is not None:
                met = verdict(found, target.bound, least=target.least)
                lines.append(_line(target.measure, bound, f"{cell(found)} {target.unit}", met, _source(report)))
                break
        else:
            lines.append(_line(target.measure, bound, "not measured", "", ""))
    return [*lines, *(line for report in reports for line in _grown(report))]


def verdict(found: Spread, bound: float, *, least: bool = False) -> str:
    """The middle decides, and a run that missed is told."""
    if found.middle < bound if least else found.middle > bound:
        return "**no**"
    missed = found.least < bound if least else found.most > bound
    return "yes, but not in each run" if missed else "yes"


def _line(*cells: str) -> str:
    return f"| {' | '.join(cells)} |"


def _source(report: Report) -> str:
    """Of one run it is told: there was no other in which it might have been missed."""
    return commit(report) + (", one run" if len(report.runs) == 1 else "")


def _grown(report: Report) -> Iterator[str]:
    """What a full database changes in CPU, and which page takes longest."""
    works, source = report.works(), _source(report)
    for (work, how, than), (*_, cpu, _) in ratios(report):
        if works[work, how, OURS][0].item in _FLOWS and cpu is not None:
            measure = f"CPU, {work}: {how}, against {than}"
            yield _line(measure, f"≤ {_GROWN} times", f"{cell(cpu)} times", verdict(cpu, _GROWN), source)
    pages = {how: Spread.of([row.p50 for row in rows]) for (work, how, _), rows in works.items() if work == "page"}
    slowest: dict[str, tuple[str, Spread]] = {}
    for how, spread in pages.items():
        page, _, ground = how.rpartition(", ")
        if spread is not None and (ground not in slowest or spread.middle > slowest[ground][1].middle):
            slowest[ground] = page, spread
    for ground, (page, spread) in slowest.items():
        met = verdict(spread, _PAGE)
        yield _line(f"slowest page, {ground}, p50: {page}", f"≤ {_PAGE} ms", f"{cell(spread)} ms", met, source)


def _measured(report: Report, target: Target) -> Spread | None:
    ours = target.work, target.how, target.who
    if not target.against:
        return Spread.of([_figure(row, target.figure) for row in report.works().get(ours, [])])
    both = pairs(report, ours, (target.work, target.how, target.against))
    figures = [(_figure(mine, target.figure), _figure(other, target.figure)) for mine, other in both]
    return Spread.of([mine / other for mine, other in figures if mine is not None and other])


def _figure(row: Row, name: str) -> float | None:
    return getattr(row, name) if name in Row.__struct_fields__ else row.memory.get(name)
