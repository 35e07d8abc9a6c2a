"""What is reported: one row for each work, the same work of several runs side by side, and as JSON."""

import math
import os
import platform
import subprocess
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from tempfile import gettempdir
from typing import Any

import msgspec
import psutil  # type: ignore[import-untyped]  # it has no types

from zekt_bench import disk
from zekt_bench.accounting import Cost

BESIDE = ("load", "sink", "bench")
"""Processes of the benchmark's own (`bench` is the first of them, with the sandbox in it): told, and in no sum."""

ROOT = Path(__file__).resolve().parents[2]


OURS = "Zekt"


class Row(msgspec.Struct, kw_only=True):
    """One work, once. Times are milliseconds, memory is megabytes, and what is `each` is for one item."""

    work: str
    how: str
    who: str = OURS
    """Whose broker, or action, did it."""
    than: str = ""
    """The `how` of the same work in the same run that this one is told in ratios to."""
    item: str
    """What is counted: webhook, message, dispatch …"""
    items: int
    failed: int = 0
    """Answers that were no acceptance. A row with any tells of another work than its name."""
    seconds: float
    rate: float | None = None
    """Items a second; None where the rate was given."""
    p50: float | None = None
    p99: float | None = None
    max: float | None = None
    cpu_each: dict[str, float]
    """CPU-ms by process; PostgreSQL's backends are `postgres`."""
    cpu_sum_each: float
    """Of all but the benchmark's own."""
    memory: dict[str, float] = {}
    """PSS at the end, by process; RSS of one that runs alone, and of a short-lived one its peak."""
    wal_each: float | None = None
    """Bytes."""
    transactions_each: float | None = None
    """Only those that wrote."""
    others: float = 0.0
    """Per cent of the machine's CPU time that processes took which are not ours."""
    missing: str = ""
    """Why there are no figures, where there are none."""
    late: float = 0.0
    """Milliseconds that the load was late at the most. In no latency; it tells of a load that is short of CPU."""


def row(work: str, how: str, item: str, items: int, cost: Cost, **more: Any) -> Row:
    """With what each item cost."""
    cpu = {name: 1000 * seconds / items for name, seconds in cost.cpu.items()}
    return Row(
        work=work,
        how=how,
        item=item,
        items=items,
        seconds=cost.seconds,
        cpu_each=cpu,
        cpu_sum_each=sum(each for name, each in cpu.items() if name not in BESIDE),
        wal_each=cost.wal / items,
        transactions_each=cost.transactions / items,
        others=cost.others_percent,
        **more,
    )


def missing(work: str, how: str, who: str, why: str) -> Row:
    """In the place of figures that there are not."""
    return Row(work=work, how=how, who=who, item="", items=0, seconds=0.0, cpu_each={}, cpu_sum_each=0.0, missing=why)


def spread_of(seconds: Sequence[float]) -> dict[str, Any]:
    """p50, p99 (nearest rank) and max, in milliseconds."""
    ordered = sorted(seconds)
    if not ordered:
        return {}
    rank = {name: ordered[math.ceil(share * len(ordered)) - 1] for name, share in (("p50", 0.5), ("p99", 0.99))}
    return {**{name: 1000 * value for name, value in rank.items()}, "max": 1000 * ordered[-1]}


class Report(msgspec.Struct, kw_only=True):
    """All runs, and where they were made."""

    command: str
    machine: dict[str, Any]
    runs: list[list[Row]]
    complete: bool = True
    """False until all that was asked for has been measured: what ended before tells of less than its command says."""

    def works(self) -> dict[tuple[str, str, str], list[Row]]:
        """By (work, how, who), all runs; in the order of the first, but those who did the same one below the other."""
        found: dict[tuple[str, str], dict[str, list[Row]]] = {}
        for run in self.runs:
            for each in run:
                found.setdefault((each.work, each.how), {}).setdefault(each.who, []).append(each)
        return {(*work, who): rows for work, by_who in found.items() for who, rows in by_who.items()}


class Spread(msgspec.Struct, frozen=True):
    """One figure of several runs."""

    middle: float
    least: float
    most: float

    @classmethod
    def of(cls, values: Sequence[float | None]) -> "Spread | None":
        known = [value for value in values if value is not None]
        return cls(median(known), min(known), max(known)) if known else None

    def overlaps(self, other: "Spread") -> bool:
        return self.least <= other.most and other.least <= self.most


def machine(versions: Mapping[str, str]) -> dict[str, Any]:
    """What the figures hold for. The databases are in the folder for temporary files, see `house`."""
    disk_of = Path(gettempdir())
    model = next(
        (line.partition(":")[2].strip() for line in _lines("/proc/cpuinfo") if line.startswith("model name")), "unknown"
    )
    return {
        "at": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "commit": _git("rev-parse", "--short=12", "HEAD") + ("+changes" if _git("status", "--porcelain") else ""),
        "cpu": model,
        "cores": os.cpu_count(),
        "memory_mb": round(psutil.virtual_memory().total / 1024 / 1024),
        "filesystem": disk.filesystem(disk_of),
        "fsync_ms": disk.fsync_ms(disk_of),
        "kernel": platform.release(),
        "python": platform.python_version(),
        "load_average_before": list(os.getloadavg()),
        **versions,
    }


def _lines(path: str) -> list[str]:
    file = Path(path)
    return file.read_text(encoding="utf-8").splitlines() if file.exists() else []


def _git(*arguments: str) -> str:
    done = subprocess.run(  # noqa: S603 — our own arguments
        ["git", *arguments],  # noqa: S607 — whichever git there is
        cwd=ROOT,
        check=False,
        capture_output=True,
        text=True,
    )
    return done.stdout.strip() if done.returncode == 0 else "unknown"
