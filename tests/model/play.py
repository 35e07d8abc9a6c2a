"""Plays an example: what happens, one by one or two at once; and how it ends, when GitHub behaves."""

from datetime import timedelta

from model import checks, consumers, happenings, providers, workers
from model.machine import Machine
from model.stage import new_flight
from zekt_backend.store import jobs

_ROUNDS = 100


def happens(m: Machine, what: str, which: int, how: int) -> None:
    step = happenings.HAPPENINGS[what](m, which, how)
    if step is not None:
        m.make(step)
    m.check()


def at_once(m: Machine, *both: tuple[str, int, int]) -> None:
    made = [happenings.HAPPENINGS[what](m, which, how) for what, which, how in both]
    steps = [step for step in made if step is not None]
    if len(steps) == len(both):
        m.make_both(*steps)
    elif steps:
        m.make(steps[0])
    m.check()


def end(m: Machine) -> None:
    """Every run ends and is heard of, half the consumers answer; then nothing may be owed, and nothing be lost."""
    while m.flights:
        workers.a_worker_dies(m, 0, 0)
    for runs in (m.runs, m.consumer_runs):
        for run in [run for run in runs if run.conclusion is None]:
            providers.end_run(m, run, 0)
    while any(not letter.heard for letter in m.letters):
        m.make(providers.an_event_arrives(m, 0, 0))
    for _ in range(_ROUNDS):
        _work(m)
        _consume(m)
        m.make(workers.the_sweep_comes(m, 0, 0))
        m.check()
        owed = [d.due for d in m.life.deliveries.values() if d.due]
        if not owed and not m.run(m.stage.jobs()):
            break
        m.stage.clock.at = max(m.stage.clock.at, *owed) + timedelta(seconds=6) if owed else m.stage.clock.at
    else:
        raise AssertionError("something is still owed")
    checks.check_end(m.life, m.run(checks.read(m.stage)), m.faithful)


def _work(m: Machine) -> None:
    for job in m.run(m.stage.jobs()):
        if job.kind == jobs.SETTLE:
            m.make(workers.settles(m, job, None))
            continue
        m.make(workers.begins(m, new_flight(job, "accepts")))
        while m.flights:
            workers.finish(m, m.flights.pop())


def _consume(m: Machine) -> None:
    """Two of three runs confirm and complete; the third does not even confirm."""
    begun = len(m.consumer_runs)
    while len(m.started) < len(m.stage.arrived()):
        consumers.a_consumers_run_starts(m, 0, 0)
    for number, run in enumerate(m.consumer_runs[begun:], begun):
        if number % 3 != 2:
            m.make(consumers.says(m, run, 0, success=None))
            m.make(consumers.says(m, run, 0, success=True))
