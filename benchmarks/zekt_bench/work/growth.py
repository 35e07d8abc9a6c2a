"""The same on an empty database and on one with very much in it: what grows with what has been, or with what waits."""

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
_RATE = 10
_FAN_OUT = 5
_PATIENCE = 300


@dataclass(frozen=True, slots=True)
class Growth:
    ground: Ground

    def __call__(self, size: Size) -> Iterator[Row]:
        for kind in (EMPTY, PAST, WAITING, SUBSCRIBED):
            with self.ground.copy(kind) as here:
                for row in few(here, size):
                    how = f"{row.how}, {self.ground.called(kind)}"
                    than = "" if kind == EMPTY else f"{row.how}, {self.ground.called(EMPTY)}"
                    yield msgspec.structs.replace(row, how=how, than=than)


def few(here: House, size: Size) -> Iterator[Row]:
    """A little of ingest, latency and burst, on whatever database the house has."""
    with here.serving():
        accepted(here, letters.webhooks(here, 1, size.warm_up), _CONCURRENCY)
        webhooks = letters.webhooks(here, 1, size.growth_webhooks)
        yield ingest.measured(here, "webhook 5 KB", "webhook", webhooks, _CONCURRENCY)
        with here.working():
            here.until_dispatched(size.warm_up + size.growth_webhooks, _PATIENCE)
            here.take_dispatches()
            events = max(size.latency_events, round(_RATE * size.latency_seconds / 2))
            yield flow.all_the_way(here, f"{_RATE}/s, fan-out 1", 1, events, concurrency=4, rate=_RATE)
        found = accepted(here, letters.webhooks(here, _FAN_OUT, size.growth_burst), _CONCURRENCY)
        here.meters().fresh_start()
        with here.working():
            yield flow.drained(here, 1, size.growth_burst * _FAN_OUT, found)
