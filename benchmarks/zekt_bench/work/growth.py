"""The same on a database with very much in it and on an empty one: what grows with what has been, or with what waits.

Both brokers are there at once, and each row is measured on the one and then on the other: this machine's speed changes
from minute to minute.
"""

from collections.abc import Generator, Iterator
from contextlib import closing
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
    kinds: tuple[str, ...] = (PAST, WAITING, SUBSCRIBED)

    def __call__(self, size: Size) -> Iterator[Row]:
        for kind in self.kinds:
            filled = self.ground.called(kind)
            with (
                self.ground.copy(kind) as full,
                self.ground.copy(EMPTY) as empty,
                closing(few(full, size)) as ours,
                closing(few(empty, size)) as others,
            ):
                for row in ours:
                    than = f"{row.how}, empty beside {filled}"
                    yield msgspec.structs.replace(row, how=f"{row.how}, {filled}", than=than)
                    yield msgspec.structs.replace(next(others), how=than)


def few(here: House, size: Size) -> Generator[Row]:
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
