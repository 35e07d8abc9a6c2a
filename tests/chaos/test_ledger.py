"""The ledger can fail: each kind of wrong is made by hand, and found."""

import hashlib
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from chaos import ledger
from chaos.records import Attempt, Confirmed, Delivery, Evidence, Line, Owed, Received

RAW = b'{"order": 1}'
SHA = hashlib.sha256(RAW).hexdigest()
CREATED = Line("created", None, "pending")
ACCEPTED = Line("accepted", "pending", "dispatched")
UNHEARD = Line("unheard", "dispatched", "pending")
DURABLE = [CREATED, ACCEPTED, Line("confirmed", "dispatched", "confirmed"), Line("completed", "confirmed", "completed")]


def attempt(number: int = 1, **changes: Any) -> Attempt:
    made = Attempt(number, 7, datetime.now(UTC), finished=True, accepted=True, ambiguous=False, category="accepted")
    return replace(made, **changes)


def lost(number: int) -> Attempt:
    return attempt(number, accepted=False, ambiguous=True, category="lost")


def dispatch(delivery_id: str = "d-durable", number: int = 1, **changes: Any) -> Received:
    consumer = "buyer/durable" if delivery_id == "d-durable" else "buyer/simple"
    return replace(Received(delivery_id, number, consumer, {"order": 1}, SHA, None), **changes)


def delivery(delivery_id: str, status: str, history: list[Line]) -> Delivery:
    return Delivery(
        id=delivery_id,
        run_id=1,
        consumer="buyer/durable" if delivery_id == "d-durable" else "buyer/simple",
        event_id="event-1",
        sha256=SHA,
        durable=delivery_id == "d-durable",
        status=status,
        owes=False,
        confirmed_by=11 if delivery_id == "d-durable" else None,
        history=history,
        attempts=[attempt()],
    )


def sound() -> Evidence:
    """One message of one run to two consumers, one of them durable, and all is well."""
    return Evidence(
        owed=[Owed(1, True, frozenset({"buyer/durable", "buyer/simple"}), {"event-1": RAW})],
        received=[dispatch(), dispatch("d-simple")],
        deliveries=[
            delivery("d-durable", "completed", DURABLE),
            delivery("d-simple", "dispatched", [CREATED, ACCEPTED]),
        ],
        ends={"d-durable": "completed"},
        confirmed=[Confirmed("d-durable", 11)],
        jobs_left=0,
    )


def found(evidence: Evidence) -> list[str]:
    return [finding.kind for finding in ledger.check(evidence)]


def test_a_sound_ledger_has_no_findings() -> None:
    assert found(sound()) == []


def no_delivery(e: Evidence) -> None:
    del e.deliveries[1], e.received[1]


def no_dispatch(e: Evidence) -> None:
    e.received = [d for d in e.received if d.delivery_id != "d-simple"]
    e.deliveries[1].attempts = []


def claimed_but_never_received(e: Evidence) -> None:
    e.deliveries[1].attempts.append(attempt(2))


def a_row_forgotten(e: Evidence) -> None:
    e.received.append(dispatch("d-gone", consumer="buyer/simple"))


def a_bare_event_forgotten(e: Evidence) -> None:
    e.owed[0] = replace(e.owed[0], bare="owed")


def a_confirmation_forgotten(e: Evidence) -> None:
    e.deliveries[0].confirmed_by = None


def another_payload(e: Evidence) -> None:
    e.received[0] = dispatch(payload={"order": 2})


def another_digest(e: Evidence) -> None:
    e.received[0] = dispatch(sha256="0" * 64)


def another_repository(e: Evidence) -> None:
    e.received.append(dispatch(number=2, consumer="buyer/simple"))
    e.deliveries[0].attempts = [lost(1), attempt(2)]


def another_claim_check(e: Evidence) -> None:
    e.received[0] = dispatch(payload=None, reference={"sha256": "0" * 64})


def other_bytes_fetched(e: Evidence) -> None:
    e.bad_fetches.append("d-durable")


def to_nobody_who_asked(e: Evidence) -> None:
    e.owed[0] = replace(e.owed[0], consumers=frozenset({"buyer/durable"}))


def a_bare_event_that_nobody_was_owed(e: Evidence) -> None:
    e.deliveries[1].event_id = None
    e.received[1] = dispatch("d-simple", payload=None, sha256=None)
    e.owed[0] = replace(e.owed[0], consumers=frozenset({"buyer/simple", "buyer/durable"}), event=False)


def the_same_twice(e: Evidence) -> None:
    e.deliveries.append(replace(e.deliveries[1], id="d-again"))
    e.received.append(dispatch("d-again"))


def pending(e: Evidence) -> None:
    e.deliveries[1].status, e.deliveries[1].history = "pending", [CREATED]


def never_ended(e: Evidence) -> None:
    e.deliveries[0].status, e.deliveries[0].history = "confirmed", DURABLE[:3]


def past_due(e: Evidence) -> None:
    e.deliveries[0].owes = True


def a_job_left(e: Evidence) -> None:
    e.jobs_left = 1


def no_such_transition(e: Evidence) -> None:
    e.deliveries[0].history = [CREATED, ACCEPTED, Line("completed", "dispatched", "completed")]


