"""From the event to the dispatch: how late it comes at a given rate, and how fast what has piled up is worked off."""

import threading
from collections.abc import Iterator, Mapping, Sequence

from zekt_bench import letters
from zekt_bench.figures import Row, row, spread_of
from zekt_bench.house import House, Zekt, accepted, answers, house, problems
from zekt_bench.load import Answer
from zekt_bench.size import Size
from zekt_sandbox.runs import Run

Rates = tuple[tuple[int, int], ...]
"""(events a second, consumers of each)."""
FEW: Rates = ((1, 1), (10, 1), (100, 1), (10, 5))
MANY: Rates = ((1, 100),)
_PEERS_AT: Rates = ((10, 1), (10, 5))

_BURST_FAN_OUT = 5
WORKERS = (1, 2, 4)
_CONCURRENCY = 16
_SLOWEST = 20
"""Dispatches a second below which it is given up: a figure of what never ends is none."""


def latency(size: Size, kind: type[House] = Zekt) -> Iterator[Row]:
    """One API and one worker; each event comes when it is due, whatever became of those before."""
    rates, alone = (FEW + MANY, (size.widest,)) if kind is Zekt else (_PEERS_AT, ())
    with house((*_fan_outs(rates), *alone), kind) as here, here.serving(), here.working():
        yield from latency_at(here, size, rates, alone)


def latency_at(here: House, size: Size, rates: Rates, alone: tuple[int, ...] = ()) -> Iterator[Row]:
    """At each of these rates, and of single events with so many consumers."""
    _warm(here, size, _fan_outs(rates))
    for rate, fan_out in rates:
        events = max(size.latency_events, round(rate * size.latency_seconds))
        yield all_the_way(here, f"{rate}/s, fan-out {fan_out}", fan_out, events, rate=rate, concurrency=4)
    for fan_out in alone:
        yield all_the_way(here, f"one event, fan-out {fan_out}", fan_out, 1, rate=1, concurrency=4)


def _fan_outs(rates: Rates) -> tuple[int, ...]:
    return tuple(sorted({fan_out for _, fan_out in rates}))


def through(size: Size, kind: type[House] = Zekt) -> Iterator[Row]:
    """One API and one worker; events come as fast as they are answered, and are dispatched meanwhile."""
    with house((_BURST_FAN_OUT,), kind) as here, here.serving(), here.working():
        _warm(here, size, (_BURST_FAN_OUT,))
        how = f"c={_CONCURRENCY}, fan-out {_BURST_FAN_OUT}"
        yield all_the_way(here, how, _BURST_FAN_OUT, size.through_events, concurrency=_CONCURRENCY)


