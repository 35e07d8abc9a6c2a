"""Why deliveries failed, sorted into groups that people can act on. Pure."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

WINDOW = timedelta(days=30)
"""What failed in it is told; at exactly so long ago, too."""

MOST = 10_000
"""Failures of one connection that are grouped, the newest."""

NEWEST = 10
"""Failures that are told word for word."""


class Cause(StrEnum):
    """A group of failures. Every category of docs/errors.md is of exactly one; one that nobody knows is `other`."""

    UNAVAILABLE = "unavailable"
    TIMEOUT = "timeout"
    AUTH = "auth"
    RATE_LIMIT = "rate_limit"
    NETWORK = "network"
    NOT_FOUND = "not_found"
    INVALID = "invalid"
    UNREACHABLE = "unreachable"
    STOPPED = "stopped"
    UNCONFIRMED = "unconfirmed"
    RUN_FAILED = "run_failed"
    OVERDUE = "overdue"
    EXPIRED = "payload_expired"
    LOST = "lost"
    UNEXPECTED = "unexpected"
    OTHER = "other"


TITLES = {
    Cause.UNAVAILABLE: "GitHub was not available (5xx)",
    Cause.TIMEOUT: "GitHub did not answer in time",
    Cause.AUTH: "GitHub refused access (401, 403)",
    Cause.RATE_LIMIT: "GitHub's rate limit (429)",
    Cause.NETWORK: "GitHub was not reached (DNS, network, TLS)",
    Cause.NOT_FOUND: "The repository was not found (404)",
    Cause.INVALID: "GitHub refused the content (422)",
    Cause.UNREACHABLE: "The app was suspended or removed",
    Cause.STOPPED: "The subscription or the service had ended",
    Cause.UNCONFIRMED: "No run confirmed in time",
    Cause.RUN_FAILED: "The consumer's run failed",
    Cause.OVERDUE: "The consumer's run did not complete in time",
    Cause.EXPIRED: "The message was not kept any more",
    Cause.LOST: "The broker stopped while it waited for GitHub's answer",
    Cause.UNEXPECTED: "An answer that is not GitHub's",
    Cause.OTHER: "Another cause",
}
_SEVERAL = {
    "permission": Cause.AUTH,
    "suspended": Cause.UNREACHABLE,
    "uninstalled": Cause.UNREACHABLE,
    "not_installed": Cause.UNREACHABLE,
    "deselected": Cause.UNREACHABLE,
    "deleted": Cause.UNREACHABLE,
    "revoked": Cause.STOPPED,
    "retired": Cause.STOPPED,
}
"""Of groups that hold more than the category of their own name."""


@dataclass(frozen=True, slots=True)
class Failed:
    """So many failures of one category."""

    category: str
    count: int
    newest_at: datetime
    delivery_id: str = ""
    """The newest of them; empty where nobody needs it."""
    advice: str = ""
    """What was advised then."""


@dataclass(frozen=True, slots=True)
class Group:
    cause: Cause
    count: int
    newest_at: datetime
    parts: tuple[Failed, ...]
    """By category, the most frequent first."""

    @property
    def title(self) -> str:
        return TITLES[self.cause]


def cause_of(category: str | None) -> Cause:
    """The group of a delivery's `failure`, or of an attempt's `category`."""
    if category in _SEVERAL:
        return _SEVERAL[category]
    return Cause(category) if category in set(Cause) else Cause.OTHER


def grouped(failures: Iterable[Failed]) -> list[Group]:
    """The most frequent first. Their counts sum up to those of the failures."""
    parts: dict[Cause, list[Failed]] = {}
    for each in failures:
        parts.setdefault(cause_of(each.category), []).append(each)
    found = [_group(cause, several) for cause, several in parts.items()]
    return sorted(found, key=lambda group: (-group.count, group.cause))


def _group(cause: Cause, several: Sequence[Failed]) -> Group:
    return Group(
        cause=cause,
        count=sum(each.count for each in several),
        newest_at=max(each.newest_at for each in several),
        parts=tuple(sorted(several, key=lambda each: (-each.count, each.category))),
    )
