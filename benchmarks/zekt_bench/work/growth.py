"""The same on a database with very much in it and on an empty one: what grows with what has been, or with what waits.

Each has an empty one of its own, right after it: a machine is not as fast after ten minutes as it was.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import msgspec

from zekt_bench import letters
from zekt_bench.figures import Row
from zekt_bench.ground import EMPTY, PAST, SUBSCRIBED, WAITING, Ground
from zekt_bench.house import House, accepted
from zekt_bench.size import Size
from zekt_bench.work import flow, ingest

_CONCURRENCY = 16
_AT = ((10, 1), (100, 1), (10, 5))
"""(events a second, consumers of each)."""
_FAN_OUT = 5
_WORKERS = (1, 2)
_PATIENCE = 300


@dataclass(frozen=True, slots=True)
class Growth:
    ground: Ground

    def __call__(self, size: Size) -> Iterator[Row]:
        for kind in (PAST, WAITING, SUBSCRIBED):
            filled = self.ground.called(kind)
            with self.ground.copy(kind) as here:
                for row in few(here, size):
                    than = f"{row.how}, empty after {filled}"
                    yield msgspec.structs.replace(row, how=f"{row.how}, {filled}", than=than)
            with self.ground.copy(EMPTY) as here:
                for row in few(here, size):
                    yield msgspec.structs.replace(row, how=f"{row.how}, empty after {filled}")


def few(here: House, size: Size) -> Iterator[Row]:
    """Some of ingest, latency and burst, on whatever database the house has."""
    with here.serving():
        accepted(here, letters.webhooks(here, 1, size.warm_up), _CONCURRENCY)
        webhooks = letters.webhooks(here, 1, size.growth_webhooks)
        yield ingest.measured(here, "webhook 5 KB", "webhook", webhooks, _CONCURRENCY)
        yield ingest.sent(here, "1 KB", size.messages)
        with here.working():
            here.until_dispatched(size.warm_up + size.growth_webhooks, _PATIENCE)
            here.take_dispatches()
            for rate, fan_out in _AT:
                events = max(size.latency_events, round(rate * size.latency_seconds / 2))
                yield flow.all_the_way(here, f"{rate}/s, fan-out {fan_out}", fan_out, events, concurrency=4, rate=rate)
        for workers in _WORKERS:
            found = accepted(here, letters.webhooks(here, _FAN_OUT, size.growth_burst), _CONCURRENCY)
            here.meters().fresh_start()
            with here.working(workers):
                yield flow.drained(here, workers, size.growth_burst * _FAN_OUT, found)
