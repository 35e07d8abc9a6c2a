"""What GitHub failed to tell us: which webhooks to ask for again, when, and when to stop. Pure."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

RETENTION = timedelta(days=3)
"""How long GitHub can redeliver: https://docs.github.com/en/webhooks/testing-and-troubleshooting-webhooks/redelivering-webhooks"""

OVERLAP = timedelta(minutes=5)
"""What was read is read again this far back: a slow webhook stands in the log when newer ones do, and clocks differ."""

_WAITS = tuple(timedelta(minutes=minutes) for minutes in (5, 15, 60, 4 * 60, 12 * 60))

MAX_ASKS = len(_WAITS)
"""Redeliveries asked for, over 17 hours and 20 minutes: inside the three days, whatever hour the outage began."""

_LONGEST = timedelta(hours=6)
"""Between two looks at a run that is still going; GitHub ends one after 35 days at the latest."""


@dataclass(frozen=True, slots=True)
class LogLine:
    """One delivery of a webhook, as a hook's log has it."""

    id: int
    guid: str
    """Shared by all deliveries of one event."""
    delivered_at: datetime
    redelivery: bool
    ok: bool
    event: str
    action: str | None
    repository_id: int | None


@dataclass(frozen=True, slots=True)
class Gap:
    """Something that could not be recovered."""

    kind: str
    """hooks, log, retention, webhook, runs or event."""
    subject: str
    detail: str
    """What happened, why it usually does, and what to do."""
    found_at: datetime


def ours(lines: Sequence[LogLine]) -> list[LogLine]:
    """The lines that the broker acts on; whatever else a hook hears of is nothing to us."""
    return [line for line in lines if line.event == "workflow_run" and line.action == "completed"]


def failed(lines: Sequence[LogLine]) -> list[LogLine]:
    """Of each event that no line shows as delivered, the newest line."""
    delivered = {line.guid for line in lines if line.ok}
    newest: dict[str, LogLine] = {}
    for line in sorted(lines, key=lambda line: line.id):
        if line.guid not in delivered:
            newest[line.guid] = line
    return list(newest.values())


def next_ask(asked: int) -> timedelta:
    """How long to wait after the redelivery numbered `asked` (from 1) before the next, or before giving up."""
    return _WAITS[min(asked, MAX_ASKS) - 1]


def is_hopeless(asked: int, delivered_at: datetime, now: datetime) -> bool:
    """Whether a redelivery is not worth asking for any more: asked often enough, or GitHub has forgotten it."""
    return asked >= MAX_ASKS or delivered_at <= now - RETENTION


def is_forgotten(read_until: datetime, began: datetime) -> bool:
    """Whether a reading that `began` then comes too late for some of what stood in the log since the one before."""
    return read_until < began - RETENTION - OVERLAP


def next_look(looked: int, patience: timedelta) -> timedelta:
    """How long to leave a run alone that was still going at the look numbered `looked` (from 1)."""
    doubled: int = 2 ** min(looked - 1, 10)
    return max(patience, min(_LONGEST, patience * doubled))


def requests_an_hour(seconds: int) -> int:
    """For a repository with our webhook: its webhooks are listed once, its log is read in each round (`seconds` apart).

    Nought where there are no rounds. One more for every 100 lines of the log, of which a run makes three.
    """
    return 1 + math.ceil(3_600 / seconds) if seconds else 0
