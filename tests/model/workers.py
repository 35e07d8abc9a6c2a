"""What workers may do, and what may become of them and their jobs."""

from datetime import timedelta
from typing import Any

from model.github import REPLIES
from model.life import Life
from model.machine import Machine, Step, one_of
from model.providers import an_event_arrives
from model.stage import Flight, Job, new_flight
from zekt_backend.store import jobs

_REPLIES = [*["accepts"] * 4, *REPLIES, "nothing"]


def a_worker_tries(m: Machine, which: int, how: int) -> None:
    begun = len(m.flights)
    m.make(a_worker_begins(m, which, how))
    if len(m.flights) > begun:
        finish(m, m.flights.pop())


def a_worker_begins(m: Machine, which: int, how: int) -> Step:
    job = one_of(_jobs(m, jobs.DELIVER), which)
    if job is None:
        return an_event_arrives(m, which, how)
    return begins(m, new_flight(job, _REPLIES[how % len(_REPLIES)]))


def begins(m: Machine, flight: Flight) -> Step:
    now = m.stage.clock.now()

    def tell(life: Life, wait: timedelta | None) -> None:
        life.wakes(flight.job.delivery_id, flight.job.id, flight.number or None, wait, now)
        if flight.number and flight.asks:
            life.asked(flight.job.delivery_id, flight.reply)

    def parked() -> None:
        if flight.number:
            m.flights.append(flight)

    return Step(lambda: m.stage.begin(flight), tell, parked)


def an_answer_is_heard(m: Machine, which: int, how: int) -> Step:
    flight = one_of([flight for flight in m.flights if flight.asks], which)
    if flight is None:
        return a_worker_begins(m, which, how)
    m.flights.remove(flight)
    return _hears(m, flight)


def _hears(m: Machine, flight: Flight) -> Step:
    now = m.stage.clock.now()

    def tell(life: Life, _: None) -> None:
        life.hears(flight.job.delivery_id, flight.number, flight.reply, now)

    return Step(lambda: m.stage.hear(flight), tell)


def finish(m: Machine, flight: Flight) -> None:
    if flight.asks:
        m.make(_hears(m, flight))
    else:
        m.run(m.stage.kill(flight))


def a_worker_dies(m: Machine, which: int, _: int) -> None:
    flight = one_of(m.flights, which)
    if flight is not None:
        m.flights.remove(flight)
        m.run(m.stage.kill(flight))


def a_job_is_lost(m: Machine, which: int, _: int) -> None:
    job = one_of(m.run(m.stage.jobs()), which)
    if job is not None:
        m.run(m.stage.forget(job))


def the_sweep_comes(m: Machine, _: int, __: int) -> Step:
    now = m.stage.clock.now()

    async def does() -> Any:
        queued = {job.key for job in await m.stage.jobs()}
        return queued, await m.stage.sweep()

    def tell(life: Life, outcome: Any) -> None:
        queued, swept = outcome
        life.swept(queued, (swept.unheard, swept.settling, swept.rearmed), now)

    return Step(does, tell)


def github_is_asked(m: Machine, which: int, how: int) -> Step:
    job = one_of(_jobs(m, jobs.SETTLE), which)
    if job is not None:
        return settles(m, job, {3: "gone", 4: "refused", 5: "down"}.get(how % 6))
    if overdue := [d.due for d in m.life.deliveries.values() if d.status == "confirmed" and d.due]:
        m.stage.clock.at = max(m.stage.clock.at, *overdue)
    return the_sweep_comes(m, which, how)


def settles(m: Machine, job: Job, fault: str | None) -> Step:
    """GitHub is asked how the consumer's run stands, and says the truth where it has no `fault`."""
    confirmed, now = m.life.deliveries[job.delivery_id].confirmed_by, m.stage.clock.now()
    run = m.stage.github.world.runs.find(confirmed[0]) if confirmed else None
    assert run is not None, "only what was confirmed is settled"
    if fault is not None:
        m.stage.github.faults.add(where="rest", kind="status", status={"gone": 404, "refused": 403, "down": 503}[fault])

    def tell(life: Life, _: None) -> None:
        life.settled(job.delivery_id, fault or run.conclusion or "going", run.attempt, now)

    return Step(lambda: m.stage.settle(job), tell, m.stage.github.faults.clear)


def _jobs(m: Machine, kind: str) -> list[Job]:
    return [job for job in m.run(m.stage.jobs()) if job.kind == kind]
