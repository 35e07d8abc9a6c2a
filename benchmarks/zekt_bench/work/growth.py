"""The same on a database with very much in it and on an empty one: what grows with what has been, or with what waits.

Each has an empty one of its own, right after it: a machine is not as fast after ten minutes as it was.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import msgspec

from zekt_bench.figures import Row
from zekt_bench.ground import EMPTY, PAST, SUBSCRIBED, WAITING, Ground
from zekt_bench.house import House
from zekt_bench.size import Size
from zekt_bench.work import flow, ingest

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
    """Ingest, latency and burst, for a shorter time, on whatever database the house has."""
    shorter = msgspec.structs.replace(
        size, latency_seconds=size.growth_seconds, latency_events=size.growth_events, burst_events=size.growth_burst
    )
    with here.serving():
        undone = size.warm_up
        for row in ingest.webhooks_at(here, shorter):
            undone += row.items
            yield row
        yield from ingest.messages_at(here, shorter)
        with here.working():
            here.until_dispatched(undone, _PATIENCE)
            here.take_dispatches()
            yield from flow.latency_at(here, shorter, flow.FEW)
        for workers in flow.WORKERS:
            yield flow.burst_at(here, shorter, workers)
        # Not before: more than a thousand subscriptions are none that an empty database has.
        here.set_up((*(fan_out for _, fan_out in flow.MANY), size.widest))
        with here.working():
            yield from flow.latency_at(here, shorter, flow.MANY, (size.widest,))
