"""Which messages belong to an event that has come."""

from collections.abc import Sequence
from dataclasses import dataclass


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


def take(sent: Sequence[Message], run_attempt: int) -> list[Message]:
    """The messages of this attempt, after those of earlier ones.

    "Re-run failed jobs" runs only what failed: a message that another job sent in an earlier attempt is not sent
    again, and belongs to this one. What the same step sends again takes the place of what it sent before.

    Args:
        sent: messages of the run, in the order they came, those that were delivered included.
        run_attempt: the attempt that has ended; messages of later ones wait for theirs.
    """
    newest: dict[tuple[str | None, str | None, str | None], int] = {}
    for message in sent:
        if message.run_attempt <= run_attempt:
            newest[_sender(message)] = max(message.run_attempt, newest.get(_sender(message), 0))
    return [message for message in sent if message.run_attempt == newest.get(_sender(message))]


def owed(taken: Sequence[Message], subscription_id: int) -> list[Message]:
    """Those of them that this subscription has not been given: what others were given is nothing to it."""
    return [message for message in taken if subscription_id not in message.carried_to]


def _sender(message: Message) -> tuple[str | None, str | None, str | None]:
    return message.job, message.step, message.event_type
