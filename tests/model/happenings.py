"""Everything that can happen. Two numbers choose which of the things that are there, and how.

What may be drawn never hangs on what has happened, so an example is a list of names and numbers, and stays one.
Where there is nothing that it could happen to, what would bring that about happens instead.
"""

from collections.abc import Callable
from datetime import timedelta

from model.consumers import (
    a_consumers_run_ends,
    a_consumers_run_is_run_again,
    a_consumers_run_starts,
    a_run_completes,
    a_run_confirms,
    says,
)
from model.machine import Machine, Step, one_of
from model.providers import (
    a_message_arrives,
    a_run_ends,
    a_run_is_run_again,
    a_run_starts,
    an_event_arrives,
    end_run,
)
from model.stage import new_flight
from model.workers import (
    a_job_is_lost,
    a_worker_begins,
    a_worker_dies,
    a_worker_tries,
    an_answer_is_heard,
    begins,
    finish,
    github_is_asked,
    the_sweep_comes,
)

_JUMPS = (None, None, None, 1, 61, 600, 2400, 25_000)


def a_message_goes_its_way(m: Machine, which: int, how: int) -> None:
    """What mostly happens, up to the dispatch, the consumer's run, its confirmation or GitHub's being asked."""
    a_run_starts(m, which, how)
    m.make(a_message_arrives(m, len(m.runs) - 1, how))
    end_run(m, m.runs[-1], how)
    m.make(an_event_arrives(m, -1, 0))
    for job in m.run(m.stage.jobs())[-2:]:
        m.make(begins(m, new_flight(job, "accepts")))
        while m.flights:
            finish(m, m.flights.pop())
    if which % 4 == 0:
        return
    begun = len(m.consumer_runs)
    while len(m.started) < len(m.stage.arrived()):
        a_consumers_run_starts(m, which, how)
    for run in m.consumer_runs[begun:] if which % 4 >= 2 else ():
        m.make(says(m, run, 0, success=None))
    if which % 4 == 3:
        m.stage.clock.at += timedelta(hours=6)
        m.make(the_sweep_comes(m, which, how))


def a_subscription_changes(m: Machine, which: int, _: int) -> None:
    name = one_of(list(m.life.subscribers), which)
    assert name is not None
    m.faithful.discard(name)
    subscriber = m.life.subscribers[name]
    subscriber.approved = not subscriber.approved
    m.run(m.stage.apply({one: s.approved for one, s in m.life.subscribers.items()}))


def a_delivery_is_replayed(m: Machine, which: int, how: int) -> Step:
    old = one_of(list(m.life.deliveries), which)
    if old is None:
        return an_event_arrives(m, which, how)
    now = m.stage.clock.now()
    return Step(lambda: m.stage.replay(old), lambda life, made: life.replayed(old, made, now))


def time_passes(m: Machine, which: int, how: int) -> None:
    """Up to the next thing that is owed, and a little more; or just so long."""
    jump = _JUMPS[which % len(_JUMPS)]
    if jump is not None:
        m.stage.clock.at += timedelta(seconds=jump)
    elif owed := [d.due for d in m.life.deliveries.values() if d.due and d.due > m.stage.clock.at]:
        m.stage.clock.at = min(owed) + timedelta(seconds=6 * (how % 2))


Happening = Callable[[Machine, int, int], Step | None]

PROVIDERS: tuple[Happening, ...] = (
    a_run_starts,
    a_message_arrives,
    a_run_ends,
    an_event_arrives,
    a_run_is_run_again,
    a_message_goes_its_way,
)
WORKERS: tuple[Happening, ...] = (a_worker_tries, a_worker_begins, an_answer_is_heard, a_worker_dies, a_job_is_lost)
CONSUMERS: tuple[Happening, ...] = (
    a_consumers_run_starts,
    a_run_confirms,
    a_run_completes,
    a_consumers_run_ends,
    a_consumers_run_is_run_again,
)
KEEPERS: tuple[Happening, ...] = (
    time_passes,
    the_sweep_comes,
    github_is_asked,
    a_subscription_changes,
    a_delivery_is_replayed,
)
# The sweep leaves alone what somebody else holds, and is not told apart from one that came a little later.
AT_ONCE: tuple[Happening, ...] = (
    a_message_arrives,
    an_event_arrives,
    a_worker_begins,
    an_answer_is_heard,
    a_run_confirms,
    a_run_completes,
    a_delivery_is_replayed,
)
HAPPENINGS = {happening.__name__: happening for happening in (*PROVIDERS, *WORKERS, *CONSUMERS, *KEEPERS)}
