"""Who changes something through the management API or a command."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Change:
    """Who changes it, when, and which version they have seen; None: whatever it is now."""

    actor: str
    now: datetime
    version: int | None = None
