"""What another policy would have made of events that have come: who would have got more, and who less."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from zekt_backend.rules.policy import Decision
from zekt_backend.rules.records import RunEvent

MOST_EXAMPLES = 3
"""Of each connection and direction; the counts are of all."""


@dataclass(frozen=True, slots=True)
class Tried:
    """One event, as it is decided now and as it would be."""

    event: RunEvent
    before: Decision
    after: Decision


@dataclass(frozen=True, slots=True)
class Example:
    guid: str
    repository: str
    run_id: int
    event_id: str | None
    gained: bool
    why: str
    """What kept it from the consumer on the other side of the change."""


@dataclass(slots=True)
class Change:
    """One connection's deliveries, over all events that were tried."""

    connection: str
    before: int = 0
    after: int = 0
    gained: int = 0
    lost: int = 0
    examples: list[Example] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Comparison:
    events: int
    blocked_before: int
    blocked_after: int
    changes: tuple[Change, ...]
    """Of every connection that gets anything before or after, by name."""


def shown(found: Comparison) -> dict[str, Any]:
    """As programs read it."""
    return {
        "events": found.events,
        "blockedBefore": found.blocked_before,
        "blockedAfter": found.blocked_after,
        "connections": [
            {**asdict(change), "examples": [_example(example) for example in change.examples]}
            for change in found.changes
        ],
    }


def _example(example: Example) -> dict[str, Any]:
    return {
        "guid": example.guid,
        "repository": example.repository,
        "runId": str(example.run_id),
        "eventId": example.event_id,
        "gained": example.gained,
        "why": example.why,
    }


def compare(tried: Sequence[Tried]) -> Comparison:
    changes: dict[str, Change] = {}
    for one in tried:
        before, after = _deliveries(one.before), _deliveries(one.after)
        for name in {name for name, _ in before | after}:
            change = changes.setdefault(name, Change(name))
            had, has = ({what for where, what in side if where == name} for side in (before, after))
            change.before += len(had)
            change.after += len(has)
            change.gained += len(has - had)
            change.lost += len(had - has)
            _show(change, one, name, has - had, gained=True)
            _show(change, one, name, had - has, gained=False)
    return Comparison(
        events=len(tried),
        blocked_before=sum(1 for one in tried if one.before.outcome == "blocked"),
        blocked_after=sum(1 for one in tried if one.after.outcome == "blocked"),
        changes=tuple(changes[name] for name in sorted(changes)),
    )


def _deliveries(decision: Decision) -> set[tuple[str, str | None]]:
    """(connection, message) of each; a connection is known by its names, since its row may be another one."""
    return {
        (f"{subscription.service.slug}@{subscription.consumer}", offer.message.event_id if offer.message else None)
        for subscription, offer in decision.granted
    }


def _show(change: Change, one: Tried, name: str, what: set[str | None], *, gained: bool) -> None:
    shown = sum(1 for example in change.examples if example.gained is gained)
    why = _why_not(one.before if gained else one.after, name)
    for event_id in sorted(what, key=str)[: MOST_EXAMPLES - shown]:
        event = one.event
        change.examples.append(Example(event.guid, event.repository, event.key.run_id, event_id, gained, why))


def _why_not(decision: Decision, name: str) -> str:
    for verdict in decision.verdicts:
        subscription = verdict.subscription
        if f"{subscription.service.slug}@{subscription.consumer}" == name:
            return decision.why_not(subscription.id) or "Another message, or none, is forwarded."
    failed = [rule.detail for rule in decision.rules if not rule.passed]
    return " ".join(failed) or "There is no such subscription to this workflow."
