"""What GitHub may do with a dispatch: as the sandbox is told to do it, and what it means."""

from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any


@dataclass(frozen=True)
class Reply:
    category: str
    arrives: bool = False
    """Whether a run is started, whatever is answered."""
    accepted: bool = False
    permanent: bool = False
    ambiguous: bool = False
    limited: bool = False
    retry_after: timedelta = timedelta(0)
    fault: dict[str, Any] = field(default_factory=dict, hash=False)


REPLIES = {
    "accepts": Reply("accepted", arrives=True, accepted=True),
    "is down": Reply("unavailable", ambiguous=True, fault={"kind": "status", "status": 503}),
    "breaks after accepting": Reply(
        "unavailable", arrives=True, ambiguous=True, fault={"kind": "accept_then_status", "status": 502}
    ),
    "cuts after accepting": Reply("network", arrives=True, ambiguous=True, fault={"kind": "accept_then_cut"}),
    "cuts": Reply("network", ambiguous=True, fault={"kind": "cut"}),
    "is odd": Reply("unexpected", fault={"kind": "status", "status": 418}),
    "limits": Reply(
        "rate_limit", limited=True, retry_after=timedelta(seconds=90), fault={"kind": "rate_limit", "seconds": 90}
    ),
    "refuses": Reply("not_found", permanent=True, fault={"kind": "status", "status": 404}),
}
