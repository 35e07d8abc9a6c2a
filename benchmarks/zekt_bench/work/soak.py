"""The same for a long time: what grows that should not — memory, tables, dead rows, the age of what is due."""

import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from statistics import linear_regression

import msgspec
import psycopg

from zekt_bench import letters
from zekt_bench.accounting import Meters
from zekt_bench.figures import BESIDE, Row, row, spread_of
from zekt_bench.house import House, accepted, house, problems
from zekt_bench.load import Answer
from zekt_bench.processes import Helper
from zekt_bench.size import Size

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
SELECT relname, pg_total_relation_size(relid), n_dead_tup FROM pg_stat_user_tables
WHERE n_tup_ins > 0 ORDER BY pg_total_relation_size(relid) DESC LIMIT 12
"""
"""pgstattuple would tell more of bloat, and is not among what the embedded PostgreSQL brings along."""


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
    with house() as here, here.serving(), here.working():
        accepted(here, letters.webhooks(here, 1, size.warm_up), _RATE)
        here.until_dispatched(size.warm_up, _PATIENCE)
        here.take_dispatches()
        runs = letters.runs(here, 1, round(_RATE * size.soak_seconds))
        requests = [letters.webhook(here, run) for run in runs]
        before = _tables(here)
        with here.loaded(requests, concurrency=4, rate=_RATE) as load:
            meters = here.meters()
            meters.fresh_start()
            reading = meters.read()
            samples = list(_samples(here, meters, load, size.soak_seconds))
            found = msgspec.convert(load.heard(), list[Answer])
            here.until_dispatched(len(runs), _PATIENCE)
            cost = meters.since(reading)
        begun = {str(run.id): answer.began for run, answer in zip(runs, found, strict=True)}
        came = [(at - begun[run]) / 1e9 for at, run, _ in here.take_dispatches()]
        yield row(
            _WORK,
            f"{_RATE}/s, fan-out 1, 1 worker",
            "dispatch",
            len(runs),
            cost,
            failed=problems(found),
            memory=dict(samples[-1].memory),
            **spread_of(came),
        )
        yield _told("age of the oldest due", "sample", len(samples), {}, [each.oldest_due for each in samples])
        for name, slope in slopes(samples).items():
            yield _told(f"{name}: MB more in an hour", "sample", len(samples), {name: slope})
        for when, tables in (("at the beginning", before), ("at the end", _tables(here))):
            for name, (megabytes, dead) in tables.items():
                yield _told(f"{name} and its indexes {when}", "dead row", dead, {name: megabytes})


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


def _tables(here: House) -> dict[str, tuple[float, int]]:
    """MB with indexes, and dead rows, of the largest; the statistics are a second old at the most."""
    threading.Event().wait(1)
    with psycopg.connect(here.database_url, autocommit=True) as connection:
        return {name: (length / 1024 / 1024, dead) for name, length, dead in connection.execute(_TABLES).fetchall()}


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
