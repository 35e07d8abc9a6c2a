"""How long the deliveries of a killed worker waited for another worker. Pure.

A job that was picked, and picked again without having ended or been put back between, was taken over. Its worker died
at the first kill of a worker after the earlier pick: that may be another worker's death, which makes the figure
longer, never shorter. The take-over lasts from there until the next try of the job's delivery began. A job whose new
worker was killed too before it began one is measured from that death.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from chaos.records import Kill


@dataclass(frozen=True, slots=True)
class Pick:
    """A line of the engine's log."""

    job_id: int
    status: str
    at: float
    """Epoch seconds."""


@dataclass(frozen=True, slots=True)
class TakeOver:
    job_id: int
    killed_at: float
    seconds: float


def take_overs(log: Iterable[Pick], tries: Mapping[int, Sequence[float]], kills: Iterable[Kill]) -> list[TakeOver]:
    """One for each job that a killed worker left behind and that still owed a try.

    Args:
        log: the engine's, in order.
        tries: by job, when each try of its delivery began.
        kills: of workers and of everything else.
    """
    deaths = sorted(kill.at for kill in kills if kill.target.startswith("worker"))
    lives: dict[int, list[Pick]] = defaultdict(list)
    for line in log:
        lives[line.job_id].append(line)
    return [
        found
        for job_id, life in lives.items()
        for earlier, later in pairwise(life)
        if (earlier.status, later.status) == ("picked", "picked")
        if (found := _take_over(earlier, later, _over(life, later), deaths, tries.get(job_id, ())))
    ]


def _over(life: Sequence[Pick], pick: Pick) -> float:
    """When this pick was over: at the job's next line."""
    return next((line.at for line in life if line.at > pick.at), float("inf"))


def _take_over(
    earlier: Pick, later: Pick, over: float, deaths: Sequence[float], tries: Sequence[float]
) -> TakeOver | None:
    death = next((at for at in deaths if earlier.at <= at <= later.at), None)
    began = next((at for at in sorted(tries) if later.at <= at <= over), None)
    return TakeOver(later.job_id, death, began - death) if death is not None and began is not None else None
