"""The facts that the ledger compares: what was acknowledged, what GitHub received, what the database says."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal


@dataclass(frozen=True, slots=True)
class Owed:
    """What one run's provider was promised: acknowledged means that the API answered 2xx, and nothing less."""

    run_id: int
    event: bool
    """Its webhook was acknowledged. If not, everything about this run is optional."""
    consumers: frozenset[str]
    messages: Mapping[str, bytes]
    """Acknowledged ones, by the event id of the receipt."""
    doubtful: frozenset[str] = frozenset()
    """sha256 of messages that were sent and not acknowledged: they may have effect, or not."""
    bare: Literal["owed", "forbidden", "optional"] = "forbidden"
    """A delivery without a message: owed when no message came before the event."""
    metadata_only: bool = False


@dataclass(frozen=True, slots=True)
class Received:
    """One repository_dispatch that GitHub accepted, whatever it answered."""

    delivery_id: str
    attempt: int
    consumer: str
    payload: Any
    sha256: str | None
    reference: Mapping[str, Any] | None


@dataclass(frozen=True, slots=True)
class Line:
    """A line of history."""

    fact: str
    before: str | None
    after: str


@dataclass(frozen=True, slots=True)
class Attempt:
    number: int
    job_id: int | None
    started_at: datetime
    finished: bool
    accepted: bool
    ambiguous: bool
    category: str | None


@dataclass(slots=True)
class Delivery:
    """A row, with its history and its attempts."""

    id: str
    run_id: int
    consumer: str
    event_id: str | None
    sha256: str | None
    """Of its message, as the database has it."""
    durable: bool
    status: str
    owes: bool
    """It has a due time."""
    confirmed_by: int | None
    history: list[Line] = field(default_factory=list)
    attempts: list[Attempt] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Confirmed:
    """A confirm that was acknowledged, and not as a duplicate."""

    delivery_id: str
    run_id: int


@dataclass(frozen=True, slots=True)
class Kill:
    at: float
    """Epoch seconds, read just before the signal."""
    target: str


@dataclass(slots=True)
class Evidence:
    owed: list[Owed]
    received: list[Received]
    deliveries: list[Delivery]
    ends: dict[str, str]
    """How each durable delivery's consumer ended it, by delivery id."""
    confirmed: list[Confirmed]
    jobs_left: int
    bad_fetches: list[str] = field(default_factory=list)
    """Claim checks whose bytes were not the message's."""
