"""Which messages belong to an event that has come."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

Sender = tuple[str | None, ...]
"""The step of a job that sends messages of one type, in any attempt."""


@dataclass(frozen=True, slots=True)
class Message:
    """A message without its payload, which stays in the table until somebody needs it."""

    event_id: str
    event_type: str | None
    workflow_path: str
    run_attempt: int
    job: str | None
    step: str | None
    carried_to: tuple[int, ...] = ()
    """Subscriptions to which a delivery carries it."""
    gone: bool = False
    """Its bytes are not kept any more: nobody can be given it."""
    traceparent: str | None = None
    leg: str | None = None
    """Which leg of a matrix sent it, in any attempt; None where its sender does not say."""
    check_run_id: str = ""
    """Of the job that sent it: one for each leg, and another in each attempt."""


def take(sent: Sequence[Message], run_attempt: int) -> list[Message]:
    """The messages of this attempt, after those of earlier ones.

    "Re-run failed jobs" runs only what failed: a message that another job sent in an earlier attempt is not sent
    again, and belongs to this one. What the same step sends again takes the place of what it sent before, unless it
    cannot be told that it is the same: a consumer is rather given a message twice than never.

    Args:
        sent: messages of the run, in the order they came, those that were delivered included.
        run_attempt: the attempt that has ended; messages of later ones wait for theirs.
    """
    known = [message for message in sent if message.run_attempt <= run_attempt]
    jobs: dict[Sender, dict[int, set[str]]] = defaultdict(lambda: defaultdict(set))
    for message in known:
        jobs[_sender(message)][message.run_attempt].add(message.check_run_id)
    return [message for message in known if not _sent_again(message, jobs[_sender(message)])]


def owed(taken: Sequence[Message], subscription_id: int) -> list[Message]:
    """Those of them that this subscription has not been given: what others were given is nothing to it."""
    return [message for message in taken if subscription_id not in message.carried_to]


def _sender(message: Message) -> Sender:
    return message.job, message.step, message.leg, message.event_type


def _sent_again(message: Message, jobs: Mapping[int, set[str]]) -> bool:
    """Whether a later attempt has sent it anew.

    Calls of one reusable workflow are jobs, and legs, of the same name. As many of them must have sent again as sent
    then: of fewer nobody knows whose message stays without a successor. Clients that name no job are never known again.

    Args:
        message: of an attempt that is among `jobs`.
        jobs: which jobs have sent as this one, by attempt.
    """
    if message.job is None:
        return False
    then = len(jobs[message.run_attempt])
    return any(attempt > message.run_attempt and len(again) >= then for attempt, again in jobs.items())