def _warm(here: House, size: Size, fan_outs: tuple[int, ...]) -> None:
    for fan_out in fan_outs:
        accepted(here, letters.webhooks(here, fan_out, size.warm_up // fan_out + 1), _CONCURRENCY)
    here.until_dispatched(sum((size.warm_up // fan_out + 1) * fan_out for fan_out in fan_outs), 120)
    here.take_dispatches()


def all_the_way(here: House, how: str, fan_out: int, events: int, *, concurrency: int, rate: float = 0.0) -> Row:
    """So many events, with one API and one worker."""
    runs = letters.runs(here, fan_out, events)
    requests, count = [letters.webhook(here, run) for run in runs], events * fan_out
    with here.loaded(requests, concurrency=concurrency, rate=rate) as load:
        meters = here.meters()
        meters.fresh_start()
        before = meters.read()
        found = answers(load)
        here.until_dispatched(count, 30 + count / _SLOWEST)
        cost = meters.since(before)
        memory = meters.memory()
    came = here.take_dispatches()
    seconds, wrong = since_due(due_at(runs, found), came, fan_out)
    first = min(answer.began for answer in found)
    return row(
        "event → dispatch",
        f"{how}, 1 worker",
        "dispatch",
        count,
        cost,
        failed=problems(found) + wrong,
        rate=count * 1e9 / (max(at for at, _, _ in came) - first),
        memory=memory,
        late=1000 * max(each.late for each in found),
        **spread_of(seconds),
    )


def due_at(runs: Sequence[Run], found: Sequence[Answer]) -> dict[str, int]:
    """When each event was due, in the machine's nanoseconds.

    Where the load sent it later the machine had no time for it, and whoever waits for it waits for that, too.
    """
    return {str(run.id): answer.began - round(answer.late * 1e9) for run, answer in zip(runs, found, strict=True)}


def since_due(due: Mapping[str, int], came: Sequence[tuple[int, str, str]], fan_out: int) -> tuple[list[float], int]:
    """Seconds from when each event was due to each of its dispatches, and how many are missing or came again."""
    by_run: dict[str, set[str]] = {run: set() for run in due}
    ours = [(at, run, delivery) for at, run, delivery in came if run in due]
    for _, run, delivery in ours:
        by_run[run].add(delivery)
    amiss = sum(abs(fan_out - len(deliveries)) for deliveries in by_run.values())
    again = len(came) - sum(len(deliveries) for deliveries in by_run.values())
    return [(at - due[run]) / 1e9 for at, run, _ in ours], amiss + again


def burst(size: Size) -> Iterator[Row]:
    """All events are there before the workers are; then 1, 2 and 4 of them work the same off."""
    for workers in WORKERS:
        with house((_BURST_FAN_OUT,)) as here, here.serving():
            yield burst_at(here, size, workers)


def burst_at(here: House, size: Size, workers: int) -> Row:
    """Received before it is measured; nothing else may be due."""
    found = accepted(here, letters.webhooks(here, _BURST_FAN_OUT, size.burst_events), _CONCURRENCY)
    here.meters().fresh_start()
    with here.working(workers):
        return _drained(here, workers, size.burst_events * _BURST_FAN_OUT, found)


def _drained(here: House, workers: int, count: int, found: list[Answer]) -> Row:
    """From the moment that all workers are there: what the first of them did before counts neither way."""
    meters = here.meters()
    before, done = meters.read(), here.dispatches()
    if done == count:
        raise ValueError(f"{count} dispatches were done before {workers} workers were there: take a larger burst")
    here.until_dispatched(count, 60 + count / _SLOWEST)
    cost = meters.since(before)
    deliveries = {delivery for _, _, delivery in here.take_dispatches()}
    return row(
        f"burst of {count // _BURST_FAN_OUT} x {_BURST_FAN_OUT}",
        f"{workers} workers" if workers > 1 else "1 worker",
        "dispatch",
        count - done,
        cost,
        failed=problems(found) + count - len(deliveries),
        rate=(count - done) / cost.seconds,
        memory=meters.memory(),
    )


def idle(size: Size, kind: type[House] = Zekt) -> Iterator[Row]:
    """What a broker costs to which nothing happens; of ours, each process by itself too.

    By itself with all that it maps (RSS): the benchmark and the sink map the same libraries, so that its proportional
    share is what no process has that is alone on its machine.
    """
    with house(kind=kind) as here:
        with here.serving(), here.working():
            _warm(here, size, (1,))
            yield _still(here, "1 worker", size)
        if kind is not Zekt:
            return
        with here.serving():
            with here.working():
                _warm(here, size, (1,))
            yield _still(here, "API alone, RSS", size, alone="api")
        with here.working():
            with here.serving():
                _warm(here, size, (1,))
            yield _still(here, "worker alone, RSS", size, alone="worker")


def _still(here: House, how: str, size: Size, *, alone: str | None = None) -> Row:
    meters = here.meters()
    meters.fresh_start()
    before = meters.read()
    threading.Event().wait(size.idle_seconds)
    cost = meters.since(before)
    memory = meters.memory() if alone is None else meters.resident(alone)
    return row("idle", how, "second", round(size.idle_seconds), cost, memory=memory)
