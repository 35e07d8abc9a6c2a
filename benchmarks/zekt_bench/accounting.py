"""What work cost: the operating system's own accounting of processes, and PostgreSQL's of what it wrote."""

import os
import time
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Literal

import psutil  # type: ignore[import-untyped]  # it has no types
import psycopg

_MB = 1024 * 1024
_PATIENCE = 60

_WRITTEN = """
    SELECT pg_current_wal_insert_lsn() - '0/0'::pg_lsn, pg_snapshot_xmax(pg_current_snapshot())::text::bigint
"""
"""Both are exact at once. pg_stat_database's commits, which count reads too, are told up to ten seconds late:
https://www.postgresql.org/docs/current/monitoring-stats.html ."""


def family(pid: int) -> Iterator[psutil.Process]:
    """The process, and all that come of it."""
    with suppress(psutil.NoSuchProcess):
        first = psutil.Process(pid)
        yield first
        yield from first.children(recursive=True)


def cpu_seconds(pid: int) -> float:
    """What a process and all that came of it have used: utime + stime of the living, and of the dead as reaped.

    The kernel tells it in hundredths of a second (proc_pid_stat(5)): too coarse for one item, and exact for a thousand.
    """
    total = 0.0
    for process in family(pid):
        with suppress(psutil.NoSuchProcess):
            times = process.cpu_times()
            total += times.user + times.system + times.children_user + times.children_system
    return total


def megabytes(pid: int, figure: Literal["pss", "rss"]) -> float:
    """What a process and its children take.

    Args:
        pid: of the process.
        figure: `pss`, the proportional set size: a page that n processes share counts as 1/n of it, so that
            PostgreSQL's shared buffers count once, and the sum of all processes is what they take together. `rss`, the
            resident set size: all that is mapped, whoever else maps it.
    """
    total = 0
    for process in family(pid):
        with suppress(psutil.NoSuchProcess):
            total += getattr(process.memory_full_info(), figure)
    return float(total / _MB)


def machine_busy_seconds() -> float:
    """CPU seconds that all processes of this machine have used, of all cores."""
    times = psutil.cpu_times()
    return float(sum(times) - times.idle - times.iowait - times.guest - times.guest_nice)


@dataclass(frozen=True, slots=True)
class Reading:
    """How all meters stand at one moment."""

    at: float
    cpu: Mapping[str, float]
    """Seconds, by name of the process."""
    machine: float
    wal: int
    transactions: int


@dataclass(frozen=True, slots=True)
class Cost:
    """What was used between two readings."""

    seconds: float
    cpu: Mapping[str, float]
    """Seconds, by name of the process."""
    others: float
    """CPU seconds of this machine that no process of ours used. Where they are many, the figures tell of those, too."""
    wal: int
    """Bytes of write-ahead log."""
    transactions: int
    """That wrote: those without a write get no number. Savepoints that wrote count as well."""

    @property
    def others_percent(self) -> float:
        """Of the CPU time that all cores had."""
        return 100 * self.others / (self.seconds * (os.cpu_count() or 1))


class Meters:
    """Reads them all.

    Args:
        pids: by name; the children belong to it.
        database_url: whose server writes the log.

    This process is metered beside them as `bench`, without its children: they are the others.
    """

    def __init__(self, pids: Mapping[str, int], database_url: str) -> None:
        self._pids = dict(pids)
        self._own = psutil.Process()
        self._database_url = database_url

    def fresh_start(self) -> None:
        """Write out what is dirty, so that each work finds PostgreSQL's log in the same state.

        The first change of a page afterwards puts the whole page into the log: figures of WAL are upper ones. Where
        autovacuum is off, its work is done here. It ends once PostgreSQL has been told what that used, which is when
        the process is gone: a reading before that would leave it to the work.
        """
        with psycopg.connect(self._database_url, autocommit=True) as connection:
            backend = psutil.Process(connection.info.backend_pid)
            if connection.execute("SHOW autovacuum").fetchone() == ("off",):
                connection.execute("VACUUM ANALYZE")
            connection.execute("CHECKPOINT")
        backend.wait(_PATIENCE)

    def read(self) -> Reading:
        """Before work: what asking the database costs is not part of it."""
        wal, transactions = self._written()
        return Reading(time.monotonic(), self._used(), machine_busy_seconds(), wal, transactions)

    def since(self, before: Reading) -> Cost:
        """After it: likewise."""
        at, used, machine = time.monotonic(), self._used(), machine_busy_seconds()
        wal, transactions = self._written()
        cpu = {name: used[name] - before.cpu[name] for name in used}
        return Cost(
            seconds=at - before.at,
            cpu=cpu,
            others=max(0.0, machine - before.machine - sum(cpu.values())),
            wal=wal - before.wal,
            transactions=transactions - before.transactions,
        )

    def _used(self) -> dict[str, float]:
        own = self._own.cpu_times()
        return {name: cpu_seconds(pid) for name, pid in self._pids.items()} | {"bench": own.user + own.system}

    def _written(self) -> tuple[int, int]:
        with psycopg.connect(self._database_url, autocommit=True) as connection:
            row = connection.execute(_WRITTEN).fetchone()
        if row is None:
            raise AssertionError("a SELECT without FROM has one row")
        return int(row[0]), int(row[1])

    def memory(self) -> dict[str, float]:
        """Megabytes (PSS) by name."""
        return {name: megabytes(pid, "pss") for name, pid in self._pids.items()}

    def resident(self, name: str) -> dict[str, float]:
        """Megabytes (RSS) of that one."""
        return {name: megabytes(self._pids[name], "rss")}
