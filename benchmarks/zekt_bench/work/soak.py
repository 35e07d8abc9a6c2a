"""The same for a long time: what grows that should not — memory, tables, dead rows, the age of what is due."""

import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from statistics import linear_regression

import msgspec
import psycopg
from psycopg import sql

from zekt_bench import letters
from zekt_bench.accounting import Meters
from zekt_bench.figures import BESIDE, Row, row, spread_of
from zekt_bench.house import House, accepted, house, problems
from zekt_bench.load import Answer
from zekt_bench.processes import Helper
from zekt_bench.size import Size
from zekt_bench.work import flow

_RATE = 20
"""Events a second."""
_WORK = "soak"
_SAMPLES = 120
_PATIENCE = 120
_HOUR = 3600

_OLDEST_DUE = """
SELECT coalesce(extract(epoch FROM now() - min(due_at)), 0)::float FROM deliveries
WHERE status = 'pending' AND due_at <= now()
"""
_TABLES = """
SELECT s.relname, pg_table_size(s.relid), pg_indexes_size(s.relid), s.n_dead_tup, count(i.indexrelid)
FROM pg_stat_user_tables s LEFT JOIN pg_index i ON i.indrelid = s.relid
GROUP BY s.relid, s.relname, s.n_dead_tup ORDER BY pg_total_relation_size(s.relid) DESC
"""
_LARGEST = 10


@dataclass(frozen=True, slots=True)
class Sample:
    """How things stand at one moment."""

    at: float
    """Seconds since it began."""
    memory: Mapping[str, float]
    """MB by process."""
    oldest_due: float
    """Seconds."""


def soak(size: Size) -> Iterator[Row]:
    """One API and one worker, each event for one subscriber, until the time is up."""
    with house() as here:
        with here.serving(), here.working():
            yield from _kept_busy(here, size)
        yield from _bloat(here)


def _kept_busy(here: House, size: Size) -> Iterator[Row]:
    accepted(here, letters.webhooks(here, 1, size.warm_up), _RATE)
    here.until_dispatched(size.warm_up, _PATIENCE)
    here.take_dispatches()
    runs = letters.runs(here, 1, round(_RATE * size.soak_seconds))
    requests = [letters.webhook(here, run) for run in runs]
    with here.loaded(requests, concurrency=4, rate=_RATE) as load:
        meters = here.meters()
        meters.fresh_start()
        reading = meters.read()
        samples = list(_samples(here, meters, load, size.soak_seconds))
        found = msgspec.convert(load.heard(), list[Answer])
        here.until_dispatched(len(runs), _PATIENCE)
        cost = meters.since(reading)
    seconds, wrong = flow.since_due(flow.due_at(runs, found), here.take_dispatches(), 1)
    yield row(
        _WORK,
        f"{_RATE}/s, fan-out 1, 1 worker",
        "dispatch",
        len(runs),
        cost,
        failed=problems(found) + wrong,
        memory=dict(samples[-1].memory),
        late=1000 * max(each.late for each in found),
        **spread_of(seconds),
    )
    yield _told("age of the oldest due", "sample", len(samples), {}, [each.oldest_due for each in samples])
    for name, slope in slopes(samples).items():
        yield _told(f"{name}: MB more in an hour", "sample", len(samples), {name: slope})


def slopes(samples: Sequence[Sample]) -> dict[str, float]:
    """MB an hour by least squares, of each of the broker's processes; without the first sixth, which is the start."""
    counted = samples[len(samples) // 6 :]
    at = [sample.at for sample in counted]
    return {
        name: _HOUR * linear_regression(at, [sample.memory[name] for sample in counted]).slope
        for name in counted[0].memory
        if name not in BESIDE
    }


def _samples(here: House, meters: Meters, load: Helper, seconds: float) -> Iterator[Sample]:
    """From the moment that it sends until it has sent all."""
    load.tell(go=True)
    began, pause = time.monotonic(), threading.Event()
    with psycopg.connect(here.database_url, autocommit=True) as connection:
        for number in range(1, _SAMPLES + 1):
            pause.wait(max(0.0, began + number * seconds / _SAMPLES - time.monotonic()))
            found = connection.execute(_OLDEST_DUE).fetchone()
            yield Sample(time.monotonic() - began, meters.memory(), float(found[0]) if found else 0.0)


def _bloat(here: House) -> Iterator[Row]:
    """What tables and indexes take, and what the same rows take once they are written anew: the rest is bloat."""
    with psycopg.connect(here.database_url, autocommit=True) as connection:
        found = connection.execute(_TABLES).fetchall()[:_LARGEST]
        for name, *_ in found:
            connection.execute(sql.SQL("VACUUM (FULL) {}").format(sql.Identifier(name)))
        anew = {name: sizes for name, *sizes in connection.execute(_TABLES).fetchall()}
    for name, rows, indexes, dead, count in found:
        for what, length, items, item in (
            ("its rows", rows, dead, "dead row"),
            ("its rows, written anew", anew[name][0], 1, "table"),
            ("its indexes", indexes, count, "index"),
            ("its indexes, written anew", anew[name][1], count, "index"),
        ):
            yield _told(f"{name}: {what}", item, items, {name: length / 1024 / 1024})


def _told(how: str, item: str, items: int, memory: dict[str, float], seconds: Sequence[float] = ()) -> Row:
    return Row(
        work=_WORK,
        how=how,
        item=item,
        items=items,
        seconds=0.0,
        cpu_each={},
        cpu_sum_each=0.0,
        memory=memory,
        **spread_of(seconds),
    )
