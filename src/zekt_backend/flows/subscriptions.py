"""Subscriptions: a consumer asks, its provider approves or denies, either revokes. Each holds for the next event."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from zekt_backend.errors import ZektError
from zekt_backend.flows.accounts import require_persona
from zekt_backend.rules.access import check_version, not_yours
from zekt_backend.rules.subscription import Side, Standing, Verb, target
from zekt_backend.store import audit, services, subscriptions
from zekt_backend.store.database import Database, Tx
from zekt_backend.store.subscriptions import Held

MOST_REQUESTS = 20
"""Of one account for one service, not decided yet: each is a line in every decision of the provider's."""


async def request(
    service: str,
    consumer: int | str,
    note: str,
    settings: Mapping[str, Any],
    *,
    actor: str,
    now: datetime,
    db: Database,
) -> int:
    """Ask for a service on behalf of a repository (GitHub's id, or owner/name); denied and revoked ones ask again.

    `settings` are any of `store/subscriptions.SETTINGS`; those that it does not name are as they were, or have their
    defaults. Whether the caller may know of the service is the caller's to have asked. Returns the subscription's id.

    Raises:
        ZektError: `not_yours` when there is no such service or repository; `conflict` when the service is retired, the
            account is no consumer or has too many open requests for it, its repository is not enabled as one, or the
            subscription is requested or approved.
    """

    async def work(tx: Tx) -> int:
        home, found = await services.home(tx, consumer), await services.lock(tx, service)
        if home is None or found is None:
            raise not_yours()
        await _check_home(tx, home)
        _check_published(service, retired=found["retired_at"] is not None)
        made = await subscriptions.create(
            tx,
            service_id=found["id"],
            repository_id=home.repository_id,
            note=note,
            settings=settings,
            actor=actor,
            now=now,
        )
        held = await _held(tx, made or await subscriptions.id_of(tx, service, home.repository))
        if made is None:
            target(held.status, Verb.REQUEST)
            if not await subscriptions.ask_again(
                tx, held, note=note, settings={**held.settings, **settings}, actor=actor, now=now
            ):
                raise AssertionError("the row is locked")
        _check_room(service, await subscriptions.count_requested(tx, found["id"], home.account_id))
        before = {"status": held.status.value} if made is None else None
        after = {"status": Standing.REQUESTED.value, "note": note, **settings}
        await _record(tx, held, _Done(Verb.REQUEST, Side.CONSUMER, actor, now), before, after)
        return held.id

    return await db.run(work)


async def decide(
    subscription_id: int,
    verb: Verb,
    *,
    answer: str,
    side: Side,
    version: int | None,
    actor: str,
    now: datetime,
    db: Database,
) -> None:
    """Approve, deny or revoke, on behalf of `side`. `answer` is for the other one to read.

    A revoke holds for deliveries under way, too: each asks again before it is dispatched.

    Raises:
        ZektError: `not_yours` when there is no such subscription, `version_stale`; `conflict` where it stands
            otherwise, somebody who was first included, or when a retired service would be approved.
    """

    async def work(tx: Tx) -> None:
        held = await _held(tx, subscription_id)
        check_version(held.version, version)
        to = target(held.status, verb)
        if verb is Verb.APPROVE:
            _check_published(held.name.partition("@")[0], retired=held.retired)
        if not await subscriptions.decide(tx, held, to, answer=answer, side=side, actor=actor, now=now):
            raise AssertionError("the row is locked")
        after = {"status": to.value, "side": side.value, **({"answer": answer} if answer else {})}
        await _record(tx, held, _Done(verb, side, actor, now), {"status": held.status.value}, after)

    await db.run(work)


async def change(
    subscription_id: int,
    wanted: Mapping[str, Any],
    *,
    version: int | None,
    actor: str,
    now: datetime,
    db: Database,
) -> None:
    """Change what `wanted` names of `store/subscriptions.SETTINGS`: on behalf of the consumer, in any status.

    Raises:
        ZektError: `not_yours` when there is no such subscription, `version_stale`.
    """

    async def work(tx: Tx) -> None:
        held = await _held(tx, subscription_id)
        check_version(held.version, version)
        differing = [name for name in wanted if wanted[name] != held.settings[name]]
        if not differing:
            return
        if not await subscriptions.change(tx, held, {**held.settings, **wanted}):
            raise AssertionError("the row is locked")
        before, after = ({name: side[name] for name in differing} for side in (held.settings, wanted))
        await _record(tx, held, _Done("change", Side.CONSUMER, actor, now), before, after)

    await db.run(work)


async def _held(tx: Tx, subscription_id: int | None) -> Held:
    held = None if subscription_id is None else await subscriptions.lock(tx, subscription_id)
    if held is None:
        raise not_yours()
    return held


async def _check_home(tx: Tx, home: services.Home) -> None:
    await require_persona(tx, home.account_id, "consumer")
    if not home.enabled_as_consumer:
        raise ZektError(
            "conflict",
            f"{home.repository} is not enabled as a consumer, so nothing could be delivered there. Enable it first:"
            f" `zekt repositories enable {home.repository} --consumer`, docs/api.md for the same over HTTP.",
        )


def _check_published(service: str, *, retired: bool) -> None:
    if retired:
        raise ZektError(
            "conflict", f"The service {service} is retired: nothing is delivered until its provider publishes it again."
        )


def _check_room(service: str, requests: int) -> None:
    if requests > MOST_REQUESTS:
        raise ZektError(
            "conflict",
            f"{MOST_REQUESTS} requests of this account for {service} are open already: wait until its provider has"
            " decided on some of them, or revoke some.",
        )


@dataclass(frozen=True, slots=True)
class _Done:
    """Who has done it, on behalf of which side."""

    verb: str
    side: Side
    actor: str
    now: datetime


async def _record(tx: Tx, held: Held, done: _Done, before: Mapping[str, Any] | None, after: Mapping[str, Any]) -> None:
    """The line is the acting side's; the other one may read it, but not who it was. An operator's is the provider's."""
    own, other = held.sides.provider, held.sides.consumer
    if done.side is Side.CONSUMER:
        own, other = other, own
    await audit.record(
        tx,
        now=done.now,
        actor=done.actor,
        account_id=own,
        other_account_id=None if other == own else other,
        action=f"subscription.{done.verb}",
        subject=held.name,
        before=_told(before),
        after=_told(after),
    )


def _told(side: Mapping[str, Any] | None) -> dict[str, Any] | None:
    if side is None:
        return None
    return {name: value.total_seconds() if isinstance(value, timedelta) else value for name, value in side.items()}