def a_gap(e: Evidence) -> None:
    e.deliveries[0].history = [CREATED, *DURABLE[2:]]


def another_status(e: Evidence) -> None:
    e.deliveries[0].history = [*DURABLE[:3], Line("run_failed", "confirmed", "failed")]


def another_end(e: Evidence) -> None:
    e.ends["d-durable"] = "failed"


def failed_though_nothing_was_wrong(e: Evidence) -> None:
    e.deliveries[1].status = "failed"
    e.deliveries[1].history = [CREATED, Line("refused", "pending", "failed")]


def a_second_certain_dispatch(e: Evidence) -> None:
    e.received.append(dispatch(number=2))
    e.deliveries[0].attempts.append(attempt(2))


def an_attempt_sent_twice(e: Evidence) -> None:
    e.received.append(dispatch())


def an_unrecorded_attempt(e: Evidence) -> None:
    e.received.append(dispatch(number=2))


def a_dispatch_recorded_as_refused(e: Evidence) -> None:
    e.received.append(dispatch(number=2))
    e.deliveries[0].attempts.append(attempt(2, accepted=False, category="not_found"))


def an_attempt_left_open(e: Evidence) -> None:
    e.deliveries[0].attempts = [attempt(finished=False, accepted=False), attempt(2)]
    e.received.append(dispatch(number=2))


Spoil = Callable[[Evidence], None]
BAD: dict[Spoil, str] = {
    no_delivery: "lost",
    no_dispatch: "lost",
    claimed_but_never_received: "lost",
    a_row_forgotten: "lost",
    a_bare_event_forgotten: "lost",
    a_confirmation_forgotten: "lost",
    another_payload: "wrong",
    another_digest: "wrong",
    another_repository: "wrong",
    another_claim_check: "wrong",
    other_bytes_fetched: "wrong",
    to_nobody_who_asked: "unexpected",
    a_bare_event_that_nobody_was_owed: "unexpected",
    the_same_twice: "duplicate",
    pending: "stuck",
    never_ended: "stuck",
    past_due: "stuck",
    a_job_left: "stuck",
    no_such_transition: "illegal",
    a_gap: "illegal",
    another_status: "illegal",
    another_end: "ended",
    failed_though_nothing_was_wrong: "ended",
    a_second_certain_dispatch: "unexplained",
    an_attempt_sent_twice: "unexplained",
    an_unrecorded_attempt: "unexplained",
    a_dispatch_recorded_as_refused: "unexplained",
    an_attempt_left_open: "unexplained",
}


@pytest.mark.parametrize(("spoil", "kind"), BAD.items(), ids=lambda value: getattr(value, "__name__", value))
def test_a_bad_ledger_is_found_out(spoil: Spoil, kind: str) -> None:
    evidence = sound()
    spoil(evidence)
    assert set(found(evidence)) == {kind}


def test_every_kind_of_finding_has_its_bad_ledger() -> None:
    assert set(BAD.values()) == set(ledger.KINDS)


def an_extra_dispatch_after_an_ambiguous_attempt(e: Evidence) -> None:
    e.received.append(dispatch(number=2))
    e.deliveries[0].attempts = [lost(1), attempt(2)]


def a_round_that_began_anew(e: Evidence) -> None:
    e.received.append(dispatch(number=2))
    e.deliveries[0].attempts = [attempt(), attempt(2)]
    e.deliveries[0].history = [CREATED, ACCEPTED, UNHEARD, *DURABLE[1:]]


def a_try_that_accepted_nothing(e: Evidence) -> None:
    e.received[0] = dispatch(number=2)
    e.deliveries[0].attempts = [attempt(accepted=False, category="rate_limit"), attempt(2)]


def an_unacknowledged_message_with_effect(e: Evidence) -> None:
    e.owed[0] = replace(e.owed[0], messages={}, doubtful=frozenset({SHA}))


def an_unacknowledged_event_without_effect(e: Evidence) -> None:
    e.owed[0] = replace(e.owed[0], event=False)
    e.deliveries, e.received, e.confirmed = [], [], []


def a_claim_check(e: Evidence) -> None:
    e.received[0] = dispatch(payload=None, reference={"sha256": SHA})


def a_confirmation_before_the_answer(e: Evidence) -> None:
    e.deliveries[0].history = [CREATED, Line("confirmed", "pending", "confirmed"), DURABLE[3]]
    e.deliveries[0].attempts = [attempt(finished=False, accepted=False)]


ALLOWED: list[Spoil] = [
    an_extra_dispatch_after_an_ambiguous_attempt,
    a_round_that_began_anew,
    a_try_that_accepted_nothing,
    an_unacknowledged_message_with_effect,
    an_unacknowledged_event_without_effect,
    a_claim_check,
    a_confirmation_before_the_answer,
]


@pytest.mark.parametrize("happen", ALLOWED, ids=lambda value: value.__name__)
def test_what_may_happen_is_no_finding(happen: Spoil) -> None:
    evidence = sound()
    happen(evidence)
    assert found(evidence) == []


def test_extra_dispatches_are_those_beyond_the_first_of_each_round() -> None:
    evidence = sound()
    a_round_that_began_anew(evidence)
    assert ledger.extra(evidence) == 0
    evidence.received.append(dispatch("d-simple", 2))
    assert ledger.extra(evidence) == 1
