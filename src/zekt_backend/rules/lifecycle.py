"""The life of a delivery, as one table: docs/lifecycle.md draws it, the store's updates obey it."""

from enum import StrEnum


class Status(StrEnum):
    PENDING = "pending"
    DISPATCHED = "dispatched"
    CONFIRMED = "confirmed"
    COMPLETED = "completed"
    FAILED = "failed"


class Fact(StrEnum):
    """What can happen to a delivery. Facts that change no status stand in the history too."""

    CREATED = "created"
    ACCEPTED = "accepted"
    POSTPONED = "postponed"
    REFUSED = "refused"
    UNHEARD = "unheard"
    GIVEN_UP = "given_up"
    CONFIRMED = "confirmed"
    COMPLETED = "completed"
    RUN_FAILED = "run_failed"
    OVERDUE = "overdue"
    NOTED = "noted"


TRANSITIONS: dict[Fact, dict[Status, Status]] = {
    # GitHub answered 204.
    Fact.ACCEPTED: {Status.PENDING: Status.DISPATCHED},
    # GitHub's answer is permanent, or the tries are used up.
    Fact.REFUSED: {Status.PENDING: Status.FAILED},
    # Durable: not confirmed in time, so dispatched again …
    Fact.UNHEARD: {Status.DISPATCHED: Status.PENDING},
    # … and after the last dispatch, no more.
    Fact.GIVEN_UP: {Status.DISPATCHED: Status.FAILED},
    # The consumer's run has started. It proves that a pending dispatch arrived, whatever we heard of it.
    Fact.CONFIRMED: {Status.DISPATCHED: Status.CONFIRMED, Status.PENDING: Status.CONFIRMED},
    # The consumer's run has ended well, or not.
    Fact.COMPLETED: {Status.CONFIRMED: Status.COMPLETED},
    Fact.RUN_FAILED: {Status.CONFIRMED: Status.FAILED},
    # Confirmed, then silence, and GitHub knows of no end.
    Fact.OVERDUE: {Status.CONFIRMED: Status.FAILED},
}

ENDED = frozenset({Status.COMPLETED, Status.FAILED})


def sources(fact: Fact) -> list[str]:
    """The statuses that a fact may change: the WHERE of its compare-and-swap."""
    return [status.value for status in TRANSITIONS[fact]]


def target(fact: Fact) -> Status:
    """The one status that a fact leads to."""
    (status,) = set(TRANSITIONS[fact].values())
    return status
