"""What a provider's run may do, and what may come of its webhook."""

from dataclasses import replace
from typing import Any

from model.directory import AUDIT, ORDERS, PROVIDER, PROVIDER_ID
from model.life import Life
from model.machine import Letter, Machine, Step, one_of
from model.nouns import Message
from zekt_sandbox.runs import Run


def a_run_starts(m: Machine, _: int, how: int) -> None:
    workflow = AUDIT if how % 4 == 3 else ORDERS
    run = m.stage.github.start_run(PROVIDER, workflow=workflow)
    m.life.workflows[run.id] = workflow
    m.runs.append(run)


def a_message_arrives(m: Machine, which: int, how: int) -> Step:
    """Of any attempt of any run, ended or not; there are few, so that it often is one that was sent before."""
    if not m.runs:
        a_run_starts(m, which, how)
    run = m.runs[which % len(m.runs)]
    sender, payload, now = ("build", "deploy")[how % 2], str(how // 2 % 3).encode(), m.stage.clock.now()

    def tell(life: Life, outcome: Any) -> None:
        receipt, ids = outcome
        message = Message("", run.id, run.attempt, sender, payload, 0)
        identity = (run.id, run.attempt, sender, payload)
        life.message_arrives(identity, message, (receipt.event_id, receipt.consumers_notified), ids, now)

    return Step(lambda: m.stage.message(run, sender, payload), tell)


def a_run_ends(m: Machine, which: int, how: int) -> None:
    if all(run.conclusion for run in m.runs):
        a_run_starts(m, which, how)
    going = [run for run in m.runs if run.conclusion is None]
    end_run(m, going[which % len(going)], how)


def end_run(m: Machine, run: Run, how: int) -> None:
    m.stage.github.world.runs.finish(run, ("success", "failure")[how % 2])
    m.letters.append(Letter(m.stage.webhook(run, f"guid-{len(m.letters)}")))


def an_event_arrives(m: Machine, which: int, how: int) -> Step:
    """The end of a run; one in four perhaps again, under the same guid or another."""
    if not (how % 4 == 3 and m.letters) and all(letter.heard for letter in m.letters):
        a_run_ends(m, which, how)
    waiting = [letter for letter in m.letters if how % 4 == 3 or not letter.heard]
    letter = waiting[which % len(waiting)]
    event = replace(letter.event, guid=f"{letter.event.guid}-{how}") if how % 8 == 7 else letter.event
    key, now = event.key, m.stage.clock.now()

    def tell(life: Life, outcome: Any) -> None:
        receipt, ids = outcome
        if key.repository_id == PROVIDER_ID:
            life.event_arrives(key.run_id, key.run_attempt, event.conclusion or "", ids, now)
        else:
            assert ids == []
            life.consumer_run_ended(
                event.repository, key.run_id, key.run_attempt, event.conclusion or "", receipt.ended
            )

    def heard() -> None:
        letter.heard += 1

    return Step(lambda: m.stage.event(event), tell, heard)


def a_run_is_run_again(m: Machine, which: int, _: int) -> None:
    run_again(m, m.runs, which)


def run_again(m: Machine, runs: list[Run], which: int) -> None:
    newest = {run.id: run for run in runs}
    run = one_of([run for run in newest.values() if run.conclusion is not None], which)
    if run is not None:
        runs.append(m.stage.github.rerun(run))
