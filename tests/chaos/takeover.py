"""How long the deliveries of a killed worker waited for another worker. Pure.

A job that was picked, and picked again without having ended or been put back between, changed hands. Where the hand
that held it belonged to a worker that was killed meanwhile, it was taken over, and that lasts from the kill until the
next try of the job's delivery begins. A job whose new worker was killed too, before it began one, is measured from
that second kill.

The clock runs on while there is somebody who could take over: it stands still while PostgreSQL is away (from its kill
until it accepts connections) and while no worker at all is up (killed, or not yet connected for the first time). The
time by the clock on the wall is told beside it.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from chaos.records import Kill

Span = tuple[float, float]
"""From, until; epoch seconds."""


@dataclass(frozen=True, slots=True)
class Pick:
    """A line of the engine's log."""

    job_id: int
    status: str
    at: float


@dataclass(frozen=True, slots=True)
class Holder:
    """Who was seen to hold a job, and when."""

    at: float
    manager: str


@dataclass(frozen=True, slots=True)
class Worker:
    """One connection of one worker to the engine, as its log tells."""

    service: str
    manager: str
    since: float


@dataclass(frozen=True, slots=True)
class TakeOver:
    job_id: int
    killed_at: float
    wall: float
    seconds: float


@dataclass(frozen=True, slots=True)
class Witness:
    """Everything that was seen."""

    log: Sequence[Pick]
    tries: Mapping[int, Sequence[float]]
    """By job, when each try of its delivery began."""
    holders: Mapping[int, Sequence[Holder]]
    """By job."""
    workers: Sequence[Worker]
    kills: Sequence[Kill]
    away: Sequence[Span]
    """When PostgreSQL was."""


def take_overs(witness: Witness) -> list[TakeOver]:
    """One for each job that a killed worker left behind and that still owed a try."""
    lives: dict[int, list[Pick]] = defaultdict(list)
    for line in witness.log:
        lives[line.job_id].append(line)
    return [
        found
        for life in lives.values()
        for earlier, later in pairwise(life)
        if (earlier.status, later.status) == ("picked", "picked")
        if (found := _take_over(witness, earlier, later, _over(life, later)))
    ]


def _over(life: Sequence[Pick], pick: Pick) -> float:
    """When this pick was over: at the job's next line."""
    return next((line.at for line in life if line.at > pick.at), float("inf"))


def _take_over(witness: Witness, earlier: Pick, later: Pick, over: float) -> TakeOver | None:
    death = _death(witness, earlier, later)
    began = next((at for at in sorted(witness.tries.get(later.job_id, ())) if later.at <= at <= over), None)
    if death is None or began is None:
        return None
    return TakeOver(later.job_id, death, began - death, began - death - _nobody(witness, death, began))


def _death(witness: Witness, earlier: Pick, later: Pick) -> float | None:
    """When the job's holder was killed; for one that nobody saw, the first death of any worker, which is never late."""
    seen = [h.manager for h in witness.holders.get(earlier.job_id, ()) if earlier.at <= h.at <= later.at]
    suspects = {worker.service for worker in witness.workers if not seen or worker.manager == seen[0]}
    moments = (kill.at for kill in witness.kills if kill.target in suspects)
    return next((at for at in sorted(moments) if earlier.at <= at <= later.at), None)


def _nobody(witness: Witness, begin: float, end: float) -> float:
    """For how long, between the two, nobody could have taken over."""
    up = _up(witness.workers, witness.kills)
    edges = {begin, end, *(edge for span in (*up, *witness.away) for edge in span if begin < edge < end)}
    return sum(
        after - before
        for before, after in pairwise(sorted(edges))
        if _within(witness.away, before, after) or not _within(up, before, after)
    )


def _within(spans: Iterable[Span], begin: float, end: float) -> bool:
    return any(first <= begin and end <= last for first, last in spans)


def _up(workers: Iterable[Worker], kills: Sequence[Kill]) -> list[Span]:
    """From a worker's connection to its next kill; connections that it loses meanwhile are its own affair."""
    return [
        (
            w.since,
            min((kill.at for kill in kills if kill.target == w.service and kill.at >= w.since), default=float("inf")),
        )
        for w in workers
    ]
