"""Deliver many deliveries once more: chosen at once, made one after the other, at a rate that leaves others room.

What was chosen stands in rows, and each is done in one transaction with its new delivery. So it goes on wherever it was
when a worker dies, and makes none twice.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from zekt_backend.clock import Clock
from zekt_backend.errors import ZektError
from zekt_backend.flows.recognise import Ask, principal_by_actor
from zekt_backend.flows.replay import Asker, Terms, make, recipient
from zekt_backend.rules.access import Principal, Right
from zekt_backend.rules.subscription import Side
from zekt_backend.store import audit, jobs, replays, subscriptions
from zekt_backend.store.database import Database, Tx, bounded
from zekt_backend.store.replays import Candidate

MOST = 10_000
"""At a time; whoever wants more asks again, which goes on where this ended."""
_MOST_NAMED = 10
_LONGEST = 10.0
"""Seconds that the database is given to choose: what was replayed before is passed over, however many these are."""
_MAY_NOT = (
    "Whoever began it may not manage it any more: the API token was revoked or has expired, or GitHub does not confirm"
    " the person's role. What was made stays; whoever may begins anew, and what was replayed is left out then."
)
_SECOND, _MINUTE = timedelta(seconds=1), timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class Wanted:
    """Either deliveries by id, or those of a connection. `again`: also those that were replayed before."""

    deliveries: tuple[str, ...] = ()
    connection: int | None = None
    statuses: tuple[str, ...] = ("failed",)
    since: datetime | None = None
    until: datetime | None = None
    again: bool = False


@dataclass(frozen=True, slots=True)
class Plan:
    """What would be replayed, in order; what cannot be; whether there are more than `MOST`."""

    possible: tuple[str, ...]
    expired: tuple[str, ...]
    more: bool


async def begin(
    wanted: Wanted, *, asker: Asker, per_minute: int, dry_run: bool, db: Database, clock: Clock, terms: Terms
) -> dict[str, Any]:
    """Choose, and unless it is a dry run have the workers make them; gives the receipt.

    Raises:
        ZektError: `not_found`; `replay_refused` when the connection would get nothing as things stand; `conflict`
            while another one of the asker's is under way; `query_too_long`.
    """

    async def work(tx: Tx) -> dict[str, Any]:
        now = clock.now()
        async with bounded(tx, _LONGEST):
            plan = await _plan(tx, wanted, asker, now - terms.retention)
        replay_id = None
        if plan.possible and not dry_run:
            replay_id = await _create(tx, wanted, plan, asker, per_minute=per_minute, now=now)
        return _receipt(plan, replay_id, per_minute, dry_run, terms.retention)

    return await db.run(work)


async def _plan(tx: Tx, wanted: Wanted, asker: Asker, kept_since: datetime) -> Plan:
    if wanted.connection is None:
        found = await replays.named(tx, wanted.deliveries, kept_since)
        if missing := set(wanted.deliveries) - {one.delivery_id for one in found}:
            raise ZektError("not_found", f"There is no delivery {min(missing)!r}.")
    else:
        homes = await subscriptions.homes_of(tx, wanted.connection)
        if not homes:
            raise ZektError("not_found", "There is no such connection.")
        # What holds for all of them is said before there is anything to wait for.
        await recipient(tx, wanted.connection, homes[Side.PROVIDER][1], asker.account_id)
        found = await replays.of_connection(
            tx,
            wanted.connection,
            wanted.statuses,
            since=wanted.since,
            until=wanted.until,
            again=wanted.again,
            kept_since=kept_since,
            limit=MOST + 1,
        )
    chosen = found[:MOST]
    return Plan(_ids(chosen, kept=True), _ids(chosen, kept=False), more=len(found) > MOST)


def _ids(found: list[Candidate], *, kept: bool) -> tuple[str, ...]:
    return tuple(one.delivery_id for one in found if one.kept is kept)


async def _create(tx: Tx, wanted: Wanted, plan: Plan, asker: Asker, *, per_minute: int, now: datetime) -> int:
    replay_id = await replays.create(
        tx,
        plan.possible,
        actor=asker.actor,
        account_id=asker.account_id,
        subscription_id=wanted.connection,
        per_minute=per_minute,
        now=now,
    )
    if replay_id is None:
        running = await replays.under_way(tx, asker.account_id, asker.actor)
        raise ZektError(
            "conflict",
            f"Your replay {running} is under way, and you have one at a time. See how far it is (GET"
            f" /api/replays/{running}), or stop it: DELETE /api/replays/{running}, or `zekt replay --stop {running}`.",
        )
    await jobs.enqueue(tx, [jobs.replay(replay_id)])
    after = {"deliveries": len(plan.possible), "connection": wanted.connection, "per_minute": per_minute}
    await _tell(tx, asker, "delivery.replay_many", replay_id, now=now, after=after)
    return replay_id


async def _tell(
    tx: Tx, asker: Asker, action: str, replay_id: int, *, now: datetime, after: dict[str, Any] | None = None
) -> None:
    await audit.record(
        tx,
        now=now,
        actor=asker.actor,
        account_id=asker.account_id,
        action=action,
        subject=f"replay {replay_id}",
        after=after,
    )


def _receipt(plan: Plan, replay_id: int | None, per_minute: int, dry_run: bool, retention: timedelta) -> dict[str, Any]:
    detail = (
        f"Payloads are kept for {retention.days} days, those of fire-and-forget deliveries until some time after their"
        " dispatch: have the provider's workflow run again."
    )
    impossible = {
        "code": "payload_expired",
        "count": len(plan.expired),
        "detail": detail,
        "deliveries": list(plan.expired[:_MOST_NAMED]),
    }
    return {
        "id": replay_id,
        "dryRun": dry_run,
        "total": len(plan.possible),
        "impossible": [impossible] if plan.expired else [],
        "more": plan.more,
        "perMinute": per_minute,
        "minutes": -(-len(plan.possible) // per_minute),
    }


async def go_on(
    replay_id: int, *, db: Database, clock: Clock, new_id: Callable[[], str], terms: Terms, ask: Ask
) -> timedelta | None:
    """Make the next ones, while whoever began it may still manage them: it may take days, and rights end sooner.

    Returns how long to wait for those after them, or None when none is left.
    """
    async with db.reading() as connection:
        begun = await replays.find(connection, replay_id)
    if begun is None:
        return None
    principal = await principal_by_actor(begun.actor, now=clock.now(), db=db, ask=ask)
    wait = max(_SECOND, _MINUTE / begun.per_minute)
    for _ in range(max(1, round(begun.per_minute * (wait / _MINUTE)))):
        work = partial(_next, replay_id=replay_id, principal=principal, now=clock.now(), new_id=new_id(), terms=terms)
        if not await db.run(work):
            return None
    return wait


async def _next(tx: Tx, *, replay_id: int, principal: Principal, now: datetime, new_id: str, terms: Terms) -> bool:
    """One of them, or their end."""
    held = await replays.hold(tx, replay_id)
    if held is None:
        return False
    if held.position is None or held.delivery_id is None:
        await replays.end(tx, replay_id, now, stopped=False)
        return False
    if not await _may(tx, principal, held.account_id, held.delivery_id):
        await _stop(tx, replay_id, Asker(held.actor, held.account_id), now, why=_MAY_NOT)
        return False
    replayed_as: str | None = new_id
    code: str | None = None
    detail: str | None = None
    asker = Asker(held.actor, held.account_id)
    try:
        async with tx.transaction():
            await make(tx, held.delivery_id, replay_id=new_id, asker=asker, now=now, terms=terms)
    except ZektError as error:
        replayed_as, code, detail = None, error.code, error.detail
    await replays.settle(tx, replay_id, held.position, now, replayed_as=replayed_as, code=code, detail=detail)
    return True


async def _may(tx: Tx, principal: Principal, account_id: int | None, delivery_id: str) -> bool:
    """Whether the side of this delivery that the account is on is still the caller's to act on."""
    if principal.operator:
        return True
    sides = (await replays.homes(tx, [delivery_id])).get(delivery_id)
    if sides is None:  # It is gone, which it is refused for.
        return principal.may(account_id, Right.READ)
    return any(account == account_id and principal.may_manage(account, repository) for account, repository in sides)


