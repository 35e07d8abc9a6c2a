"""Deliver once more what was delivered before: a new delivery, made from the archive."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from zekt_backend.clock import Clock
from zekt_backend.errors import ZektError
from zekt_backend.flows.fan_out import Timings
from zekt_backend.flows.fetch_payload import check_kept
from zekt_backend.rules import envelope, policy
from zekt_backend.rules.parties import Subscription
from zekt_backend.store import archive, audit, decisions, deliveries, directory, installations, jobs, repositories
from zekt_backend.store.archive import Original
from zekt_backend.store.database import Database, Tx
from zekt_backend.store.decisions import NewDelivery

PATIENCE_SECONDS = 3.0
LONGEST_QUEUE = timedelta(minutes=10)
"""Of an organisation's dispatches. All that is sent there stands in it: no account's replays make it longer."""


@dataclass(frozen=True, slots=True)
class Terms:
    """What holds where a subscription says nothing, and how long messages stay."""

    timings: Timings
    retention: timedelta


@dataclass(frozen=True, slots=True)
class Asker:
    """Who asks, on behalf of which account; None: the operator does, for the provider."""

    actor: str
    account_id: int | None = None


async def replay(
    delivery_id: str, *, asker: Asker, db: Database, clock: Clock, new_id: Callable[[], str], terms: Terms
) -> str:
    """Make the new delivery, with its slot and its job, and return its id. The old one may stand as it likes.

    Raises:
        ZektError: as `make`; and `replay_refused` where it would have to wait too long.
    """
    replay_id = new_id()

    async def work(tx: Tx) -> None:
        if await deliveries.lock(tx, replay_id) is not None:
            return  # Made before: that commit's own answer was lost on its way to us.
        now = clock.now()
        due_at = await make(tx, delivery_id, replay_id=replay_id, asker=asker, now=now, terms=terms)
        if asker.account_id is not None and due_at - now > LONGEST_QUEUE:
            raise _crowded(due_at - now)

    # Whoever asks again asks for one more replay, so a connection that breaks is made good here.
    await db.run(work, patience=PATIENCE_SECONDS)
    return replay_id


def _crowded(wait: timedelta) -> ZektError:
    return ZektError(
        "replay_refused",
        f"The consumer's organisation is sent so much that the next free place is {wait.total_seconds() / 60:.0f}"
        " minutes away. Nothing was sent. Try again later; many at once (POST /api/replays) wait by themselves.",
        retry_after=60,
    )


async def make(tx: Tx, delivery_id: str, *, replay_id: str, asker: Asker, now: datetime, terms: Terms) -> datetime:
    """The same in the caller's transaction. Returns when it is due.

    Content and correlation are the old delivery's; where it goes, and how, is what the subscription says now.

    Raises:
        ZektError: `not_found`, `payload_expired` once its message is not kept any more, or `replay_refused`
            when the consumer would get nothing of this service as things stand.
    """
    old = await archive.original(tx, delivery_id)
    if old is None:
        raise ZektError("not_found", "There is no such delivery.")
    if old.event_id is not None:
        check_kept(old.received_at, old.gone, now, terms.retention)
    subscription = await recipient(tx, old.subscription_id, old.provider_id, asker.account_id)
    new = await _again(tx, delivery_id, old, subscription, now=now, replay_id=replay_id, timings=terms.timings)
    await decisions.record(tx, [], [new], now)
    await jobs.enqueue(tx, [jobs.deliver(new.id, 0, new.due_at - now)])
    await _tell(tx, new, asker, now)
    return new.due_at


async def _tell(tx: Tx, new: NewDelivery, asker: Asker, now: datetime) -> None:
    provider, consumer = await repositories.accounts_of(tx, new.provider_id, new.consumer_id)
    whose = asker.account_id if asker.account_id is not None else provider
    other = consumer if whose == provider else provider
    await audit.record(
        tx,
        now=now,
        actor=asker.actor,
        account_id=whose,
        other_account_id=None if other == whose else other,
        action="delivery.replay",
        subject=str(new.replay_of),
        after={"replayedAs": new.id},
    )


async def recipient(tx: Tx, subscription_id: int, provider_id: int, account_id: int | None) -> Subscription:
    """The subscription, if it would get anything as things stand.

    Raises:
        ZektError: `replay_refused`.
    """
    decision = policy.expect(await directory.provider_of(tx, subscription_id))
    for subscription in decision.recipients:
        if subscription.id == subscription_id:
            return subscription
    (provider,) = await repositories.accounts_of(tx, provider_id)
    if account_id in (None, provider):
        why = decision.why_not(subscription_id)
    else:
        # The consumer may not know who the provider is, nor what else the provider publishes.
        why = decision.own_part(subscription_id) or "The provider does not offer it as things stand."
    raise ZektError(
        "replay_refused",
        f"{why} Nothing was sent. Once that has changed (in the console, by the API, or in the setup file and"
        " `zekt setup apply`), replay again.",
    )


async def _again(
    tx: Tx,
    delivery_id: str,
    old: Original,
    subscription: Subscription,
    *,
    now: datetime,
    replay_id: str,
    timings: Timings,
) -> NewDelivery:
    installation_id = subscription.installation_id
    if installation_id is None:
        raise AssertionError("policy lets nobody through whom the app cannot reach")
    (due_at,) = await installations.reserve(tx, installation_id, now, count=1, pace=timings.pace)
    return NewDelivery(
        id=replay_id,
        subscription_id=subscription.id,
        provider_id=old.provider_id,
        provider=old.provider,
        consumer_id=subscription.consumer_id,
        consumer=subscription.consumer,
        installation_id=installation_id,
        correlation_id=old.correlation_id,
        event_guid=old.event_guid,
        # A service that has become metadata only since forwards no message any more.
        event_id=None if subscription.service.metadata_only else old.event_id,
        event_type=old.event_type,
        envelope=envelope.replayed(old.envelope, subscription.service, delivery_id=replay_id),
        late=old.late,
        durable=subscription.durable,
        confirm_timeout=subscription.confirm_timeout or timings.confirm_timeout,
        complete_timeout=subscription.complete_timeout or timings.complete_timeout,
        max_dispatches=subscription.max_dispatches or timings.max_dispatches,
        due_at=due_at,
        replay_of=delivery_id,
    )
