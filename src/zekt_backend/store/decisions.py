"""What was decided about the ends of runs, and the deliveries that follow: kept together, or not at all."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from psycopg.types.json import Jsonb

from zekt_backend.rules.happenings import Made
from zekt_backend.rules.policy import Decision, Rule
from zekt_backend.store.database import Tx


@dataclass(frozen=True, slots=True)
class NewDecision:
    event_guid: str
    event_id: str | None
    """The message, where one came late and was decided about alone."""
    decision: Decision


@dataclass(frozen=True, slots=True)
class NewDelivery:
    id: str
    subscription_id: int
    provider_id: int
    provider: str
    consumer_id: int
    consumer: str
    installation_id: int
    correlation_id: str
    event_guid: str
    event_id: str | None
    event_type: str
    envelope: dict[str, Any]
    late: bool
    durable: bool
    confirm_timeout: timedelta
    complete_timeout: timedelta
    max_dispatches: int
    due_at: datetime
    replay_of: str | None = None


_NEW = (
    "id", "subscription_id", "provider_id", "provider", "consumer_id", "consumer", "installation_id", "correlation_id",
    "event_guid", "event_id", "event_type", "late", "durable", "confirm_timeout", "complete_timeout", "max_dispatches",
    "replay_of", "due_at",
)  # fmt: skip


async def record(tx: Tx, decided: Sequence[NewDecision], new: Sequence[NewDelivery], now: datetime) -> None:
    """Keep the reasons, and write the deliveries as pending, in order, with the first line of their history.

    A replay follows from what was decided long ago: there is nothing new to keep then but the delivery.
    """
    values: dict[str, Any] = {name: [getattr(delivery, name) for delivery in new] for name in _NEW}
    values["envelope"] = [Jsonb(delivery.envelope) for delivery in new]
    values["origin"] = [_origin(delivery) for delivery in new]
    values["decided"] = [each.event_guid for each in decided]
    values["about"] = [each.event_id for each in decided]
    values["outcome"] = [each.decision.outcome for each in decided]
    values["reasons"] = [Jsonb(_reasons(each.decision)) for each in decided]
    await tx.execute(
        """WITH kept AS (
               INSERT INTO decisions (event_guid, event_id, outcome, reasons, decided_at)
               SELECT decided.*, %(now)s
               FROM unnest(%(decided)b::text[], %(about)b::text[], %(outcome)b::text[], %(reasons)b::jsonb[])
                   AS decided),
           made AS (
               INSERT INTO deliveries (id, subscription_id, provider_id, provider, consumer_id, consumer,
                   installation_id, correlation_id, event_guid, event_id, event_type, envelope, late, durable,
                   confirm_timeout, complete_timeout, max_dispatches, replay_of, due_at, is_replay, status, created_at)
               SELECT new.*, new.replay_of IS NOT NULL, 'pending', %(now)s
               FROM unnest(%(id)b::text[], %(subscription_id)b::bigint[], %(provider_id)b::bigint[],
                   %(provider)b::text[], %(consumer_id)b::bigint[], %(consumer)b::text[],
                   %(installation_id)b::bigint[], %(correlation_id)b::text[], %(event_guid)b::text[],
                   %(event_id)b::text[], %(event_type)b::text[], %(envelope)b::jsonb[], %(late)b::boolean[],
                   %(durable)b::boolean[], %(confirm_timeout)b::interval[], %(complete_timeout)b::interval[],
                   %(max_dispatches)b::int[], %(replay_of)b::text[], %(due_at)b::timestamptz[])
                   AS new (id, subscription_id, provider_id, provider, consumer_id, consumer, installation_id,
                   correlation_id, event_guid, event_id, event_type, envelope, late, durable, confirm_timeout,
                   complete_timeout, max_dispatches, replay_of, due_at))
           INSERT INTO history (delivery_id, at, fact, to_status, detail)
           SELECT id, %(now)s, 'created', 'pending', detail
           FROM unnest(%(id)b::text[], %(origin)b::text[]) AS first (id, detail)""",
        values | {"now": now},
    )
    if new:
        tx.happenings.append(Made(len(new)))


def _origin(new: NewDelivery) -> str:
    if new.replay_of is not None:
        return f"replay of {new.replay_of}"
    return "Late: the run had ended before this message came." if new.late else ""


def _reasons(decision: Decision) -> dict[str, Any]:
    subscriptions = [verdict.subscription for verdict in decision.verdicts]
    return {
        "provider": _told(decision.rules),
        # Whom the provider hid from: what was decided then stays hidden from them.
        "hidden": [each.id for each in subscriptions if each.service.hide_provider],
        "consumers": [
            {
                "subscription": verdict.subscription.id,
                "consumer": verdict.subscription.consumer,
                "service": verdict.subscription.service.slug,
                "rules": _told(verdict.rules),
                # Only what was asked of each: most subscriptions take every message.
                "messages": [
                    {
                        "eventId": offer.message.event_id if offer.message else None,
                        "eventType": offer.event_type,
                        "rules": _told(offer.rules),
                    }
                    for offer in verdict.offers
                    if offer.rules
                ],
            }
            for verdict in decision.verdicts
        ],
    }


def _told(rules: Sequence[Rule]) -> list[dict[str, Any]]:
    return [{"name": rule.name, "passed": rule.passed, "detail": rule.detail} for rule in rules]
