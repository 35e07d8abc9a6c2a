"""Turn a decision into deliveries: rows, slots and jobs, all in the caller's transaction; and keep it."""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from zekt_backend.rules import envelope
from zekt_backend.rules.pace import Pace
from zekt_backend.rules.parties import Subscription
from zekt_backend.rules.policy import Decision, Offer
from zekt_backend.rules.records import RunEvent
from zekt_backend.rules.trace import Context
from zekt_backend.store import decisions, installations, jobs
from zekt_backend.store.database import Tx
from zekt_backend.store.decisions import NewDecision, NewDelivery


@dataclass(frozen=True, slots=True)
class Timings:
    """What holds where a subscription says nothing, and how fast writes of one installation follow each other."""

    confirm_timeout: timedelta
    complete_timeout: timedelta
    max_dispatches: int
    pace: Pace


@dataclass(frozen=True, slots=True)
class Decided:
    """The end of a run, and who gets it; `place` is the decision's in its trace."""

    event: RunEvent
    decision: Decision
    place: Context
    about: str | None = None
    """The message that came after the end, where it was decided about that alone."""


async def fan_out(
    tx: Tx, decided: Sequence[Decided], *, now: datetime, new_id: Callable[[], str], timings: Timings
) -> list[int]:
    """Keep each decision, with one delivery for each that it grants, in its order. How many, of each."""
    wanted = [(each, *granted) for each in decided for granted in each.decision.granted]
    slots = await _reserve_slots(tx, [subscription for _, subscription, _ in wanted], now, timings.pace)
    new = [
        _delivery(each, subscription, offer, delivery_id=new_id(), due_at=slot, timings=timings)
        for (each, subscription, offer), slot in zip(wanted, slots, strict=True)
    ]
    kept = [NewDecision(each.event.guid, each.about, each.decision) for each in decided]
    await decisions.record(tx, kept, new, now)
    await jobs.enqueue(tx, [jobs.deliver(delivery.id, 0, delivery.due_at - now) for delivery in new])
    return [len(each.decision.granted) for each in decided]


def _installation(subscription: Subscription) -> int:
    if subscription.installation_id is None:
        raise AssertionError("policy lets nobody through whom the app cannot reach")
    return subscription.installation_id


async def _reserve_slots(tx: Tx, subscriptions: Sequence[Subscription], now: datetime, pace: Pace) -> list[datetime]:
    """A slot for each, in order."""
    if not subscriptions:
        return []
    counts = Counter(_installation(subscription) for subscription in subscriptions)
    free = {id_: iter(slots) for id_, slots in (await installations.reserve_each(tx, counts, now, pace=pace)).items()}
    return [next(free[_installation(subscription)]) for subscription in subscriptions]


def _delivery(
    decided: Decided,
    subscription: Subscription,
    offer: Offer,
    *,
    delivery_id: str,
    due_at: datetime,
    timings: Timings,
) -> NewDelivery:
    event = decided.event
    return NewDelivery(
        id=delivery_id,
        subscription_id=subscription.id,
        provider_id=event.key.repository_id,
        provider=event.repository,
        consumer_id=subscription.consumer_id,
        consumer=subscription.consumer,
        installation_id=_installation(subscription),
        correlation_id=event.key.correlation_id,
        event_guid=event.guid,
        event_id=offer.message.event_id if offer.message else None,
        event_type=offer.event_type,
        envelope=envelope.head(
            event, subscription.service, delivery_id=delivery_id, event_type=offer.event_type, decision=decided.place
        ),
        late=decided.about is not None,
        durable=subscription.durable,
        confirm_timeout=subscription.confirm_timeout or timings.confirm_timeout,
        complete_timeout=subscription.complete_timeout or timings.complete_timeout,
        max_dispatches=subscription.max_dispatches or timings.max_dispatches,
        due_at=due_at,
    )
