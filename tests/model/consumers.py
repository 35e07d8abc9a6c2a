"""What a consumer's run may do, and say."""

from typing import Any

from model.life import Life
from model.machine import Machine, Step, one_of
from model.providers import end_run, run_again
from model.workers import a_worker_tries, an_answer_is_heard
from zekt_sandbox.runs import Run


def a_consumers_run_starts(m: Machine, which: int, how: int) -> None:
    dispatch = one_of([dispatch for dispatch in m.stage.arrived() if dispatch.id not in m.started], which)
    if dispatch is None:
        a_worker_tries(m, which, how)
        return
    m.started.add(dispatch.id)
    m.consumer_runs.append(m.stage.github.start_run_for(dispatch))


def a_run_confirms(m: Machine, which: int, how: int) -> Step | None:
    run = one_of(m.consumer_runs, which)
    return an_answer_is_heard(m, which, how) if run is None else says(m, run, how, success=None)


def a_run_completes(m: Machine, which: int, how: int) -> Step | None:
    run = one_of(m.consumer_runs, which)
    return an_answer_is_heard(m, which, how) if run is None else says(m, run, how, success=how // 6 % 3 != 2)


def says(m: Machine, run: Run, how: int, *, success: bool | None) -> Step:
    """Confirm, or (with `success`) complete: mostly as our actions do, else without an id, or for another's."""
    envelope, now = run.event_payload["client_payload"]["zekt"], m.stage.clock.now()
    correlation, delivery_id = envelope["correlationId"], envelope["deliveryId"]
    if how % 6 == 3:
        delivery_id = None
    elif how % 6 == 4 and (other := one_of(list(m.life.deliveries.values()), how // 6)) is not None:
        correlation, delivery_id = str(other.run), other.id
    elif how % 6 == 5:
        correlation = "1"
    ids = {"correlation_id": correlation, "delivery_id": delivery_id}

    def tell(life: Life, answer: Any) -> None:
        d = life.find(run.repository.full_name, run.id, int(correlation), delivery_id)
        if d is None:
            assert answer is None
            return
        if success is None:
            changed, duplicate = life.confirmed(d, run.id, run.attempt, now)
        else:
            changed, duplicate = life.completed(d, run.id, run.attempt, success=success)
        said = (answer.delivery_id, answer.status, answer.attempt, answer.changed, answer.duplicate)
        assert said == (d.id, d.status, len(d.attempts), changed, duplicate)

    if success is None:
        return Step(lambda: m.stage.confirm(run, **ids), tell)
    return Step(lambda: m.stage.complete(run, success=success, **ids), tell)


def a_consumers_run_ends(m: Machine, which: int, how: int) -> None:
    run = one_of([run for run in m.consumer_runs if run.conclusion is None], which)
    if run is not None:
        end_run(m, run, how)


def a_consumers_run_is_run_again(m: Machine, which: int, _: int) -> None:
    run_again(m, m.consumer_runs, which)
