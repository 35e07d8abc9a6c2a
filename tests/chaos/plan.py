"""What the providers will do, made from a seed before anything starts."""

import hashlib
import json
import random
from dataclasses import dataclass

from chaos.world import PROVIDERS, Provider

_FIRST_RUN = 9_000_000_001
_LARGE = 0.01
"""How many messages are too large to travel inline, and go by claim check."""


@dataclass(frozen=True, slots=True)
class Message:
    id: str
    raw: bytes
    late: bool
    """Sent after the run's webhook was answered."""
    again: bool
    """Sent a second time after it was acknowledged."""

    @property
    def sha256(self) -> str:
        return hashlib.sha256(self.raw).hexdigest()


@dataclass(frozen=True, slots=True)
class PlannedRun:
    id: int
    provider: Provider
    conclusion: str
    messages: tuple[Message, ...]
    racing: bool
    """Its messages and its webhook are sent at the same moment."""
    webhook_twice: bool

    @property
    def items(self) -> int:
        """Messages and events."""
        return len(self.messages) + 1

    @property
    def consumers(self) -> frozenset[str]:
        """Who must hear of it."""
        wanted = (s for s in self.provider.subscriptions if s.wants(self.conclusion))
        return frozenset(subscription.consumer for subscription in wanted)


def runs(seed: int, items: int) -> list[PlannedRun]:
    """Runs with at least so many items, the same for the same seed."""
    dice = random.Random(f"plan {seed}")
    planned: list[PlannedRun] = []
    left = items
    while left > 0:
        planned.append(_run(dice, _FIRST_RUN + len(planned)))
        left -= planned[-1].items
    return planned


def _run(dice: random.Random, run_id: int) -> PlannedRun:
    early = dice.choices((0, 1, 2, 3), (20, 60, 15, 5))[0]
    late = dice.choices((0, 1), (90, 10))[0]
    return PlannedRun(
        id=run_id,
        provider=dice.choice(PROVIDERS),
        conclusion=dice.choices(("success", "failure", "cancelled"), (85, 10, 5))[0],
        messages=tuple(_message(dice, run_id, number, late=number >= early) for number in range(early + late)),
        racing=dice.random() < 0.1,
        webhook_twice=dice.random() < 0.1,
    )


def _message(dice: random.Random, run_id: int, number: int, *, late: bool) -> Message:
    filler = dice.randrange(70_000, 200_000) if dice.random() < _LARGE else dice.randrange(0, 2_000)
    payload = {"run": run_id, "number": number, "price": dice.random() * 100, "text": "Grüße ✓ " + "x" * filler}
    raw = json.dumps(payload, ensure_ascii=dice.random() < 0.5).encode()
    return Message(f"msg-{run_id}-{number}", raw, late=late, again=dice.random() < 0.1)
