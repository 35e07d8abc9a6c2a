"""What a transaction has brought about: counted and logged when it is committed, and not before."""

from dataclasses import dataclass
from datetime import timedelta

from zekt_backend.rules.lifecycle import Fact, Status
from zekt_backend.rules.spans import Span


@dataclass(frozen=True, slots=True)
class Made:
    """Deliveries were made, pending."""

    count: int


@dataclass(frozen=True, slots=True)
class Moved:
    """A delivery came from one status to another."""

    delivery_id: str
    fact: Fact
    status: Status
    age: timedelta
    """Since it was made, which is when its event came, or its message where that was late."""
    correlation_id: str
    consumer_id: int
    failure: str | None
    attempts: int
    dispatches: int
    """How often GitHub has accepted it, this time included."""


@dataclass(frozen=True, slots=True)
class Tried:
    """An attempt has its outcome: the category of GitHub's answer, or `lost`."""

    outcome: str


@dataclass(frozen=True, slots=True)
class Planned:
    """A write was given its slot."""

    wait: timedelta


@dataclass(frozen=True, slots=True)
class Managed:
    """Somebody changed something: the audit trail has the line, and what it was before."""

    actor: str
    action: str
    subject: str
    account_id: int | None


Happening = Made | Moved | Tried | Planned | Managed | Span
