"""The consumer's run says that it has started, or how it ended."""

import json
from datetime import datetime, timedelta
from typing import Any

from zekt_action.wire import Acknowledgement, CompleteRequest, ConfirmRequest
from zekt_backend.clock import Clock
from zekt_backend.flows.admit import admit
from zekt_backend.rules import acknowledgement, identity
from zekt_backend.rules.acknowledgement import Ruling, Standing
from zekt_backend.rules.lifecycle import Fact, Status, target
from zekt_backend.rules.records import SignedClaims
from zekt_backend.store import deliveries
from zekt_backend.store.database import Database, Tx
from zekt_backend.store.deliveries import Delivery


async def confirm(
    request: ConfirmRequest, claims: SignedClaims, purpose: bytes, *, db: Database, clock: Clock
) -> Acknowledgement:
    """Dispatched → Confirmed, once; a second run is told that it is a duplicate.

    Raises:
        ZektError: `not_yours` when the token's repository has no such delivery; what `admit` raises.
    """

    async def work(tx: Tx) -> Acknowledgement:
        delivery = await _find(tx, request, claims, purpose)
        ruling = acknowledgement.on_confirm(_standing(delivery), claims.run_id)
        return await _write(tx, delivery, ruling, claims, clock.now(), end={})

    return await db.run(work)


async def complete(
    request: CompleteRequest, claims: SignedClaims, purpose: bytes, *, db: Database, clock: Clock
) -> Acknowledgement:
    """Confirmed → Completed | Failed, with the consumer's result for the provider to see.

    Raises:
        ZektError: as above.
    """

    async def work(tx: Tx) -> Acknowledgement:
        delivery = await _find(tx, request, claims, purpose)
        ruling = acknowledgement.on_complete(_standing(delivery), claims.run_id, success=request.success)
        end = {
            "consumer_conclusion": request.conclusion or ("success" if request.success else "failure"),
            "result": _as_result(request.result),
        }
        if not request.success:
            end |= {
                "failure": "run_failed",
                "advice": "The consumer's run said that it failed: look at its log.",
            }
        return await _write(tx, delivery, ruling, claims, clock.now(), end=end)

    return await db.run(work)


async def _find(tx: Tx, request: ConfirmRequest, claims: SignedClaims, purpose: bytes) -> Delivery:
    await admit(tx, claims, purpose)
    delivery = await deliveries.lock_for_consumer(
        tx,
        consumer_id=claims.repository_id,
        correlation_id=request.correlation_id,
        delivery_id=request.delivery_id,
        run_id=claims.run_id,
    )
    if delivery is None:
        raise identity.not_yours("This repository has no such delivery")
    return delivery


def _standing(delivery: Delivery) -> Standing:
    return Standing(delivery.status, delivery.durable, delivery.consumer_run_id)


async def _write(
    tx: Tx, delivery: Delivery, ruling: Ruling, claims: SignedClaims, now: datetime, *, end: dict[str, Any]
) -> Acknowledgement:
    status = delivery.status
    for fact in ruling.facts:
        columns = _confirmed(claims, now, delivery.complete_timeout) if fact is Fact.CONFIRMED else _ended(now, end)
        await deliveries.advance(tx, delivery.id, fact, now, detail=f"run {claims.run_id}", **columns)
        status = target(fact)
    if not ruling.facts:
        detail = f"run {claims.run_id}: {ruling.message}"
        await deliveries.note_once(tx, delivery.id, now, status=status, detail=detail)
    return _answer(delivery, status, ruling)


def _as_result(value: Any) -> str | None:
    """JSON text in ASCII, which a text column can always hold."""
    return None if value is None else json.dumps(value)


def _confirmed(claims: SignedClaims, now: datetime, complete_timeout: timedelta) -> dict[str, Any]:
    return {
        "confirmed_at": now,
        "due_at": now + complete_timeout,
        "consumer_run_id": claims.run_id,
        "consumer_run_attempt": claims.run_attempt,
    }


def _ended(now: datetime, end: dict[str, Any]) -> dict[str, Any]:
    return {"completed_at": now, "due_at": None, **end}


def _answer(delivery: Delivery, status: Status, ruling: Ruling) -> Acknowledgement:
    return Acknowledgement(
        delivery_id=delivery.id,
        correlation_id=delivery.correlation_id,
        status=status.value,
        attempt=delivery.attempt,
        duplicate=ruling.duplicate,
        changed=bool(ruling.facts),
        message=ruling.message,
    )
