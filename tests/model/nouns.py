"""What the model is about: its subscribers, messages, deliveries and attempts."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta

ENDED = ("completed", "failed")
TRIES, FIRE_AND_FORGET_TRIES = 9, 4


@dataclass
class Subscriber:
    """A consumer repository's subscription to what one workflow publishes."""

    repository: str
    workflow: str
    installation: int
    durable: bool
    only: str | None
    """The one conclusion it wants to hear of; None: all."""
    metadata_only: bool
    dispatches: int
    approved: bool = True


@dataclass
class Message:
    event_id: str
    run: int
    attempt: int
    sender: str
    payload: bytes
    notified: int
    carried_to: set[str] = field(default_factory=set)


@dataclass
class Attempt:
    """One POST to GitHub. `category` is None until an answer was heard, or it was given up as lost."""

    job: int
    category: str | None = None
    accepted: bool = False
    ambiguous: bool = False
    heard_at: datetime | None = None

    def lose(self) -> None:
        """Whoever made it has died."""
        self.category, self.ambiguous = "lost", True


@dataclass
class Delivery:
    id: str
    to: str
    run: int
    message: str | None
    late: bool
    replay_of: str | None
    durable: bool
    due: datetime | None
    """When the next step is owed: the next try, the confirmation, the end. None: nothing is."""
    status: str = "pending"
    tries: int = 0
    dispatches: int = 0
    confirmed_by: tuple[int, int] | None = None
    facts: list[str] = field(default_factory=lambda: ["created"])
    attempts: list[Attempt] = field(default_factory=list)
    arrived: int = 0
    """How often GitHub started something for it, whatever it said."""

    @property
    def open_attempt(self) -> Attempt | None:
        return next((attempt for attempt in reversed(self.attempts) if attempt.category is None), None)

    def become(self, status: str, *facts: str, due: datetime | None = None) -> None:
        self.status, self.due = status, due
        self.facts += facts

    @property
    def tries_left(self) -> bool:
        """Fire-and-forget has fewer."""
        return self.tries < (TRIES if self.durable else FIRE_AND_FORGET_TRIES)

    def limited_too_long(self, now: datetime) -> bool:
        """A limit of the installation's is not this delivery's fault, and uses up no try; but two days are enough."""
        accepted = max((n for n, attempt in enumerate(self.attempts) if attempt.accepted), default=-1)
        met = [a.heard_at for a in self.attempts[accepted + 1 :] if a.category == "rate_limit" and a.heard_at]
        return bool(met) and now - min(met) >= timedelta(days=2)