async def _stop(tx: Tx, replay_id: int, asker: Asker, now: datetime, *, why: str | None = None) -> None:
    if await replays.end(tx, replay_id, now, stopped=True, why=why):
        await _tell(tx, asker, "delivery.replay_stop", replay_id, now=now, after={"why": why} if why else None)


async def stop_all_of(tx: Tx, actor: str, *, by: str, now: datetime) -> None:
    """Somebody takes all rights from this actor: nothing that it began goes on."""
    for replay_id, account_id in await replays.under_way_of(tx, actor):
        await _stop(tx, replay_id, Asker(by, account_id), now, why=_MAY_NOT)


async def rearm(tx: Tx) -> int:
    """Those under way whose job was lost go on. How many."""
    return await jobs.enqueue(tx, [jobs.replay(replay_id) for replay_id in await replays.unfinished(tx)])


async def stop(replay_id: int, *, asker: Asker, db: Database, clock: Clock) -> dict[str, Any]:
    """What has not been replayed yet will not be. Stopping what has ended changes nothing.

    Raises:
        ZektError: `not_found`.
    """

    async def work(tx: Tx) -> dict[str, Any]:
        await _stop(tx, replay_id, asker, clock.now())
        told = await replays.shown(tx, replay_id)
        if told is None:
            raise ZektError("not_found", "There is no such replay.")
        return told

    return await db.run(work)
